"""The classifier on OpenVINO: CPUs multiply 8-bit integers two to four times as fast as floats."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from signwrite.classifier import Classification, check_clips
from signwrite.errors import BundleError

OUTPUTS = ("scores", "hand", "boxes")
_REPORTER = "openvino_telemetry"


def _openvino() -> Any:  # noqa: ANN401 - OpenVINO ships no types
    """Import OpenVINO, which takes a second, without what reports its use to its makers.

    By itself it sends an event at its import and some at each conversion, each from a fork of this
    process: in the middle of serving that is a copy of everything. It does without the package.
    """
    if _REPORTER not in sys.modules:
        sys.modules[_REPORTER] = None  # type: ignore[assignment]  # importing it fails, as documented
    import openvino  # noqa: PLC0415 - see above

    return openvino


def convert(saved_model: Path, *, digests: Mapping[str, str], cache: Path | None = None) -> Path:
    """Convert a SavedModel to OpenVINO's form; what was converted before is taken from a cache.

    Args:
        saved_model: its folder.
        digests: SHA-256 of its files: another content is converted anew, as with another OpenVINO.
        cache: where to keep it; by default ``signwrite`` in the user's folder for caches.

    Returns:
        The converted model; the SavedModel itself where nothing can be kept, as on a file system
        that is read-only.

    Raises:
        BundleError: OpenVINO cannot read it.
    """
    openvino = _openvino()
    key = json.dumps([openvino.__version__, sorted(digests.items())])
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.openvino"
    kept = (cache or _user_cache()) / name / "model.xml"
    if kept.is_file():
        return kept
    with suppress(OSError):  # it can be served without being kept
        kept.parent.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=kept.parent.parent) as temporary:
            whole = Path(temporary) / name
            openvino.save_model(_read(saved_model), str(whole / kept.name), compress_to_fp16=False)
            whole.rename(kept.parent)  # fails where another process was first
    return kept if kept.is_file() else saved_model


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signwrite"


def _read(model: Path) -> Any:  # noqa: ANN401 - OpenVINO ships no types
    openvino = _openvino()
    try:
        if model.is_dir():
            return openvino.convert_model(str(model))
        return openvino.Core().read_model(str(model))
    except (OSError, RuntimeError) as error:
        raise _unreadable(model, error) from error


def _unreadable(model: Path, error: Exception) -> BundleError:
    return BundleError(f"a model that OpenVINO can run: {model.name}: {error}")


class OpenVinoClassifier:
    """Runs a model on the CPU with OpenVINO, one clip after the other.

    A clip's frames keep every core busy, so several clips in one call would take as long. For each
    number of clips OpenVINO would prepare, and keep, the model anew: hundreds of megabytes.

    Args:
        model: a model in OpenVINO's form (``.xml``), or the folder of a TensorFlow SavedModel,
            which is converted in memory.
        threads: how many CPU threads one call may use; all cores by default.
        bfloat16: multiply in bfloat16 where the CPU can; what is quantised stays so.

    Raises:
        BundleError: the model cannot be read, or has not the outputs of a bundle's.
    """

    def __init__(self, model: Path, *, threads: int | None = None, bfloat16: bool = False) -> None:
        """Load and compile the model; takes seconds."""
        openvino = _openvino()
        properties: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        }
        if threads is not None:
            properties["INFERENCE_NUM_THREADS"] = threads
        try:
            network = _read(model)
            network.reshape([1, *list(network.input(0).partial_shape)[1:]])
            self._compiled = openvino.Core().compile_model(network, "CPU", properties)
            self._outputs = {name: self._compiled.output(name) for name in OUTPUTS}
        except (OSError, RuntimeError) as error:
            raise _unreadable(model, error) from error

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        """Score uint8 [B, T, S, S, 3] clips, RGB.

        Raises:
            ValueError: the array is not uint8 with five axes.
        """
        check_clips(clips)
        rows: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in OUTPUTS}
        for clip in np.ascontiguousarray(clips):
            said = self._compiled(clip[np.newaxis], share_inputs=True)
            for name, output in self._outputs.items():
                # Copied: the next call overwrites what OpenVINO hands out.
                rows[name].append(np.array(said[output][0], np.float32))
        return Classification(**{name: np.stack(found) for name, found in rows.items()})
