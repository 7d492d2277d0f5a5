"""Films a signer: states of a hand in, frames and hand boxes out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.drawing.backdrop import draw_backdrop, shoulder_px
from pipeline.drawing.figure import DrawnHand, draw_hand
from pipeline.drawing.hand import HandPose, build_skeleton
from pipeline.drawing.motion import HandState
from pipeline.drawing.projection import Placement
from pipeline.drawing.signer import Signer

Frame = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

BOX_MARGIN = 1.4  # side of a hand box over the longer extent of the landmarks
_GRIP = 0.75  # palm lengths from the wrist to the point of the hand that a signer holds in place
_SOLID = 0.5  # the cover from which a pixel counts as the hand's
_LEAST_PIXELS = 12  # fewer are no hand that anyone could see


@dataclass(frozen=True)
class Shot:
    """One frame.

    Attributes:
        pixels: uint8 [H, W, 3], RGB, 0 to 255.
        hand: bool [H, W], the pixels that show the hand (not the arm).
        box: x_min, y_min, x_max, y_max, 0 to 1 from the top left, or None where no hand is seen:
            the square around the 21 landmarks with side `BOX_MARGIN` times their longer extent,
            grown where it would not hold every pixel of the hand, and clipped to the picture.
        joints: float32 [21, 3], the landmarks as `pipeline.landmarks.table` has them.
    """

    pixels: Frame
    hand: npt.NDArray[np.bool_]
    box: Box | None
    joints: npt.NDArray[np.float32]


class Camera:
    """Stands before one signer; the same states in the same order give the same frames."""

    def __init__(self, signer: Signer, *, take: int = 0) -> None:
        """Set up the room.

        Args:
            signer: who is filmed.
            take: another number gives other sensor noise.
        """
        self._signer = signer
        self._size = (signer.size_px[1], signer.size_px[0])
        self._backdrop = draw_backdrop(signer)
        self._shoulder = shoulder_px(signer)
        self._rng = np.random.default_rng([signer.seed, 3, take])
        # One sheet of grain, read at another place for each frame: sensor noise at little cost.
        sheet = self._rng.normal(0, signer.noise, (self._size[0] + 64, self._size[1] + 64, 3))
        self._grain = sheet.astype(np.float32)

    def shoot(self, state: HandState) -> Shot:
        """Draw one frame."""
        signer = self._signer
        skeleton = build_skeleton(
            HandPose.from_angles(state.angles), proportions=signer.proportions
        )
        placement = Placement(
            state.rotation, self._wrist(state), signer.palm_px, state.elbow, self._shoulder
        )
        drawn = draw_hand(
            skeleton, placement, look=signer.look, light=signer.light, size=self._size
        )
        down, across = self._rng.integers(0, 64, 2)
        height, width = self._size
        picture = drawn.colour + (1 - drawn.cover[..., None]) * self._backdrop
        picture += self._grain[down : down + height, across : across + width]
        pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
        hand = drawn.hand_cover >= _SOLID
        box = _box(drawn, hand)
        joints = (drawn.landmarks_px / (width, height, -width)).astype(np.float32)
        if signer.left_handed:
            pixels, hand = np.ascontiguousarray(pixels[:, ::-1]), hand[:, ::-1]
            box = None if box is None else (1 - box[2], box[1], 1 - box[0], box[3])
            joints[:, 0] = 1 - joints[:, 0]
        return Shot(pixels, hand, box, joints)

    def _wrist(self, state: HandState) -> tuple[float, float]:
        """Return x, y of the wrist in pixels: the hand's middle is what a signer holds in place."""
        x, y = self._signer.hand_px
        right, up = state.place - _GRIP * state.rotation[:2, 1]
        palm = self._signer.palm_px
        return x + palm * float(right), y - palm * float(up)


def _box(drawn: DrawnHand, hand: npt.NDArray[np.bool_]) -> Box | None:
    """Return the hand's box as `Shot` describes it."""
    if np.count_nonzero(hand) < _LEAST_PIXELS:
        return None
    height, width = hand.shape
    rows, columns = np.flatnonzero(hand.any(axis=1)), np.flatnonzero(hand.any(axis=0))
    points = drawn.landmarks_px[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, BOX_MARGIN / 2 * float((high - low).max())
    x_min, x_max = min(middle[0] - reach, columns[0]), max(middle[0] + reach, columns[-1] + 1)
    y_min, y_max = min(middle[1] - reach, rows[0]), max(middle[1] + reach, rows[-1] + 1)
    left, right = (float(np.clip(v / width, 0, 1)) for v in (x_min, x_max))
    top, bottom = (float(np.clip(v / height, 0, 1)) for v in (y_min, y_max))
    return left, top, right, bottom
