"""The handshapes, as joint angles.

Source: general knowledge of the ASL manual alphabet as charts describe it in words (for example
"S: a fist, the thumb across the front of the fingers"); each entry quotes its description. Finger
angles were set by hand; thumb angles were fitted so that the tip lies where the description says.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.drawing.hand import Finger, HandPose, Thumb

_FIST = Finger(84, 104, 60)

HANDSHAPES: Mapping[str, HandPose] = MappingProxyType(
    {
        # A fist, the thumb upright along the side of the index finger.
        "A": HandPose(_FIST, _FIST, _FIST, _FIST, Thumb(36, 17, -32, 21, 19)),
        # Flat fingers up and together, the thumb folded across the palm.
        "B": HandPose(
            Finger(0, 4, 3, -2),
            Finger(0, 4, 3),
            Finger(0, 4, 3, 2),
            Finger(0, 4, 3, 9),
            Thumb(27, 34, -10, 71, 81),
        ),
        # Fingers and thumb curved like the letter, seen from the side.
        "C": HandPose(
            Finger(28, 42, 26),
            Finger(26, 42, 26),
            Finger(28, 42, 26),
            Finger(30, 40, 24, 3),
            Thumb(30, 62, 25, 12, 18),
        ),
        # The index finger up, the other fingertips on the thumb: a ring.
        "D": HandPose(
            Finger(0, 4, 3),
            Finger(58, 62, 34),
            Finger(62, 62, 34),
            Finger(66, 62, 34),
            Thumb(39, 33, 3, 44, 52),
        ),
        # Fingers curled down, their tips over the thumb, which lies across the palm.
        "E": HandPose(
            Finger(40, 112, 52),
            Finger(40, 112, 52),
            Finger(40, 112, 52),
            Finger(42, 108, 52),
            Thumb(26, 39, -10, 67, 59),
        ),
        # Index finger and thumb make a ring, the other three fingers up and spread.
        "F": HandPose(
            Finger(56, 58, 34, -2),
            Finger(0, 4, 3, 3),
            Finger(0, 4, 3, -7),
            Finger(0, 4, 3, -17),
            Thumb(61, 31, -18, 64, 23),
        ),
        # Index finger and thumb straight and parallel, the rest a fist.
        "G": HandPose(Finger(6, 4, 3), _FIST, _FIST, _FIST, Thumb(26, 1, 33, 4, 5)),
        # Index and middle finger straight and together, the rest a fist.
        "H": HandPose(
            Finger(0, 4, 3, -1), Finger(0, 4, 3, 1), _FIST, _FIST, Thumb(41, 43, -6, 58, 36)
        ),
        # A fist with the little finger up, the thumb across.
        "I": HandPose(_FIST, _FIST, _FIST, Finger(0, 4, 3, -6), Thumb(38, 44, -3, 51, 39)),
        # Index finger up, middle finger forward, the thumb's tip between them.
        "K": HandPose(
            Finger(0, 4, 3, 9), Finger(26, 4, 3, -10), _FIST, _FIST, Thumb(8, 15, -6, 0, 21)
        ),
        # Index finger up, the thumb straight out: a right angle.
        "L": HandPose(Finger(0, 4, 3, -2), _FIST, _FIST, _FIST, Thumb(66, 0, 0, -6, -8)),
        # Three fingers folded over the thumb, its tip beside the ring finger.
        "M": HandPose(
            Finger(76, 78, 30),
            Finger(76, 78, 30),
            Finger(76, 78, 30),
            Finger(86, 100, 55),
            Thumb(-1, 10, 41, 67, 16),
        ),
        # Two fingers folded over the thumb, its tip beside the middle finger.
        "N": HandPose(
            Finger(76, 78, 30),
            Finger(76, 78, 30),
            Finger(86, 102, 55),
            Finger(86, 102, 55),
            Thumb(7, 8, 58, 67, 22),
        ),
        # All fingertips meet the thumb: a round opening seen from the side.
        "O": HandPose(
            Finger(42, 60, 38),
            Finger(42, 58, 38),
            Finger(46, 58, 38),
            Finger(52, 58, 38, 4),
            Thumb(25, 28, 5, 22, 36),
        ),
        # Index and middle finger up and crossed.
        "R": HandPose(
            Finger(14, 4, 3, -12), Finger(-4, 8, 4, 12), _FIST, _FIST, Thumb(34, 44, -2, 55, 35)
        ),
        # A fist, the thumb across the front of the fingers.
        "S": HandPose(_FIST, _FIST, _FIST, _FIST, Thumb(29, 49, -6, 46, 40)),
        # A fist, the thumb's tip between index and middle finger.
        "T": HandPose(
            Finger(74, 80, 32, 3), Finger(86, 104, 58, -3), _FIST, _FIST, Thumb(31, 16, 34, 58, 6)
        ),
        # Index and middle finger up and together.
        "U": HandPose(
            Finger(0, 4, 3, -2), Finger(0, 4, 3, 1), _FIST, _FIST, Thumb(34, 44, -2, 55, 35)
        ),
        # Index and middle finger up and spread.
        "V": HandPose(
            Finger(0, 4, 3, 9), Finger(0, 4, 3, -9), _FIST, _FIST, Thumb(34, 44, -2, 55, 35)
        ),
        # Three fingers up and spread, the thumb holds the little finger.
        "W": HandPose(
            Finger(0, 4, 3, 10),
            Finger(0, 4, 3),
            Finger(0, 4, 3, -10),
            Finger(76, 92, 45),
            Thumb(2, 17, 31, 67, 2),
        ),
        # A fist with the index finger up and hooked.
        "X": HandPose(Finger(4, 88, 56), _FIST, _FIST, _FIST, Thumb(41, 42, -2, 57, 34)),
        # A fist with thumb and little finger stretched out.
        "Y": HandPose(_FIST, _FIST, _FIST, Finger(0, 4, 3, -14), Thumb(62, 0, 0, -6, -8)),
        # Index, little finger and thumb stretched out.
        "HORNS": HandPose(
            Finger(0, 4, 3), _FIST, _FIST, Finger(0, 4, 3, -10), Thumb(62, 0, 0, -6, -8)
        ),
        # A fist with the index finger straight.
        "POINT": HandPose(Finger(0, 4, 3), _FIST, _FIST, _FIST, Thumb(41, 42, -2, 57, 34)),
        # The whole hand open.
        "OPEN": HandPose(
            Finger(0, 4, 3, 7),
            Finger(0, 4, 3, 1),
            Finger(0, 4, 3, -6),
            Finger(0, 4, 3, -14),
            Thumb(52, 12, 0, 0, 0),
        ),
        # The hand at rest.
        "RELAXED": HandPose(
            Finger(18, 30, 16),
            Finger(22, 34, 18),
            Finger(26, 36, 18),
            Finger(30, 36, 18),
            Thumb(34, 24, 10, 12, 14),
        ),
        # Index and middle finger straight forward, the thumb away from them.
        "BEAK_OPEN": HandPose(
            Finger(30, 4, 3), Finger(32, 4, 3), _FIST, _FIST, Thumb(30, 50, 20, 0, 0)
        ),
        # Index and middle finger snapped onto the thumb.
        "BEAK_SHUT": HandPose(
            Finger(62, 28, 12, -2), Finger(62, 28, 12, 1), _FIST, _FIST, Thumb(0, 40, 17, 0, 0)
        ),
    }
)
