"""Where a hand is at a moment: keys of a sign joined by smooth motion, and what lies between."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.drawing.pose_table import HANDSHAPES
from pipeline.drawing.sign_table import Direction, Key, Sign

Numbers = npt.NDArray[np.float64]

_HANGING = Key(0, "RELAXED", fingers=(0.2, 1, 0.3), palm=(0.4, -0.3, 0.8))


@dataclass(frozen=True)
class HandState:
    """A hand at one moment.

    Attributes:
        angles: float64 [21], degrees, as `HandPose.angles` orders them.
        rotation: float64 [3, 3], columns are the hand's own x, y, z for the viewer.
        elbow: float64 [3], from the wrist, palm lengths.
        place: float64 [2], x right and y up from where the signer holds the hand, palm lengths.
    """

    angles: Numbers
    rotation: Numbers
    elbow: Numbers
    place: Numbers

    @classmethod
    def of(cls, key: Key) -> "HandState":
        """Return the state a key describes."""
        return cls(
            HANDSHAPES[key.shape].angles(),
            facing(key.fingers, key.palm),
            np.array(key.elbow, float),
            np.array(key.place, float),
        )

    def toward(self, other: "HandState", share: float) -> "HandState":
        """Return the state at a share of the way to another, 0 to 1, turning the shortest way."""
        turn = turn_of(other.rotation @ self.rotation.T)
        return HandState(
            self.angles + share * (other.angles - self.angles),
            rotation_of(share * turn) @ self.rotation,
            self.elbow + share * (other.elbow - self.elbow),
            self.place + share * (other.place - self.place),
        )


def lowered(palms: float) -> HandState:
    """Return a relaxed hand, so many palm lengths below where the signer holds it."""
    hanging = HandState.of(_HANGING)
    return HandState(hanging.angles, hanging.rotation, hanging.elbow, np.array([-0.6, -palms]))


@dataclass(frozen=True)
class Performance:
    """A sign as one signer does it: the table's keys, a little changed.

    Attributes:
        sign: the row of the table.
        angle_shift: float64 [21], degrees, added to every key's joints.
        turn: float64 [3], rotation vector in radians, applied to every key's rotation.
    """

    sign: Sign
    angle_shift: Numbers
    turn: Numbers

    @cached_property
    def states(self) -> tuple[HandState, ...]:
        """The states of the keys, in order."""
        return tuple(self._own(HandState.of(key)) for key in self.sign.keys)

    def at(self, share: float) -> HandState:
        """Return the state at a share of the sign's time, 0 to 1."""
        moments = [key.at for key in self.sign.keys]
        place = int(np.searchsorted(moments, share, side="right")) - 1
        if place >= len(moments) - 1:
            return self.states[-1]
        part = (share - moments[place]) / (moments[place + 1] - moments[place])
        return self.states[place].toward(self.states[place + 1], eased(part))

    def _own(self, state: HandState) -> HandState:
        angles = state.angles + self.angle_shift
        return HandState(angles, rotation_of(self.turn) @ state.rotation, state.elbow, state.place)


def between(
    before: HandState, after: HandState, share: float, *, by_way_of: HandState | None
) -> HandState:
    """Return the state in a pause, from the end of one sign to the start of the next.

    Args:
        before: where the pause starts.
        after: where it ends.
        share: of the pause's time, 0 to 1.
        by_way_of: where the hand is half-way, or None for the straight way.
    """
    if by_way_of is None:
        return before.toward(after, eased(share))
    half = 0.5
    if share < half:
        return before.toward(by_way_of, eased(share / half))
    return by_way_of.toward(after, eased((share - half) / half))


def tremor(seconds: float, *, phases: Numbers, strength: float) -> HandState:
    """Return small offsets to add to a state: slow sums of sines, float64, zero on average.

    Args:
        seconds: the moment.
        phases: float64 [26, 2], radians, one pair for each number that trembles.
        strength: 1 for a calm hand.
    """
    waves = np.sin(2.1 * seconds + phases[:, 0]) + 0.6 * np.sin(5.3 * seconds + phases[:, 1])
    waves *= strength
    still = np.zeros(3)
    return HandState(1.0 * waves[:21], rotation_of(0.02 * waves[21:24]), still, 0.015 * waves[24:])


def shaken(state: HandState, by: HandState) -> HandState:
    """Return a state with the offsets of `tremor` added."""
    return HandState(
        state.angles + by.angles,
        by.rotation @ state.rotation,
        state.elbow + by.elbow,
        state.place + by.place,
    )


def eased(share: float) -> float:
    """Start and stop softly: 0 to 1 for 0 to 1 (Perlin's smoothstep)."""
    inside = min(max(share, 0.0), 1.0)
    return inside * inside * (3 - 2 * inside)


def facing(fingers: Direction, palm: Direction) -> Numbers:
    """Return the rotation, float64 [3, 3], that points a hand's fingers and palm two ways.

    The fingers' direction is kept; the palm's is made square to it.
    """
    y = np.array(fingers, float) / np.linalg.norm(fingers)
    z = np.array(palm, float) - (y @ palm) * y
    z /= np.linalg.norm(z)
    return np.stack([np.cross(y, z), y, z], axis=1)


def rotation_of(turn: Numbers | Sequence[float]) -> Numbers:
    """Return float64 [3, 3] of a rotation vector in radians (Rodrigues' formula)."""
    vector = np.asarray(turn, float)
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: Numbers = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation


def turn_of(rotation: Numbers) -> Numbers:
    """Return the rotation vector, float64 [3], radians, of a rotation matrix."""
    angle = float(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    skew = np.array([
        rotation[2, 1] - rotation[1, 2],
        rotation[0, 2] - rotation[2, 0],
        rotation[1, 0] - rotation[0, 1],
    ])  # fmt: skip
    if np.sin(angle) > 1e-6:  # noqa: PLR2004 - well away from no turn and from half a turn
        turn: Numbers = angle / (2 * np.sin(angle)) * skew
        return turn
    if angle < 1:
        return np.zeros(3)
    # Half a turn: the axis is the direction that the rotation leaves alone.
    axis = np.sqrt(np.maximum((np.diag(rotation) + 1) / 2, 0))
    leader = int(np.argmax(axis))
    axis *= np.where(rotation[leader] + np.eye(3)[leader] < 0, -1, 1)
    return angle * axis
