"""Writes drawn frames as videos; clips cut from videos go through `pipeline.clips.writer`.

H.264 in MP4 by PyAV (FFmpeg with libx264): no audio, constant frame rate, planar YUV 4:2:0 in the
BT.601 limited range, which is what FFmpeg converts RGB to. One encoding thread, so that the same
frames give the same bytes with the same library.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.frame import PictureType

from pipeline.files import whole_file
from signwrite.errors import InputError

Frame = npt.NDArray[np.uint8]

MIN_SIDE_PX = 16
MAX_CRF = 51  # the worst quality of 8-bit x264
PRESET = "veryfast"
_BT601_CODE = 6  # SMPTE 170M in the H.264 tables of matrix coefficients
_LIMITED_RANGE_CODE = 1


@dataclass(frozen=True)
class _Opening:
    """Where and how to write, all of it already checked."""

    partial: Path
    shown_name: str
    fps: Fraction
    crf: int


def write_video(
    path: Path,
    frames: Iterable[Frame],
    *,
    fps: Fraction,
    crf: int = 20,
    keyframes: Sequence[int] = (),
) -> int:
    """Encode frames into an MP4 file, whole or not at all.

    The file is written beside `path` under a temporary name, decoded again to count its frames,
    and only then renamed. Odd sides are padded by repeating the last row or column, since 4:2:0
    wants even ones.

    Args:
        path: where the video goes; an existing file is replaced, a missing folder made.
        frames: uint8 [H, W, 3] each, RGB, 0 to 255, all of one size; taken one at a time.
        fps: frames per second, exact.
        crf: x264's constant rate factor, 0 (lossless but for the colour conversion) to 51.
        keyframes: indices of frames that must be key frames besides the encoder's own choice.

    Returns:
        The number of frames written.

    Raises:
        InputError: no frames, a frame of another shape or type, a rate or `crf` out of range, or
            a file that does not hold as many frames as were given.
        OSError: the folder cannot be written.
    """
    if fps <= 0:
        raise InputError(f"{path.name}: a frame rate above 0; received {fps}")
    if not 0 <= crf <= MAX_CRF:
        raise InputError(f"{path.name}: crf of 0 to {MAX_CRF}; received {crf}")
    with whole_file(path) as partial:
        opening = _Opening(partial, path.name, fps, crf)
        written = _encode(frames, opening, frozenset(keyframes))
        held = count_frames(partial)
        if held != written:
            raise InputError(f"{path.name}: {written} frames in the written file; received {held}")
    return written


def count_frames(path: Path) -> int:
    """Decode a video written by this module and count its frames.

    Not for strangers' files: it trusts the container.

    Raises:
        InputError: the file cannot be opened or decoded, or holds no video.
    """
    try:
        with av.open(str(path), format="mp4") as container:
            return sum(1 for _ in container.decode(video=0))
    except (FFmpegError, IndexError) as error:
        raise InputError(f"{path.name}: a video that decodes; received {error}") from error


def _encode(frames: Iterable[Frame], opening: _Opening, keyframes: frozenset[int]) -> int:
    """Write all frames to the temporary file; return how many."""
    shape: tuple[int, ...] | None = None
    count = 0
    # A fixed muxer name (the temporary file has no telling suffix), the index in front, and no
    # creation time or library version in the header: the same frames, the same bytes.
    layout = {"movflags": "+faststart", "fflags": "+bitexact"}
    # Nor x264's macroblock tree: with it, one in eight encodings of the same frames differed.
    coding = {"crf": str(opening.crf), "preset": PRESET, "threads": "1", "mbtree": "0"}
    with av.open(str(opening.partial), "w", format="mp4", options=layout) as container:
        stream = container.add_stream("libx264", rate=opening.fps, options=coding)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = _BT601_CODE
        stream.codec_context.color_range = _LIMITED_RANGE_CODE
        for index, pixels in enumerate(frames):
            if shape is None:
                shape = _checked_shape(pixels, opening.shown_name)
                stream.height, stream.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
            if pixels.shape != shape or pixels.dtype != np.uint8:
                raise InputError(
                    f"{opening.shown_name}: frame {index} as uint8 {shape} like the first; "
                    f"received {pixels.dtype} {pixels.shape}"
                )
            frame = av.VideoFrame.from_ndarray(_even(pixels), format="rgb24")
            frame.pts, frame.time_base = index, 1 / opening.fps
            if index in keyframes:
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
            count += 1
        if count == 0:
            raise InputError(f"{opening.shown_name}: at least one frame to write; received none")
        container.mux(stream.encode(None))
    return count


def _checked_shape(pixels: Frame, shown_name: str) -> tuple[int, ...]:
    """Return the shape of the first frame.

    Raises:
        InputError: it is not uint8 [H, W, 3] with sides of at least `MIN_SIDE_PX`.
    """
    rgb = pixels.ndim == 3 and pixels.shape[2] == 3  # noqa: PLR2004 - [H, W, 3] in the docstring
    if not rgb or pixels.dtype != np.uint8 or min(pixels.shape[:2]) < MIN_SIDE_PX:
        raise InputError(
            f"{shown_name}: frames of uint8 [H, W, 3], sides of at least {MIN_SIDE_PX} px; "
            f"received {pixels.dtype} {pixels.shape}"
        )
    return pixels.shape


def _even(pixels: Frame) -> Frame:
    """Repeat the last row and column where a side is odd."""
    height, width = pixels.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return np.ascontiguousarray(pixels)
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
