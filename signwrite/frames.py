"""The geometry between a decoded frame and the model's canvas; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Orientation:
    """How a stored frame is turned for display: transposed first, then flipped.

    The eight values are the eight ways to lay a rectangle on its sides.

    Attributes:
        transposed: rows become columns.
        flipped_x: left and right change places, after transposing.
        flipped_y: top and bottom change places, after transposing.
    """

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    def turn(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn a stored frame [H, W, C] for display; a view, not a copy."""
        turned = frame.transpose(1, 0, 2) if self.transposed else frame
        return turned[:: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1]

    def turned_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height after turning; the same call undoes itself."""
        return (height, width) if self.transposed else (width, height)


UPRIGHT = Orientation()


def orientation_of(matrix: Sequence[int]) -> Orientation:
    """Read a display matrix, snapped to the nearest of the eight orientations.

    Args:
        matrix: the nine numbers a b u, c d v, x y w of ISO/IEC 14496-12 (`tkhd`), which show the
            stored point (p, q) at (a p + c q + x, b p + d q + y).

    Raises:
        ValueError: there are not nine numbers.
    """
    a, b, _, c, d, *rest = matrix
    if len(rest) != 4:  # noqa: PLR2004 - v x y w, which do not turn
        raise ValueError(f"nine numbers; received {len(matrix)}")
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(flipped_x=a < 0, flipped_y=d < 0)
    return Orientation(transposed=True, flipped_x=c < 0, flipped_y=b < 0)


def displayed_size(
    width: int, height: int, *, pixel_aspect: float, orientation: Orientation
) -> tuple[int, int]:
    """Return the width and height a frame is displayed at, in square pixels.

    Args:
        width: as stored, pixels.
        height: as stored, pixels.
        pixel_aspect: a stored pixel's width over its height.
        orientation: how the frame is turned.
    """
    return orientation.turned_size(max(1, round(width * pixel_aspect)), height)


@dataclass(frozen=True)
class Placement:
    """Where a frame lies on the square canvas, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def region(self) -> tuple[slice, slice]:
        """The frame's rows and columns on the canvas."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def fit(width: int, height: int, *, canvas_px: int) -> Placement:
    """Fit a displayed frame into a square canvas: as large as it goes, centred.

    Args:
        width: as displayed, pixels.
        height: as displayed, pixels.
        canvas_px: the canvas' side, pixels.
    """
    longest = max(width, height)
    fitted_width = max(1, round(width * canvas_px / longest))
    fitted_height = max(1, round(height * canvas_px / longest))
    return Placement(
        left=(canvas_px - fitted_width) // 2,
        top=(canvas_px - fitted_height) // 2,
        width=fitted_width,
        height=fitted_height,
    )


def paste(
    frame: npt.NDArray[np.uint8], canvas: npt.NDArray[np.uint8], placement: Placement
) -> None:
    """Copy a frame of the placement's size onto a canvas.

    Args:
        frame: uint8 [height, width, 3].
        canvas: uint8 [S, S, 3], changed in place.
        placement: where the frame goes.
    """
    canvas[placement.region] = frame
