"""Where a hand is and how it looks: from palm lengths in space to pixels of a picture."""

from dataclasses import dataclass

import numpy as np

from pipeline.drawing.hand import Bone, Skeleton
from pipeline.drawing.solids import Point, Surface, tapered

Colour = tuple[float, float, float]

FINE = 2  # pixels drawn for one pixel kept, along each side: the anti-aliasing
_EYE_PALMS = 9.0  # distance of the camera in palm lengths, for perspective


@dataclass(frozen=True)
class Look:
    """Colours of a signer's hand and arm, each red, green, blue in 0 to 1.

    Attributes:
        skin: the back of the hand.
        palm: the inner side: lighter and redder, more so the darker the skin.
        nail: the finger nails.
        sleeve: what covers the arm.
        sleeve_start: where the sleeve begins, in palm lengths from the wrist.
    """

    skin: Colour
    palm: Colour
    nail: Colour
    sleeve: Colour
    sleeve_start: float


@dataclass(frozen=True)
class Placement:
    """Where a hand is.

    Attributes:
        rotation: float64 [3, 3], from the space of the hand to x right, y up, z to the viewer.
        wrist_px: x and y in the picture.
        palm_px: the length of a palm in pixels.
        elbow: float64 [3], from the wrist, palm lengths, x right, y up, z to the viewer.
        shoulder_px: x, y of the shoulder in the picture, or None when it is out of sight.
    """

    rotation: Point
    wrist_px: tuple[float, float]
    palm_px: float
    elbow: Point
    shoulder_px: tuple[float, float] | None = None


class Projection:
    """Projects points around a wrist into a picture of `FINE` times the size."""

    def __init__(self, placement: Placement, *, corner: tuple[int, int] = (0, 0)) -> None:
        """Look at a placement; `corner` is where the picture starts, x, y in kept pixels."""
        self.scale = placement.palm_px * FINE
        self.rotation = placement.rotation
        x, y = placement.wrist_px
        self.origin = np.array([x - corner[0], y - corner[1], 0.0]) * FINE

    def project(self, point: Point) -> tuple[Point, float]:
        """Return x, y, z in pixels, y down, and the factor of perspective."""
        near = _EYE_PALMS / (_EYE_PALMS - point[2])
        flipped = point * [1.0, -1.0, 1.0]
        return self.origin + flipped * [near, near, 1.0] * self.scale, near

    def solid(self, bone: Bone, *, size: tuple[int, int], turned: bool = True) -> Surface | None:
        """Return the surface of a bone given in the space of the hand (or of the viewer)."""
        ends = [self.rotation @ p if turned else p for p in (bone.start, bone.end)]
        (start, near_start), (end, near_end) = (self.project(p) for p in ends)
        radii = (
            bone.start_radius * near_start * self.scale,
            bone.end_radius * near_end * self.scale,
        )
        return tapered(start, end, radii, size=size)

    def landmarks(self, skeleton: Skeleton) -> Point:
        """Return float64 [21, 3]: the landmarks' x, y and z in pixels, z towards the viewer."""
        return np.array([self.project(self.rotation @ p)[0] for p in skeleton.landmarks])

    def reach(
        self, skeleton: Skeleton, arm: list[Bone], *, size: tuple[int, int]
    ) -> tuple[slice, slice] | None:
        """Return the rows and columns, in whole kept pixels, that hand and arm may cover."""
        ends = [(self.rotation @ p, b) for b in skeleton.bones for p in (b.start, b.end)]
        ends += [(p, b) for b in arm for p in (b.start, b.end)]
        seen = [self.project(p) for p, _ in ends]
        points = np.array([point[:2] for point, _ in seen])
        radii = np.array([
            near * self.scale * max(b.start_radius, b.end_radius)
            for (_, near), (_, b) in zip(seen, ends, strict=True)
        ])[:, None]  # fmt: skip
        low = np.floor((points - radii).min(axis=0) / FINE).astype(int)
        high = np.ceil((points + radii).max(axis=0) / FINE).astype(int)
        columns = slice(max(0, int(low[0])), min(size[1], int(high[0])))
        rows = slice(max(0, int(low[1])), min(size[0], int(high[1])))
        inside = rows.start < rows.stop and columns.start < columns.stop
        return (rows, columns) if inside else None
