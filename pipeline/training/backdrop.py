"""Puts a hand before another background: what is behind a hand says nothing about its sign."""

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.training.augmentation import Picture, warp_square

_FINGERS = tuple(
    (joint, joint + 1) for base in (1, 5, 9, 13, 17) for joint in range(base, base + 3)
)
_PALM = (0, 1, 5, 9, 13, 17)
_FINE = 3  # OpenCV draws to an eighth of a pixel
_FINGER_WIDTH, _WRIST_WIDTH, _FOREARM = 0.34, 0.75, 1.6  # in palm sizes


def cover_hand(joints: npt.NDArray[np.floating], *, size_px: int) -> npt.NDArray[np.float32]:
    """Return how much each pixel of a square belongs to the hand and the wrist, by its joints.

    Args:
        joints: [21, 3], x and y in sides of the square.
        size_px: side of the square.

    Returns:
        float32 [size, size, 1], 0 to 1, with a soft edge.
    """
    points = joints[:, :2] * size_px
    palm = float(
        (np.linalg.norm(points[5] - points[17]) + np.linalg.norm(points[0] - points[9])) / 2
    )
    fixed = np.round(np.clip(points, -size_px, 2 * size_px) * 2**_FINE).astype(np.int32)
    wrist = np.round((points[0] + _FOREARM * (points[0] - points[9])) * 2**_FINE).astype(np.int32)
    mask = np.zeros((size_px, size_px), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(fixed[list(_PALM)]), 255, shift=_FINE)
    lines = [(fixed[first], fixed[second], _FINGER_WIDTH) for first, second in _FINGERS]
    for first, second, width in [*lines, (fixed[0], wrist, _WRIST_WIDTH)]:
        thick = max(2, round(palm * width))
        start, end = (int(first[0]), int(first[1])), (int(second[0]), int(second[1]))
        cv2.line(mask, start, end, 255, thick, cv2.LINE_AA, _FINE)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.05 * palm))
    return soft.astype(np.float32)[..., None] / 255.0


def draw_backdrop(
    picture: Picture, hand: tuple[float, float, float], *, size_px: int, rng: np.random.Generator
) -> Picture:
    """Draw a background: colours that run into each other, or a part of another picture.

    Args:
        picture: uint8 [H, W, 3], the other picture.
        hand: where its hand is, in pixels; the part is cut beside it if there is room.
        size_px: side of the background.
        rng: draws everything.
    """
    height, width = picture.shape[:2]
    crowded = hand[2] > 0.4 * min(height, width)
    if crowded or rng.random() < 0.25:
        colours = rng.integers(0, 256, 3) + rng.normal(0.0, 30.0, (2, 2, 3))
        corners = np.clip(colours, 0, 255).astype(np.uint8)
        return cv2.resize(corners, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    side = rng.uniform(0.3, 1.0) * min(height, width)
    x, y = side / 2, side / 2
    for _ in range(12):
        x, y = rng.uniform(side / 2, width - side / 2), rng.uniform(side / 2, height - side / 2)
        if max(abs(x - hand[0]), abs(y - hand[1])) > 0.4 * (side + hand[2]):
            break
    return warp_square(
        picture,
        (x, y, side),
        size_px=size_px,
        angle=float(rng.normal(0.0, 0.3)),
        mirror=bool(rng.random() < 0.5),
        border=(cv2.BORDER_REFLECT, (0, 0, 0)),
    )[0]


def replace_background(
    square: Picture, backdrop: Picture, joints: npt.NDArray[np.floating]
) -> Picture:
    """Put the hand of one square before another; joints as `cover_hand` takes them."""
    cover = cover_hand(joints, size_px=square.shape[0])
    mixed: Picture = (square * cover + backdrop * (1.0 - cover) + 0.5).astype(np.uint8)
    return mixed
