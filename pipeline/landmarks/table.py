"""The table of landmarks, `hand_landmarks.csv`: a row a frame of a video.

Columns: ``video``, ``frame`` (from 0 in the whole video), ``score`` (the teacher's confidence, 0 to
1) and ``x0, y0, z0`` to ``x20, y20, z20``: x as a fraction of the frame's width, y of its height,
both perhaps outside 0 to 1; z, the depth against the wrist, in widths, smaller towards the camera.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clips.manifest import ClipRow
from pipeline.files import write_text
from pipeline.landmarks import LANDMARKS
from signwrite.errors import InputError
from signwrite.frames import fit

LANDMARKS_FILE = "hand_landmarks.csv"
LEAST_SCORE = 0.5  # below it, the teacher itself does not believe in what it found

_COLUMNS = ["video", "frame", "score"] + [
    f"{axis}{joint}" for joint in range(LANDMARKS) for axis in "xyz"
]

Joints = npt.NDArray[np.float32]
"""float32 [21, 3]: x, y, z of each landmark, in the units of the table."""


@dataclass(frozen=True)
class LandmarksRow:
    """The landmarks of one frame."""

    video: str
    frame: int
    score: float
    joints: Joints


def write_landmarks(path: Path, rows: Iterable[LandmarksRow]) -> None:
    """Write a table, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        joints = (f"{number:.4f}" for number in row.joints.ravel())
        writer.writerow([row.video, row.frame, f"{row.score:.3f}", *joints])
    write_text(path, text.getvalue())


def read_landmarks(path: Path) -> list[LandmarksRow]:
    """Read a table.

    Raises:
        InputError: there is no such file, its columns are others, or a cell is not a number.
    """
    rows = []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            if next(reader, None) != _COLUMNS:
                raise InputError(f"{path}: wanted the columns {', '.join(_COLUMNS[:6])}, ...")
            for video, frame, score, *numbers in reader:
                joints = np.array(numbers, np.float32).reshape(LANDMARKS, 3)
                if not np.isfinite(joints).all():
                    raise InputError(f"{path}: {video}, frame {frame}: wanted finite numbers")
                rows.append(LandmarksRow(video, int(frame), float(score), joints))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: wanted a table of landmarks; {error}") from error
    return rows


def known_joints(path: Path | None) -> Mapping[tuple[str, int], Joints]:
    """Read the joints that the teacher believes in, by video and frame; without a table, none.

    Raises:
        InputError: as `read_landmarks`.
    """
    rows = [] if path is None else read_landmarks(path)
    return {(row.video, row.frame): row.joints for row in rows if row.score >= LEAST_SCORE}


def joints_on_canvas(joints: Joints, row: ClipRow, *, canvas_px: int) -> Joints:
    """Turn joints in the units of the table into fractions of the canvas of a clip."""
    area = fit(row.width, row.height, canvas_px=canvas_px)
    scale = np.array([area.width, area.height, area.width], np.float32) / canvas_px
    corner = np.array([area.left, area.top, 0.0], np.float32) / canvas_px
    return np.asarray(joints * scale + corner, np.float32)
