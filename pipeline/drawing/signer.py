"""Who signs, where, and how the camera sees it: all drawn from one seed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from pipeline.drawing.hand import Proportions
from pipeline.drawing.projection import Colour, Look
from pipeline.drawing.shading import Light
from signwrite.errors import InputError

Framing = Literal["close-up", "webcam", "waist-up"]
Backdrop = Literal["plain", "gradient", "textured", "cluttered"]

MIN_SIDE_PX, MAX_SIDE_PX = 64, 1080
_FRAMINGS: tuple[Framing, ...] = ("close-up", "webcam", "waist-up")
_BACKDROPS: tuple[Backdrop, ...] = ("plain", "gradient", "textured", "cluttered")
_SIZES_PX = ((320, 240), (256, 320), (320, 180), (288, 288), (240, 320), (384, 288))
_RATES = (15, 15, 20, 25, 30)
# Skin from light to dark: the back of the hand, and the palm, which varies less.
_SKINS: tuple[tuple[Colour, Colour], ...] = (
    ((0.94, 0.78, 0.69), (0.96, 0.78, 0.71)),
    ((0.87, 0.68, 0.56), (0.92, 0.71, 0.62)),
    ((0.78, 0.58, 0.44), (0.87, 0.66, 0.54)),
    ((0.64, 0.45, 0.32), (0.80, 0.60, 0.48)),
    ((0.48, 0.32, 0.22), (0.72, 0.53, 0.43)),
    ((0.33, 0.21, 0.15), (0.62, 0.45, 0.37)),
)
# Palm length over the picture's short side.
_PALM_SHARES: Mapping[Framing, tuple[float, float]] = MappingProxyType(
    {"close-up": (0.28, 0.36), "webcam": (0.19, 0.25), "waist-up": (0.115, 0.145)}
)
_PLACES: Mapping[Framing, tuple[float, float]] = MappingProxyType(
    {"close-up": (0.5, 0.52), "webcam": (0.3, 0.55), "waist-up": (0.34, 0.5)}
)
_HEADS: Mapping[Framing, tuple[float, float, float]] = MappingProxyType(
    {"close-up": (0.5, -2.0, 0.5), "webcam": (0.66, 0.4, 0.46), "waist-up": (0.56, 0.24, 0.24)}
)


@dataclass(frozen=True)
class Signer:
    """One drawn person, their room and their camera.

    Attributes:
        seed: what all of this, and the noise and tremor later, is drawn from.
        look: colours of hand, arm and sleeve.
        proportions: of the hand.
        left_handed: the picture is mirrored.
        light: the lamp.
        framing: how much of the person is in the picture.
        backdrop: what is behind.
        backdrop_colours: two colours it is made of.
        hair: colour.
        size_px: width and height of the picture.
        palm_px: length of a palm.
        hand_px: x, y where the hand is held, before mirroring.
        head_px: x, y of the head's middle and its height.
        fps: frames per second of this person's videos.
        tempo: how fast they sign; 1 is as asked for.
        drops_hand: whether the hand leaves the picture between two signs.
        tremor: 1 for a calm hand.
        noise: of the sensor, standard deviation on the scale 0 to 1.
    """

    seed: int
    look: Look
    proportions: Proportions
    left_handed: bool
    light: Light
    framing: Framing
    backdrop: Backdrop
    backdrop_colours: tuple[Colour, Colour]
    hair: Colour
    size_px: tuple[int, int]
    palm_px: float
    hand_px: tuple[float, float]
    head_px: tuple[float, float, float]
    fps: int
    tempo: float
    drops_hand: bool
    tremor: float
    noise: float

    @classmethod
    def from_seed(cls, seed: int) -> "Signer":
        """Draw a signer; the same seed gives the same one."""
        rng = np.random.default_rng([seed, 1])
        framing = _FRAMINGS[int(rng.choice(3, p=(0.4, 0.4, 0.2)))]
        backdrop = _BACKDROPS[int(rng.choice(4, p=(0.25, 0.25, 0.2, 0.3)))]
        width, height = _SIZES_PX[int(rng.integers(len(_SIZES_PX)))]
        short = min(width, height)
        x, y = _PLACES[framing]
        spot = ((x + rng.uniform(-0.05, 0.05)) * width, (y + rng.uniform(-0.05, 0.05)) * height)
        head_x, head_y, head_height = _HEADS[framing]
        head_x, head_y = head_x + rng.uniform(-0.04, 0.06), head_y + rng.uniform(-0.03, 0.05)
        return cls(
            seed=seed,
            look=_look(rng),
            proportions=Proportions(
                finger_length=float(rng.uniform(0.92, 1.07)),
                finger_width=float(rng.uniform(0.9, 1.1)),
                palm_width=float(rng.uniform(0.92, 1.08)),
            ),
            left_handed=bool(rng.random() < 0.25),  # noqa: PLR2004 - more than in life: both must be learnt
            light=_light(rng),
            framing=framing,
            backdrop=backdrop,
            backdrop_colours=(_room_colour(rng), _room_colour(rng)),
            hair=_scaled((0.30, 0.21, 0.15), float(rng.uniform(0.3, 1.7))),
            size_px=(width, height),
            palm_px=float(rng.uniform(*_PALM_SHARES[framing]) * short),
            hand_px=spot,
            head_px=(head_x * width, head_y * height, head_height * short),
            fps=_RATES[int(rng.integers(len(_RATES)))],
            tempo=float(rng.uniform(0.85, 1.2)),
            drops_hand=bool(rng.random() < 0.5),  # noqa: PLR2004 - half of them
            tremor=float(rng.uniform(0.4, 1.5)),
            noise=float(rng.uniform(0.004, 0.02)),
        )

    def resized(self, short_side_px: int) -> "Signer":
        """Return the same scene in a picture of another size; sides stay even.

        Raises:
            InputError: smaller than a hand could be seen in, or larger than is sensible to draw.
        """
        if not MIN_SIDE_PX <= short_side_px <= MAX_SIDE_PX:
            wanted = f"a short side of {MIN_SIDE_PX} to {MAX_SIDE_PX} px"
            raise InputError(f"{wanted}; received {short_side_px}")
        factor = short_side_px / min(self.size_px)
        width, height = (2 * round(factor * side / 2) for side in self.size_px)
        hand_x, hand_y = (factor * v for v in self.hand_px)
        head_x, head_y, head = (factor * v for v in self.head_px)
        return replace(
            self,
            size_px=(width, height),
            palm_px=factor * self.palm_px,
            hand_px=(hand_x, hand_y),
            head_px=(head_x, head_y, head),
        )


def _look(rng: np.random.Generator) -> Look:
    """Draw the colours of a hand and its sleeve."""
    place = rng.uniform(0, len(_SKINS) - 1)
    low, share = int(place), place - int(place)
    high = min(low + 1, len(_SKINS) - 1)
    skin, palm = (_mixed(_SKINS[low][i], _SKINS[high][i], share) for i in (0, 1))
    nail = _scaled(_mixed(palm, (0.95, 0.8, 0.76), 0.4), 1.04)
    if rng.random() < 0.12:  # noqa: PLR2004 - some nails are painted
        nail = _any_colour(rng, low=0.2, high=0.9)
    bare = rng.random() < 0.4  # noqa: PLR2004 - short sleeves
    sleeve_start = 9.0 if bare else float(rng.uniform(0.35, 1.6))
    cloth = _mixed(_room_colour(rng), _any_colour(rng, low=0.08, high=0.8), 0.4)
    return Look(skin, palm, nail, cloth, sleeve_start)


def _light(rng: np.random.Generator) -> Light:
    """Draw a lamp somewhere above and in front."""
    warmth = float(rng.uniform(-0.08, 0.08))
    level = float(rng.uniform(0.8, 1.12))
    return Light(
        direction=(float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.9, -0.2)), 0.8),
        strength=float(rng.uniform(0.55, 0.8)) * level,
        ambient=float(rng.uniform(0.38, 0.52)) * level,
        tint=(1 + warmth, 1.0, 1 - warmth),
        crevices=float(rng.uniform(0.5, 0.7)),
    )


def _room_colour(rng: np.random.Generator) -> Colour:
    """Draw a colour of walls and things: mostly pale and greyish."""
    grey = float(rng.uniform(0.12, 0.92))
    return _mixed((grey, grey, grey), _any_colour(rng, low=0.1, high=0.9), rng.uniform(0, 0.5))


def _any_colour(rng: np.random.Generator, *, low: float, high: float) -> Colour:
    """Draw a colour."""
    red, green, blue = (float(v) for v in rng.uniform(low, high, 3))
    return red, green, blue


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; share 1 is all of the other."""
    red, green, blue = (float(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _scaled(colour: Colour, factor: float) -> Colour:
    """Make a colour lighter or darker."""
    red, green, blue = (min(1.0, factor * c) for c in colour)
    return red, green, blue
