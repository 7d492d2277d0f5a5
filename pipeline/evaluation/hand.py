"""Where a bundle looked against where the hand is known to be, and how far the hand moved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from pipeline.clips.boxes import Boxes, box_on_canvas, frames_of_video, read_boxes
from pipeline.clips.manifest import ClipRow
from pipeline.landmarks.table import Joints, joints_on_canvas, known_joints
from pipeline.training.movement import travel
from pipeline.training.store import HandTables

_FOUND = 0.9  # share of a hand's box within the crop

Corners = npt.NDArray[np.float64]  # [N, 4]: x_min, y_min, x_max, y_max as fractions of the canvas


@dataclass(frozen=True)
class KnownHands:
    """What tables say of the hand, by video and frame; `told` names the tables by their content."""

    boxes: Boxes = field(default_factory=dict)
    joints: Mapping[tuple[str, int], Joints] = field(default_factory=dict)
    told: str = ""


NO_HANDS = KnownHands()


@dataclass(frozen=True, kw_only=True)
class HandCheck:
    """How a clip's hand was found, of the frames that the model saw; None where nothing is known.

    Attributes:
        found: share of frames in which nine tenths of the hand's known box lie within where the
            model looked.
        overlap: how much what the model looked at and the same square around the known box overlap,
            intersection over union, on average.
        joints_found: share of frames in which every known joint that is in the picture lies within
            where the model looked.
        travel: how far a fingertip got around, in hand sizes, by the known joints.
    """

    found: float | None = None
    overlap: float | None = None
    joints_found: float | None = None
    travel: float | None = None


UNKNOWN = HandCheck()


def read_known(tables: HandTables) -> KnownHands:
    """Read what tables know.

    Raises:
        InputError: a table is not there or is another.
    """
    told = json.dumps(tables.digests())
    return KnownHands(read_boxes(tables.boxes), known_joints(tables.landmarks), told)


def check_hand(
    row: ClipRow,
    pts_s: npt.NDArray[np.float64],
    looked: npt.NDArray[np.float32],
    *,
    known: KnownHands,
    canvas_px: int,
    margin: float,
) -> HandCheck:
    """Compare where a bundle looked in a clip with where the hand is known to be.

    Args:
        row: the clip.
        pts_s: float64 [T], the times of the frames it saw.
        looked: float32 [T, 4], where, clipped to the canvas.
        known: the hands by video and frame.
        canvas_px: side of the canvas.
        margin: side of the model's crop in sides of the hand's box.
    """
    keys = [(row.video, frame) for frame in frames_of_video(row, pts_s)]
    corners = looked.astype(np.float64)
    boxed = [at for at, key in enumerate(keys) if key in known.boxes]
    jointed = [at for at, key in enumerate(keys) if key in known.joints]
    found = overlap = joints_found = moved = None
    if boxed:
        squares = [box_on_canvas(known.boxes[keys[at]], row, canvas_px=canvas_px) for at in boxed]
        found, overlap = _compare_boxes(np.array(squares), corners[boxed], margin=margin)
    if jointed:
        joints = np.stack(
            [joints_on_canvas(known.joints[keys[at]], row, canvas_px=canvas_px) for at in jointed]
        )
        places = np.clip(joints[..., :2], 0.0, 1.0)  # nobody can look beyond the picture
        low, high = corners[jointed, None, :2], corners[jointed, None, 2:]
        within = ((places >= low) & (places <= high)).all(axis=(1, 2))
        joints_found, moved = float(within.mean()), travel(joints)
    return HandCheck(found=found, overlap=overlap, joints_found=joints_found, travel=moved)


def mean_check(checks: Sequence[HandCheck]) -> HandCheck:
    """Average each figure over the clips where it is known."""
    means = {}
    for each in fields(HandCheck):
        known = [value for check in checks if (value := getattr(check, each.name)) is not None]
        means[each.name] = float(np.mean(known)) if known else None
    return HandCheck(**means)


def _compare_boxes(
    squares: npt.NDArray[np.float64], crops: Corners, *, margin: float
) -> tuple[float, float]:
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
