"""What the model looked at in a clip, in a form that a person can check."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signwrite.clip.picture import jpeg_of
from signwrite.frames import Placement, fit
from signwrite.reader import ClipTensor

PICTURE_PX = 128  # the longer side of a picture: what the shipped model itself scales a crop to


@dataclass(frozen=True)
class Look:
    """Where the model looked in one frame.

    Attributes:
        time_s: when the frame shows, seconds from the clip's first frame.
        square: left, top, right, bottom as fractions of the picture as displayed, origin top left.
            It ends at the model's canvas, which is a square around the picture: there the square
            may lie partly beyond the picture, where the model sees black.
        pixels: uint8 [H, W, 3], RGB: what lies within the square, as large as on the canvas.
    """

    time_s: float
    square: tuple[float, float, float, float]
    pixels: npt.NDArray[np.uint8]

    def jpeg(self) -> bytes:
        """Return the pixels as a JPEG of at most `PICTURE_PX`; takes a few milliseconds."""
        return jpeg_of(self.pixels, longest_px=PICTURE_PX)


def looks_of(tensor: ClipTensor, boxes: npt.NDArray[np.float32]) -> tuple[Look, ...]:
    """Cut out what the model looked at; a frame that the tensor has twice comes once.

    Args:
        tensor: the clip as the model saw it; its pixels are copied, so that it may go.
        boxes: float32 [T, 4], as `signwrite.reader.Reading` has them.

    Returns:
        A look for each different frame, in the order of time.
    """
    canvas_px = tensor.frames.shape[1]
    placement = fit(tensor.info.width, tensor.info.height, canvas_px=canvas_px)
    _, first = np.unique(tensor.pts_s, return_index=True)
    return tuple(
        Look(
            time_s=float(tensor.pts_s[place]),
            square=_on_picture(boxes[place].tolist(), placement, canvas_px=canvas_px),
            pixels=_cut(tensor.frames[place], boxes[place]),
        )
        for place in first
    )


def _on_picture(
    box: Sequence[float], placement: Placement, *, canvas_px: int
) -> tuple[float, float, float, float]:
    left, top, right, bottom = (edge * canvas_px for edge in box)
    return (
        (left - placement.left) / placement.width,
        (top - placement.top) / placement.height,
        (right - placement.left) / placement.width,
        (bottom - placement.top) / placement.height,
    )


def _cut(canvas: npt.NDArray[np.uint8], box: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Copy whole pixels of a canvas [S, S, 3]: all that a box touches, at least one."""
    size = len(canvas)
    low = np.clip(np.floor(box[:2] * size).astype(int), 0, size - 1)
    high = np.clip(np.ceil(box[2:] * size).astype(int), low + 1, size)
    return canvas[low[1] : high[1], low[0] : high[0]].copy()
