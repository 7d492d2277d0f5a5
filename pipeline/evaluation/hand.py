"""Where a bundle looked against where the hand is known to be."""

import numpy as np
import numpy.typing as npt

from pipeline.clips.boxes import Boxes, box_on_canvas, frames_of_video
from pipeline.clips.manifest import ClipRow

_FOUND = 0.9  # share of a hand's box within the crop

Corners = npt.NDArray[np.float64]  # [N, 4]: x_min, y_min, x_max, y_max as fractions of the canvas


def compare_hand(
    row: ClipRow,
    pts_s: npt.NDArray[np.float64],
    looked: npt.NDArray[np.float32],
    *,
    known: Boxes,
    canvas_px: int,
    margin: float,
) -> tuple[float | None, float | None]:
    """Compare where a bundle looked in a clip with the known boxes.

    Args:
        row: the clip.
        pts_s: float64 [T], the times of the frames it saw.
        looked: float32 [T, 4], where, clipped to the canvas.
        known: hand boxes by video and frame.
        canvas_px: side of the canvas.
        margin: side of the model's crop in sides of the hand's box.

    Returns:
        The share of frames in which nine tenths of the hand lie within the crop, and the mean
        intersection over union of the crop with the crop that the known box would give; None where
        no box is known.
    """
    found = [
        (box_on_canvas(known[row.video, frame], row, canvas_px=canvas_px), corners)
        for frame, corners in zip(frames_of_video(row, pts_s), looked, strict=True)
        if (row.video, frame) in known
    ]
    if not found:
        return None, None
    squares = np.array([square for square, _ in found])
    crops = np.array([corners for _, corners in found], np.float64)
    hands, wanted = _corners(squares, 1.0), _corners(squares, margin)
    within = _area(_shared(crops, hands)) / np.maximum(_area(hands), 1e-9)
    shared = _area(_shared(crops, wanted))
    overlap = shared / np.maximum(_area(crops) + _area(wanted) - shared, 1e-9)
    return float((within >= _FOUND).mean()), float(overlap.mean())


def _corners(squares: npt.NDArray[np.float64], margin: float) -> Corners:
    half = squares[:, 2:] * margin / 2
    return np.clip(np.hstack([squares[:, :2] - half, squares[:, :2] + half]), 0.0, 1.0)


def _shared(one: Corners, other: Corners) -> Corners:
    return np.hstack([np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])])


def _area(corners: Corners) -> npt.NDArray[np.float64]:
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 0.0)
    area: npt.NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return area
