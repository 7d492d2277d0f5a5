"""The table of hand boxes: where the hand is in the frames of videos."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clips.manifest import ClipRow
from signwrite.errors import InputError
from signwrite.frames import fit

_BOX_COLUMNS = ["video", "frame", "letter", "x_min", "y_min", "x_max", "y_max", "score"]

Boxes = Mapping[tuple[str, int], tuple[float, float, float, float]]
"""x_min, y_min, x_max, y_max as fractions of the frame, by video and frame from 0."""


def read_boxes(path: Path | None) -> Boxes:
    """Read a table of hand boxes: x_min, y_min, x_max, y_max as fractions, by video and frame.

    Raises:
        InputError: there is no such file, the columns are others, or a cell is not a number.
    """
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if not set(_BOX_COLUMNS) <= set(reader.fieldnames or []):
                raise InputError(f"{path}: wanted the columns {_BOX_COLUMNS}")
            return _rows(reader, path=path)
    except OSError as error:
        raise InputError(f"{path}: wanted a table of hand boxes; {error}") from error


def _rows(reader: "csv.DictReader[str]", *, path: Path) -> Boxes:
    try:
        return {
            (row["video"], int(row["frame"])): (
                float(row["x_min"]),
                float(row["y_min"]),
                float(row["x_max"]),
                float(row["y_max"]),
            )
            for row in reader
        }
    except ValueError as error:
        raise InputError(f"{path}, row {reader.line_num}: {error}") from error


def box_on_canvas(
    box: tuple[float, float, float, float], row: ClipRow, *, canvas_px: int
) -> tuple[float, float, float]:
    """Turn a box in fractions of a clip's frame into a square in fractions of the canvas.

    Returns:
        Centre x, centre y and side.
    """
    place = fit(row.width, row.height, canvas_px=canvas_px)
    left, right = (place.left + edge * place.width for edge in (box[0], box[2]))
    top, bottom = (place.top + edge * place.height for edge in (box[1], box[3]))
    side = max(right - left, bottom - top)
    return (left + right) / 2 / canvas_px, (top + bottom) / 2 / canvas_px, side / canvas_px


def frames_of_video(row: ClipRow, pts_s: npt.NDArray[np.float64]) -> list[int]:
    """Number a clip's moments, in seconds from its first frame, as frames of its video."""
    return [row.first_frame + round(at_s * row.fps) for at_s in pts_s]
