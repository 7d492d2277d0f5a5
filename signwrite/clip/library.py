"""The FFmpeg that reads clips: its version, and all of its bindings loaded at once."""

import importlib
import pkgutil

import av


def ffmpeg_version() -> str:
    """Return the version of FFmpeg that PyAV brings along."""
    return av.ffmpeg_version_info


def load_all() -> None:
    """Load every module of PyAV; it loads some on demand, which needs the file system then."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        importlib.import_module(module.name)
