"""The signs that can be drawn: which handshape, how it is held, and how it moves.

A vocabulary is data: a new sign is a new row. Directions are as a viewer sees a right-handed
signer: x right, y up, z towards the viewer. The letters follow the ASL manual alphabet; J and Z
are drawn in the air as the signer sees them, so a viewer sees them mirrored. The words are simple
stand-ins with the motion their names suggest, not a dictionary of ASL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from signwrite.vocabulary import ASL_LETTERS

Direction = tuple[float, float, float]

_ELBOW_BELOW: Direction = (-0.4, -2.1, -0.3)
_ELBOW_BESIDE: Direction = (-1.75, -1.05, -0.3)
_ELBOW_RAISED: Direction = (-1.95, -0.45, -0.5)


@dataclass(frozen=True)
class Key:
    """How a hand is held at one moment of a sign.

    Attributes:
        at: the moment, as a share of the sign's time, 0 to 1.
        shape: a name in `pose_table.HANDSHAPES`.
        fingers: where straight fingers would point.
        palm: where the palm faces.
        elbow: from the wrist to the elbow, in palm lengths.
        place: x, y of the hand from where the signer holds it, in palm lengths.
    """

    at: float
    shape: str
    fingers: Direction = (0.06, 1, 0)
    palm: Direction = (0.12, 0, 1)
    elbow: Direction = _ELBOW_BELOW
    place: tuple[float, float] = (0, 0)


@dataclass(frozen=True)
class Sign:
    """A named sequence of keys; one key is a sign that is held still."""

    name: str
    keys: tuple[Key, ...]

    @property
    def moves(self) -> bool:
        """Whether the sign is a movement rather than a handshape."""
        return len(self.keys) > 1


def _held(
    name: str,
    *,
    fingers: Direction = (0.06, 1, 0),
    palm: Direction = (0.12, 0, 1),
    elbow: Direction = _ELBOW_BELOW,
    shape: str = "",
) -> Sign:
    """Return a sign of one key; its handshape has the sign's name unless given."""
    return Sign(name, (Key(0, shape or name, fingers, palm, elbow),))


def _drawn(name: str, shape: str, *keys: tuple[float, Direction, Direction, float, float]) -> Sign:
    """Return a sign that moves one handshape: each key is at, fingers, palm, x, y."""
    rows = tuple(Key(at, shape, fing, palm, place=(x, y)) for at, fing, palm, x, y in keys)
    return Sign(name, rows)


_POINTING: tuple[Direction, Direction] = ((0.05, 0.86, 0.5), (0.15, -0.5, 0.86))

_LETTERS = (
    _held("A"),
    _held("B"),
    _held("C", fingers=(0.12, 1, 0.1), palm=(0.93, 0, 0.4)),
    _held("D", palm=(0.5, 0, 0.87)),
    _held("E"),
    _held("F", palm=(0.5, 0, 0.87)),
    _held("G", fingers=(1, 0.05, 0.1), palm=(0.1, 0.4, -0.9), elbow=_ELBOW_BESIDE),
    _held("H", fingers=(1, 0.03, 0.1), palm=(0.1, 0.2, -1), elbow=_ELBOW_BESIDE),
    _held("I"),
    # The little finger goes down, then hooks to the signer's left while the palm turns to the
    # signer: a J as the signer sees it.
    _drawn(
        "J",
        "I",
        (0.0, (0.0, 1, 0.05), (0.1, 0, 1), -0.15, 0.45),
        (0.4, (0.0, 1, 0.1), (0.5, 0, 0.87), -0.1, -0.35),
        (0.62, (0.15, 0.98, 0.1), (1, -0.1, 0.1), 0.05, -0.6),
        (0.82, (0.5, 0.86, 0.05), (0.75, 0, -0.66), 0.35, -0.5),
        (1.0, (0.55, 0.83, 0.0), (0.35, 0, -0.94), 0.55, -0.1),
    ),
    _held("K", palm=(0.1, 0, 1)),
    _held("L"),
    _held("M"),
    _held("N"),
    _held("O", fingers=(0.12, 1, 0.1), palm=(0.9, 0, 0.45)),
    _held(
        "P",
        shape="K",
        fingers=(0.8, -0.5, 0.25),
        palm=(-0.55, -0.75, -0.3),
        elbow=_ELBOW_RAISED,
    ),
    _held(
        "Q",
        shape="G",
        fingers=(0.25, -1, 0.25),
        palm=(-0.35, -0.3, -1),
        elbow=_ELBOW_RAISED,
    ),
    _held("R"),
    _held("S"),
    _held("T"),
    _held("U"),
    _held("V"),
    _held("W"),
    _held("X", palm=(0.85, 0, 0.5)),
    _held("Y"),
    _drawn(
        "Z",
        "POINT",
        (0.0, *_POINTING, 0.6, 0.42),
        (0.28, *_POINTING, -0.6, 0.42),
        (0.66, *_POINTING, 0.6, -0.42),
        (1.0, *_POINTING, -0.6, -0.42),
    ),
)

_WAVES = ((0, 1), (0.2, -1), (0.4, 1), (0.6, -1), (0.8, 1), (1, -1))
_NODS = ((0, 0), (0.25, 1), (0.5, 0), (0.75, 1), (1, 0))

_WORDS = (
    _drawn(
        "HELLO",
        "OPEN",
        *((at, (0.4 * way, 0.9, 0), (0.1, 0, 1), 0.12 * way, 0) for at, way in _WAVES),
    ),
    _drawn(
        "YES",
        "S",
        *(
            (at, (0.05, 1 - 0.45 * down, 0.9 * down), (0.1, 0, 1), 0, -0.15 * down)
            for at, down in _NODS
        ),
    ),
    Sign(
        "NO",
        tuple(
            Key(
                at,
                "BEAK_SHUT" if down else "BEAK_OPEN",
                fingers=(0.35, 0.93, 0.1),
                palm=(0.8, 0, 0.6),
            )
            for at, down in _NODS
        ),
    ),
    _held("I-LOVE-YOU", shape="HORNS"),
)

SIGNS: Mapping[str, Sign] = MappingProxyType({sign.name: sign for sign in (*_LETTERS, *_WORDS)})

if missing := set(ASL_LETTERS) - set(SIGNS):
    raise AssertionError(f"every letter has a row; received none for {sorted(missing)}")
