"""An articulated right hand: joint angles in, a skeleton of bones out.

Space of the hand: the unit is the palm's length (wrist to the middle finger's knuckle). The wrist
is the origin, +y runs along the palm to the fingers, +z leaves the palm, +x points to the thumb's
side. A palm turned to the viewer is therefore seen with +x right, +y up, +z towards the viewer.

Lengths and widths are round figures from anthropometric tables of the adult hand (hand length
19 cm, breadth 8.5 cm, palm 9.5 cm), and a signer scales them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

FingerName = Literal["index", "middle", "ring", "little"]
FINGERS: tuple[FingerName, ...] = ("index", "middle", "ring", "little")


@dataclass(frozen=True)
class Finger:
    """Joint angles of one finger, in degrees; all zero is straight.

    Attributes:
        mcp: knuckle flexion, towards the palm.
        pip: flexion of the middle joint.
        dip: flexion of the last joint.
        spread: sideways at the knuckle, positive towards the thumb.
    """

    mcp: float = 0.0
    pip: float = 0.0
    dip: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True)
class Thumb:
    """Joint angles of the thumb, in degrees.

    Attributes:
        out: the metacarpal's angle in the palm's plane: 0 along the palm, 90 straight to the side.
        forward: the metacarpal's angle out of the palm's plane, towards the palm's front.
        turn: rotation about the metacarpal: 0 bends across the palm, positive bends to the front.
        mcp: flexion of the middle joint.
        ip: flexion of the last joint; negative bends back.
    """

    out: float
    forward: float
    turn: float
    mcp: float
    ip: float


@dataclass(frozen=True)
class HandPose:
    """The angles of all joints of a hand."""

    index: Finger
    middle: Finger
    ring: Finger
    little: Finger
    thumb: Thumb

    def angles(self) -> Vector:
        """Return all angles as float64 [21], degrees: four fingers of four, then the thumb."""
        fingers = (self.index, self.middle, self.ring, self.little)
        numbers = [a for f in fingers for a in (f.mcp, f.pip, f.dip, f.spread)]
        thumb = self.thumb
        return np.array([*numbers, thumb.out, thumb.forward, thumb.turn, thumb.mcp, thumb.ip])

    @classmethod
    def from_angles(cls, angles: Vector) -> "HandPose":
        """Build a pose from what `angles` returns."""
        numbers = [float(angle) for angle in angles]
        index, middle, ring, little = (Finger(*numbers[i : i + 4]) for i in range(0, 16, 4))
        return cls(index, middle, ring, little, Thumb(*numbers[16:21]))


@dataclass(frozen=True)
class Proportions:
    """How one person's hand differs from the round figures; factors near 1."""

    finger_length: float = 1.0
    finger_width: float = 1.0
    palm_width: float = 1.0


@dataclass(frozen=True)
class Bone:
    """One rounded, tapering piece of the hand.

    Attributes:
        part: what it belongs to: a finger's name, "thumb", "palm" or "arm".
        place: 0 for the piece nearest the wrist, 1, 2 for the next.
        start: float64 [3].
        end: float64 [3].
        start_radius: at `start`, in palm lengths.
        end_radius: at `end`.
        back: float64 [3], unit: where the back (nail side) of the piece faces.
    """

    part: str
    place: int
    start: Vector
    end: Vector
    start_radius: float
    end_radius: float
    back: Vector


@dataclass(frozen=True)
class Skeleton:
    """A posed hand.

    Attributes:
        bones: the pieces, palm first.
        landmarks: float64 [21, 3]: wrist, then knuckle to tip of thumb, index, middle, ring,
            little: the order of the common 21-point hand models.
    """

    bones: tuple[Bone, ...]
    landmarks: Vector


@dataclass(frozen=True)
class _FingerBuild:
    """Where a finger starts and how long and wide its three pieces are, in palm lengths."""

    knuckle: tuple[float, float, float]
    lengths: tuple[float, float, float]
    radii: tuple[float, float, float, float]
    lean: float  # degrees: bent fingers converge on the root of the thumb


_BUILDS: Mapping[FingerName, _FingerBuild] = MappingProxyType({
    "index": _FingerBuild((0.35, 0.95, 0.0), (0.43, 0.26, 0.18), (0.132, 0.12, 0.108, 0.088), -4),
    "middle": _FingerBuild((0.115, 1.0, -0.02), (0.47, 0.3, 0.2), (0.132, 0.122, 0.11, 0.09), 0),
    "ring": _FingerBuild((-0.12, 0.95, -0.01), (0.43, 0.28, 0.19), (0.126, 0.115, 0.104, 0.086), 5),
    "little": _FingerBuild((-0.345, 0.85, 0.02), (0.33, 0.2, 0.16), (0.113, 0.1, 0.09, 0.075), 10),
})  # fmt: skip
_THUMB_ROOT = (0.2, 0.2, 0.07)
_THUMB_LENGTHS = (0.46, 0.34, 0.24)
_THUMB_RADII = (0.17, 0.142, 0.128, 0.1)
_SIDE = np.array([1.0, 0.0, 0.0])
_ALONG = np.array([0.0, 1.0, 0.0])
_FRONT = np.array([0.0, 0.0, 1.0])


