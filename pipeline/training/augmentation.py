"""Pictures that training invents from those it has; used by the datasets alone.

Geometry comes first, in one affine warp from the canvas to the network's input, then light, then
what a camera and a codec do. Every choice is drawn from the generator that is passed in.
"""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Picture = npt.NDArray[Any]  # uint8 [H, W, 3] RGB; OpenCV's own types are wider
Border = tuple[int, tuple[int, int, int]]  # OpenCV's border mode and colour

cv2.setNumThreads(0)  # the training step owns the cores


class Augmentation(BaseModel):
    """How strongly each kind of invention is used: 0 not at all, 1 as it was designed.

    Attributes:
        mirror: left for right, so that left and right hands are one; a fifth of all, as joints did
            not learn to tell apart the sides of a hand that is as often turned round.
        shift: the hand off the middle of its crop.
        scale: the hand larger or smaller in its crop.
        loose: some crops further off than the others, as a first look may be.
        turn: turned in the picture.
        stretch: wider or narrower.
        light: brighter, darker, another contrast.
        tint: the colour cast of another lamp or camera.
        colour: stronger, weaker or no colours.
        blur: out of focus, or of a low resolution.
        noise: of a sensor.
        compression: of a codec.
        erase: a patch covered.
        border: what lies beyond the picture.
        background: another one behind the hand, where its joints are known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: float = Field(default=1.0, ge=0.0, le=5.0)
    shift: float = Field(default=1.0, ge=0.0, le=4.0)
    scale: float = Field(default=1.0, ge=0.0, le=4.0)
    loose: float = Field(default=1.0, ge=0.0, le=5.0)
    turn: float = Field(default=1.0, ge=0.0, le=4.0)
    stretch: float = Field(default=1.0, ge=0.0, le=4.0)
    light: float = Field(default=1.0, ge=0.0, le=4.0)
    tint: float = Field(default=1.0, ge=0.0, le=4.0)
    colour: float = Field(default=1.0, ge=0.0, le=1.5)
    blur: float = Field(default=1.0, ge=0.0, le=2.5)
    noise: float = Field(default=1.0, ge=0.0, le=3.0)
    compression: float = Field(default=1.0, ge=0.0, le=2.5)
    erase: float = Field(default=1.0, ge=0.0, le=4.0)
    border: float = Field(default=1.0, ge=0.0, le=1.0)
    background: float = Field(default=1.0, ge=0.0, le=2.5)


AS_DESIGNED = Augmentation()


@dataclass(frozen=True)
class Look:
    """The light, camera and codec of one invented clip; the same for each of its frames."""

    gain: npt.NDArray[np.float32]
    gamma: float
    saturation: float
    shrink: float
    blur_px: float
    noise: float
    jpeg: int
    mirror: bool


def draw_look(rng: np.random.Generator, *, strength: Augmentation = AS_DESIGNED) -> Look:
    """Draw a look: most clips keep most of theirs."""
    tint = rng.normal(0.0, 0.07 * strength.tint, 3) if rng.random() < 0.6 else np.zeros(3)
    odds = np.array([0.4, 0.5, 0.1])
    odds[1:] *= strength.colour
    odds[0] = 1.0 - odds[1:].sum()
    return Look(
        gain=(rng.lognormal(0.0, 0.25 * strength.light) * np.exp(tint)).astype(np.float32),
        gamma=float(rng.lognormal(0.0, 0.2 * strength.light)),
        saturation=float(rng.choice([1.0, rng.uniform(0.3, 1.6), 0.0], p=odds.clip(0.0, 1.0))),
        shrink=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.35 * strength.blur else 1.0,
        blur_px=float(rng.uniform(0.5, 1.8)) if rng.random() < 0.2 * strength.blur else 0.0,
        noise=float(rng.uniform(2.0, 14.0)) if rng.random() < 0.3 * strength.noise else 0.0,
        jpeg=int(rng.integers(15, 70)) if rng.random() < 0.4 * strength.compression else 0,
        mirror=bool(rng.random() < 0.2 * strength.mirror),
    )


def apply_look(picture: Picture, look: Look, *, rng: np.random.Generator) -> Picture:
    """Give a picture a look; mirroring is geometry and not done here."""
    height, width = picture.shape[:2]
    if look.shrink < 1.0:
        small = (max(8, round(width * look.shrink)), max(8, round(height * look.shrink)))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    if look.blur_px:
        picture = cv2.GaussianBlur(picture, (0, 0), look.blur_px)
    if look.saturation != 1.0:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        picture = cv2.addWeighted(picture, look.saturation, grey, 1.0 - look.saturation, 0.0)
    levels = np.linspace(0.0, 1.0, 256, dtype=np.float32) ** look.gamma
    table = np.clip(levels[:, None] * look.gain[None, :] * 255.0, 0, 255).astype(np.uint8)
    picture = cv2.LUT(picture, table[:, None, :])
    if look.noise:
        grain = rng.standard_normal(picture.shape[:2], dtype=np.float32) * look.noise
        picture = np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)
    if look.jpeg:
        _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg])
        picture = cast("Picture", cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return picture


def warp_square(
    picture: Picture,
    box: tuple[float, float, float],
    *,
    size_px: int,
    angle: float = 0.0,
    stretch: float = 1.0,
    mirror: bool = False,
    border: Border = (cv2.BORDER_CONSTANT, (0, 0, 0)),
) -> tuple[Picture, npt.NDArray[np.float64]]:
    """Cut a turned, stretched square out of a picture.

    Args:
        picture: uint8 [H, W, 3].
        box: centre x, centre y and side in the picture's pixels.
        size_px: side of the output.
        angle: radians, clockwise on the screen.
        stretch: width over height of the part that is cut out.
        mirror: whether to swap left and right.
        border: OpenCV's border mode for what lies beyond the picture, and its colour.

    Returns:
        The square, and the 2 x 3 matrix that takes the picture's pixels to the square's.
    """
    shrunk = 1.0
    while box[2] * shrunk > 1.6 * size_px:  # halve first, so that nothing aliases
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        shrunk /= 2
    scale = size_px / box[2]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale / np.sqrt(stretch), scale * np.sqrt(stretch)])
    if mirror:
        linear = np.diag([-1.0, 1.0]) @ linear
    matrix = np.column_stack([linear, size_px / 2 - linear @ np.array(box[:2])])
    half = np.array([0.5, 0.5])  # OpenCV's pixel 0 is centred on 0; here it spans 0 to 1
    inner = np.column_stack([linear / shrunk, linear @ half / shrunk + matrix[:, 2] - half])
    square = cv2.warpAffine(
        picture,
        inner,
        (size_px, size_px),
        flags=cv2.INTER_LINEAR,
        borderMode=border[0],
        borderValue=border[1],
    )
    return square, matrix


def erase_patch(picture: Picture, *, rng: np.random.Generator) -> Picture:
    """Cover a random rectangle, at most a third of each side, with one colour."""
    height, width = picture.shape[:2]
    tall, wide = rng.integers(height // 12, height // 3), rng.integers(width // 12, width // 3)
    top, left = rng.integers(0, height - tall), rng.integers(0, width - wide)
    picture = picture.copy()
    picture[top : top + tall, left : left + wide] = rng.integers(0, 256, 3)
    return picture


def draw_border(rng: np.random.Generator, *, strength: Augmentation = AS_DESIGNED) -> Border:
    """Draw what lies beyond a picture: black, one colour, or its edge pulled out."""
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    choices: tuple[Border, ...] = (
        (cv2.BORDER_CONSTANT, (0, 0, 0)),
        (cv2.BORDER_CONSTANT, (red, green, blue)),
        (cv2.BORDER_REPLICATE, (0, 0, 0)),
    )
    return choices[rng.integers(len(choices))] if rng.random() < strength.border else choices[0]


def cover_bars(picture: Picture, *, rng: np.random.Generator) -> Picture:
    """Black out two opposite margins, as a canvas does with a picture that is not square."""
    size_px = picture.shape[0]
    bar = int(size_px * rng.uniform(0.04, 0.22))
    picture = picture.copy()
    if rng.random() < 0.7:
        picture[:bar] = picture[size_px - bar :] = 0
    else:
        picture[:, :bar] = picture[:, size_px - bar :] = 0
    return picture
