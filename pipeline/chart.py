"""The chart of handshapes that the service's page shows: one picture of all letters, drawn here.

`signwrite chart` makes it. Cells lie in rows of `COLUMNS`, in the alphabet's order, each as a
viewer sees a right-handed signer; the page mirrors it. A letter that moves has its fingertip's way
drawn.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from pipeline.drawing.figure import draw_hand
from pipeline.drawing.hand import HandPose, Proportions, Skeleton, build_skeleton
from pipeline.drawing.motion import HandState, Performance
from pipeline.drawing.projection import FINE, Look, Placement, Projection
from pipeline.drawing.shading import Light
from pipeline.drawing.sign_table import SIGNS
from pipeline.files import whole_file
from signwrite.vocabulary import ASL_LETTERS

COLUMNS = 7
CELL_PX = 176  # shown at half of it, or less, so that it is sharp on dense screens too
_PALM_PX = 62
_QUALITY = 82  # of WebP
_LOOK = Look(
    skin=(0.80, 0.60, 0.47),
    palm=(0.90, 0.71, 0.60),
    nail=(0.96, 0.82, 0.76),
    sleeve=(0.5, 0.5, 0.5),
    sleeve_start=9.0,  # none
)
_LIGHT = Light(direction=(-0.5, -0.7, 0.8), strength=0.74, ambient=0.54, crevices=0.6)
_FADE = (0.0, 0.5)  # palm lengths from the wrist, over which the arm vanishes
_TIPS = {"J": 20, "Z": 8}  # the landmark that draws the letter: of the little and the index finger
_WAY_COLOUR = (23, 138, 132)  # legible on light and on dark
_WAY_PX, _HEAD_PX, _STEPS, _SMOOTH = 5, 13, 60, 4


def draw_chart(letters: Sequence[str] = ASL_LETTERS) -> Image.Image:
    """Draw the chart: RGBA, transparent around the hands."""
    rows = -(-len(letters) // COLUMNS)
    chart = Image.new("RGBA", (COLUMNS * CELL_PX, rows * CELL_PX))
    for place, letter in enumerate(letters):
        down, across = divmod(place, COLUMNS)
        chart.paste(draw_letter(letter), (across * CELL_PX, down * CELL_PX))
    return chart


def write_chart(path: Path) -> None:
    """Write the chart as WebP, whole or not at all."""
    packed = io.BytesIO()
    draw_chart().save(packed, format="WEBP", quality=_QUALITY, method=6, alpha_quality=90)
    with whole_file(path) as partial:
        partial.write_bytes(packed.getvalue())


def draw_letter(letter: str) -> Image.Image:
    """Draw one cell: RGBA, `CELL_PX` a side."""
    still = np.zeros(21)
    performance = Performance(SIGNS[letter], still, np.zeros(3))
    states = [performance.at(share) for share in np.linspace(0, 1, _STEPS)]
    shown = states[0]
    skeleton = _skeleton(shown)
    way = np.array([_tip(state, letter) for state in states]) if letter in _TIPS else None
    placement = _centred(shown, skeleton, way)
    drawn = draw_hand(skeleton, placement, look=_LOOK, light=_LIGHT, size=(CELL_PX, CELL_PX))
    cover = np.maximum(drawn.cover * _fading(placement), drawn.hand_cover)
    colour = drawn.colour / np.maximum(drawn.cover, 1e-6)[..., None]
    pixels = np.concatenate([colour, cover[..., None]], axis=-1)
    cell = Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")
    if way is not None:
        cell.alpha_composite(_draw_way(way * _PALM_PX + placement.wrist_px))
    return cell


def _skeleton(state: HandState) -> Skeleton:
    return build_skeleton(HandPose.from_angles(state.angles), proportions=Proportions())


def _at(state: HandState, wrist_px: tuple[float, float] = (0.0, 0.0)) -> Placement:
    return Placement(state.rotation, wrist_px, _PALM_PX, state.elbow)


def _tip(state: HandState, letter: str) -> npt.NDArray[np.float64]:
    """Return x, y of the fingertip that draws the letter, from the first wrist, palm lengths."""
    start = HandState.of(SIGNS[letter].keys[0])
    # The hand's middle is what a signer moves: `pipeline.drawing.filming` has the same grip.
    moved = state.place - 0.75 * state.rotation[:2, 1]
    began = start.place - 0.75 * start.rotation[:2, 1]
    tip = Projection(_at(state)).landmarks(_skeleton(state))[_TIPS[letter], :2]
    return tip / (FINE * _PALM_PX) + (moved - began) * [1, -1]


def _centred(
    state: HandState, skeleton: Skeleton, way: npt.NDArray[np.float64] | None
) -> Placement:
    """Put the hand, and the way of its fingertip, into the middle of a cell."""
    points = Projection(_at(state)).landmarks(skeleton)[:, :2] / FINE
    if way is not None:
        points = np.concatenate([points, way * _PALM_PX])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    x, y = CELL_PX / 2 - middle
    return _at(state, (float(x), float(y)))


def _fading(placement: Placement) -> npt.NDArray[np.float32]:
    """Return float32 [CELL_PX, CELL_PX]: 1, falling to 0 along the arm."""
    toward = placement.elbow[:2] * [1, -1]
    toward = toward / np.linalg.norm(toward)
    rows, columns = np.mgrid[:CELL_PX, :CELL_PX].astype(np.float32) + 0.5
    x, y = placement.wrist_px
    along = ((columns - x) * toward[0] + (rows - y) * toward[1]) / _PALM_PX
    faded: npt.NDArray[np.float32] = 1 - (along - _FADE[0]) / (_FADE[1] - _FADE[0])
    return np.clip(faded, 0, 1).astype(np.float32)


def _draw_way(points: npt.NDArray[np.float64]) -> Image.Image:
    """Draw a line through points [N, 2] in pixels, with a head at its end."""
    size = CELL_PX * _SMOOTH
    line = Image.new("RGBA", (size, size))
    pen = ImageDraw.Draw(line)
    scaled = [(float(x), float(y)) for x, y in points * _SMOOTH]
    pen.line(scaled, fill=_WAY_COLOUR, width=_WAY_PX * _SMOOTH, joint="curve")
    radius = _WAY_PX * _SMOOTH / 2
    x, y = scaled[0]
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_WAY_COLOUR)
    along = points[-1] - points[-6]
    along = along / np.linalg.norm(along)
    side = np.array([-along[1], along[0]])
    head = [along * 0.8, side * 0.62 - along * 0.2, -side * 0.62 - along * 0.2]
    corners = [(points[-1] + corner * _HEAD_PX) * _SMOOTH for corner in head]
    pen.polygon([(float(x), float(y)) for x, y in corners], fill=_WAY_COLOUR)
    return line.resize((CELL_PX, CELL_PX), Image.Resampling.BOX)
