"""Rounded solids, seen from the front, in a depth buffer.

Everything is in pixels: x to the right, y down, z towards the viewer; the view is parallel along z
(perspective is applied to the solids before they come here). Surfaces are exact per pixel, with no
meshes: a tapering piece with round ends is the union of the spheres along its axis.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Point = npt.NDArray[np.float64]

NOTHING = np.float32(-1e9)  # the depth where there is no surface
COARSE = 2  # blurred planes are computed on every second pixel: nobody can tell
_FLAT = 1e-6


@dataclass
class Surface:
    """A rectangle of the picture holding the front surface of one or several solids.

    Attributes:
        top: the row of the picture where the rectangle starts.
        left: the column.
        depth: float32 [h, w], z in pixels; `NOTHING` where the solid is not.
        normal: float32 [h, w, 3], unit vectors out of the surface.
        along: float32 [h, w], 0 at the solid's start to 1 at its end.
    """

    top: int
    left: int
    depth: Plane
    normal: Plane
    along: Plane

    @classmethod
    def empty(cls, height: int, width: int) -> Self:
        """Return a surface of a whole picture with nothing on it."""
        planes = np.zeros((height, width, 5), np.float32)
        return cls(0, 0, np.full((height, width), NOTHING), planes[..., :3], planes[..., 3])

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as an index into a plane of the picture."""
        height, width = self.depth.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def used(self) -> Self | None:
        """Return the smallest part that holds all there is, as views; None if there is nothing."""
        there = self.depth > NOTHING
        rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
        if rows.size == 0:
            return None
        return self.cut((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))

    def cut(self, window: tuple[slice, slice]) -> Self:
        """Return the part of this surface in a window of its own rectangle, as views."""
        rows, columns = window
        place = (self.top + rows.start, self.left + columns.start)
        return type(self)(*place, self.depth[window], self.normal[window], self.along[window])

    def lay(self, other: Self) -> Mask:
        """Put another surface, inside this rectangle, in front or behind; return where it shows."""
        mine = self.cut(other.window)
        shows = other.depth > mine.depth
        np.copyto(mine.depth, other.depth, where=shows)
        np.copyto(mine.normal, other.normal, where=shows[..., None])
        np.copyto(mine.along, other.along, where=shows)
        return shows

    def weld(self, other: Self, *, softness: float) -> None:
        """Join another surface of the same rectangle to this one with a seam that looks rounded.

        Near the seam the normals of both are mixed; the depths stay, so nothing swells.

        Args:
            other: it must have the same rectangle.
            softness: the depth difference, in pixels, within which the two are blended.
        """
        gap = np.clip((self.depth - other.depth) / np.float32(softness), -1, 1)
        share = (0.5 + 0.5 * gap).astype(np.float32)  # of this surface
        np.maximum(self.depth, other.depth, out=self.depth)
        mixed = share[..., None] * self.normal + (1 - share[..., None]) * other.normal
        length = np.sqrt(np.einsum("hwc,hwc->hw", mixed, mixed))
        np.divide(mixed, np.maximum(length, np.float32(_FLAT))[..., None], out=self.normal)
        np.copyto(self.along, other.along, where=share < 0.5)  # noqa: PLR2004 - the nearer


def tapered(
    start: Point, end: Point, radii: tuple[float, float], *, size: tuple[int, int]
) -> Surface | None:
    """Return the front of a tapering solid with round ends.

    A pixel p sees the sphere at the share t of the axis at depth z(t) + sqrt(q(t)), where
    q = r(t)^2 - |p - c(t)|^2 is quadratic in t. That sum is concave, so its highest point is where
    the derivative vanishes (a quadratic equation), moved into 0..1.

    Args:
        start: float64 [3], the centre of the first end, pixels.
        end: the same of the other.
        radii: of the two ends, pixels.
        size: height and width of the picture, which clips the result.

    Returns:
        The surface, or None where nothing of it is in the picture.
    """
    reach = np.array([radii[0], radii[1]])
    ends = np.stack([start, end])
    window = _window(ends[:, :2] - reach[:, None], ends[:, :2] + reach[:, None], size)
    if window is None:
        return None
    rows, columns = window
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5 - start[1])[:, None]
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - start[0])[None, :]
    step_x, step_y, step_z = (np.float32(v) for v in end - start)
    first, taper = np.float32(radii[0]), np.float32(radii[1] - radii[0])
    # q(t) = a t^2 + 2 b t + c
    a = min(taper * taper - step_x * step_x - step_y * step_y, np.float32(-_FLAT))
    b = first * taper + x * step_x + y * step_y
    c = first * first - x * x - y * y
    disc = np.maximum(b * b - a * c, 0)
    root = np.sqrt(disc / np.maximum(step_z * step_z - a, np.float32(_FLAT)))
    t = np.clip((-b - step_z * root) / a, 0, 1)
    q = (a * t + 2 * b) * t + c
    height = np.sqrt(np.maximum(q, 0))
    depth = np.where(q > 0, np.float32(start[2]) + t * step_z + height, NOTHING)
    radius = first + taper * t
    normal = np.stack([(x - t * step_x) / radius, (y - t * step_y) / radius, height / radius], -1)
    return Surface(
        rows.start, columns.start, depth.astype(np.float32), normal.astype(np.float32), t
    )


def smooth(surface: Surface, *, radius_px: int) -> None:
    """Even out the normals of a surface, so that overlapping pieces look like one."""
    there = (surface.depth[::COARSE, ::COARSE] > NOTHING)[..., None]
    mean = box_blur(surface.normal[::COARSE, ::COARSE] * there, radius_px // COARSE)
    length = np.sqrt(np.einsum("hwc,hwc->hw", mean, mean))
    mean /= np.maximum(length, np.float32(_FLAT))[..., None]
    surface.normal[...] = enlarged(mean, surface.depth.shape)


def box_blur(plane: Plane, radius: int) -> Plane:
    """Return the mean over squares of side 2 * radius + 1, edges repeated; float32 [h, w, ...]."""
    if radius < 1:
        return plane
    side = 2 * radius + 1
    edge = ((radius + 1, radius), *((0, 0) for _ in plane.shape[1:]))
    blurred = plane
    for _ in range(2):  # along the columns, then, turned over, along the rows
        total = np.cumsum(np.pad(blurred, edge, mode="edge"), axis=0, dtype=np.float64)
        blurred = ((total[side:] - total[:-side]) / side).astype(np.float32).swapaxes(0, 1)
    return blurred


def enlarged(plane: Plane, shape: tuple[int, int]) -> Plane:
    """Undo a stride of `COARSE`: repeat rows and columns, cut to a height and width."""
    return plane.repeat(COARSE, axis=0).repeat(COARSE, axis=1)[: shape[0], : shape[1]]


def _window(low: Point, high: Point, size: tuple[int, int]) -> tuple[slice, slice] | None:
    """Return the rows and columns that hold the points, clipped to the picture."""
    left, top = np.floor(low.min(axis=0)).astype(int)
    right, bottom = np.ceil(high.max(axis=0)).astype(int)
    rows = slice(max(0, int(top)), min(size[0], int(bottom)))
    columns = slice(max(0, int(left)), min(size[1], int(right)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    return rows, columns