def bend(along: Vector, front: Vector, degrees: float) -> tuple[Vector, Vector]:
    """Turn a piece's direction towards its own front; return both directions, float64 [3]."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return cosine * along + sine * front, cosine * front - sine * along


@dataclass
class _Chain:
    """Grows bones from joint to joint."""

    part: str
    point: Vector
    along: Vector
    front: Vector
    bones: list[Bone] = field(default_factory=list)

    def grow(self, degrees: float, *, length: float, radii: tuple[float, float]) -> None:
        """Bend at the current joint and add a bone."""
        self.along, self.front = bend(self.along, self.front, degrees)
        end = self.point + length * self.along
        place = len(self.bones)
        self.bones.append(Bone(self.part, place, self.point, end, *radii, back=-self.front))
        self.point = end


def build_skeleton(pose: HandPose, *, proportions: Proportions) -> Skeleton:
    """Place every bone of a right hand in the space of the hand."""
    fingers = [_finger(name, getattr(pose, name), proportions) for name in FINGERS]
    thumb = _thumb(pose.thumb, proportions)
    knuckles = [bones[0].start for bones in fingers]
    wide = np.array([proportions.palm_width, 1.0, 1.0])
    points = [np.zeros(3), thumb[0].start]
    for bones in (thumb, *fingers):
        points.extend(bone.start for bone in bones[1 if bones is thumb else 0 :])
        points.append(bones[-1].end)
    body = _palm(knuckles, thumb[0], wide)
    everything = (*body, *thumb, *(bone for bones in fingers for bone in bones))
    return Skeleton(everything, np.array(points))


def _finger(name: FingerName, angles: Finger, proportions: Proportions) -> list[Bone]:
    """Return the three bones of a finger."""
    build = _BUILDS[name]
    knuckle = np.array(build.knuckle) * [proportions.palm_width, 1.0, 1.0]
    along, _ = bend(_ALONG, _SIDE, angles.spread)
    side = np.cross(along, _FRONT)
    front, _ = bend(_FRONT, side, build.lean)
    chain = _Chain(name, knuckle, along, front)
    radii = [r * proportions.finger_width for r in build.radii]
    for place, degrees in enumerate((angles.mcp, angles.pip, angles.dip)):
        length = build.lengths[place] * proportions.finger_length
        chain.grow(degrees, length=length, radii=(radii[place], radii[place + 1]))
    return chain.bones


def _thumb(angles: Thumb, proportions: Proportions) -> list[Bone]:
    """Return the three bones of the thumb, the metacarpal first."""
    flat, _ = bend(_ALONG, _SIDE, angles.out)
    along, _ = bend(flat, _FRONT, angles.forward)
    across = -_SIDE + (_SIDE @ along) * along
    if np.linalg.norm(across) < 1e-6:  # noqa: PLR2004 - straight to the side: no own direction
        across = _FRONT
    across /= np.linalg.norm(across)
    front, _ = bend(across, np.cross(along, across), angles.turn)
    root = np.array(_THUMB_ROOT) * [proportions.palm_width, 1.0, 1.0]
    chain = _Chain("thumb", root, along, front)
    radii = [r * proportions.finger_width for r in _THUMB_RADII]
    for place, degrees in enumerate((0.0, angles.mcp, angles.ip)):
        length = _THUMB_LENGTHS[place] * proportions.finger_length
        chain.grow(degrees, length=length, radii=(radii[place], radii[place + 1]))
    return chain.bones


def _palm(knuckles: list[Vector], thumb: Bone, wide: Vector) -> list[Bone]:
    """Return the overlapping pieces that make the palm: flesh, pads and the thumb's web."""
    shares = np.linspace(0, 3, 7)
    heads = np.stack(
        [np.interp(shares, range(4), [k[axis] for k in knuckles]) for axis in range(3)], axis=1
    )
    roots = np.linspace([0.19, 0.05, 0.0], [-0.19, 0.05, 0.0], len(shares)) * wide
    pieces = [(root, head, (0.15, 0.125)) for root, head in zip(roots, heads, strict=True)]
    heel, edge = np.array([-0.19, 0.16, 0.05]) * wide, np.array([-0.29, 0.6, 0.04]) * wide
    pieces.append((heel, edge, (0.15, 0.12)))
    ball = np.array([0.12, 0.16, 0.08]) * wide
    pieces.append((ball, thumb.end, (0.17, 0.11)))
    for share in (0.5, 0.8):  # the web between thumb and index finger
        start = thumb.start + share * (thumb.end - thumb.start)
        side = knuckles[0] * np.array([1, 0.45 + 0.35 * share, 1])
        pieces.append((start, side, (0.11, 0.09)))
    return [
        Bone("palm", place, start, end, radii[0], radii[1], back=-_FRONT)
        for place, (start, end, radii) in enumerate(pieces)
    ]
