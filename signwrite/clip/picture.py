"""Small pictures for people. Nothing here reaches the model: its pixels are `signwrite.frames`'."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation

_COARSENESS = "3"  # FFmpeg's scale from 2, fine, to 31: the joints of a finger can be told apart


def jpeg_of(pixels: npt.NDArray[np.uint8], *, longest_px: int) -> bytes:
    """Pack a picture as a JPEG, scaled down where its longer side is too long.

    Args:
        pixels: uint8 [H, W, 3], RGB, full range.
        longest_px: the most pixels of the longer side.

    Returns:
        A JPEG file, 4:2:0, without metadata. Its sides are even, as its chroma is halved.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, longest_px / max(height, width))
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        width=_even(width * scale),
        height=_even(height * scale),
        format="yuvj420p",
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.AREA,
    )
    frame.pts = 0
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)  # noqa: S101 - for the type checker
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuvj420p", Fraction(1), 1
    encoder.options = {"qmin": _COARSENESS, "qmax": _COARSENESS, "flags": "+bitexact"}
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def _even(side: float) -> int:
    return max(2, 2 * round(side / 2))
