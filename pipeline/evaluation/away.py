"""Clips seen where the hand is not: for all of their time, or at their ends only."""

import numpy as np
import numpy.typing as npt

from pipeline.clips.manifest import ClipRow
from pipeline.training.augmentation import warp_square
from pipeline.training.scenes import draw_window_beside
from signwrite.frames import fit

Frames = npt.NDArray[np.uint8]

AWAY = 1 / 6  # of a clip's frames, before the hand comes and again after it has left


def look_beside(
    frames: Frames, boxes: npt.NDArray[np.float32], *, row: ClipRow, rng: np.random.Generator
) -> Frames | None:
    """See a clip through a window beside where the model looked; None where there is no room.

    Args:
        frames: uint8 [T, S, S, 3], a clip's canvases.
        boxes: float32 [T, 4], where the model looked: x_min, y_min, x_max, y_max as fractions.
        row: what the clip is.
        rng: draws the window.
    """
    canvas_px = frames.shape[1]
    place = fit(row.width, row.height, canvas_px=canvas_px)
    low, high = boxes[:, :2].min(axis=0) * canvas_px, boxes[:, 2:].max(axis=0) * canvas_px
    middle = (low + high) / 2 - (place.left, place.top)
    hand = (float(middle[0]), float(middle[1]), float((high - low).max()))
    pictures = [frame[place.region] for frame in frames]
    window = draw_window_beside(pictures[0], hand, rng=rng)
    if window is None:
        return None
    return np.stack([warp_square(p, window, size_px=canvas_px)[0] for p in pictures])


def keep_away(frames: Frames, beside: Frames) -> Frames:
    """Let the hand come late and leave early: the whole clip, faster, between frames without it.

    Args:
        frames: uint8 [T, S, S, 3], a clip's canvases.
        beside: the same moments without the hand.
    """
    count = len(frames)
    away = max(1, round(count * AWAY))
    kept = np.linspace(0, count - 1, max(1, count - 2 * away)).round().astype(int)
    return np.concatenate([beside[:away], frames[kept], beside[-away:]])[:count]
