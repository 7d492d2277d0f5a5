"""The clips that are timed: a drawn signer, filmed as cameras do, with their sizes and noise."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from pipeline.drawing.signer import Signer
from pipeline.encoding import write_video
from pipeline.example import EXAMPLE_SEED, draw_clip

SIZES = {"480p": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
FPS = 30
SECONDS = 2.0

_GRAIN = 4.0  # standard deviation of a sensor's noise, of 255: without it, clips decode too easily


@cache
def film(sign: str, *, size: str, seconds: float = SECONDS) -> bytes:
    """Draw a sign and encode it as H.264 in MP4, 30 frames a second.

    Args:
        sign: what is signed.
        size: a name in `SIZES`.
        seconds: how long.
    """
    clip = draw_clip(sign, signer=Signer.from_seed(EXAMPLE_SEED), seconds=seconds, fps=FPS)
    width, height = SIZES[size]
    rng, scaler = np.random.default_rng(EXAMPLE_SEED), VideoReformatter()

    def filmed(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        large = scaler.reformat(VideoFrame.from_ndarray(frame), width=width, height=height)
        grain = rng.normal(0.0, _GRAIN, (height, width, 1))
        noisy: npt.NDArray[np.uint8] = np.clip(large.to_ndarray() + grain, 0, 255).astype(np.uint8)
        return noisy

    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, map(filmed, clip.frames), fps=clip.fps, crf=23)
        return path.read_bytes()


def usual_clips() -> list[bytes]:
    """Return what is sent in turn: several signs, each in every size."""
    return [film(sign, size=size) for sign in ("B", "L", "Z") for size in SIZES]
