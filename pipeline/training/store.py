"""Clips decoded once for training: canvases, where the hand is, and what each clip is.

A store holds what `signwrite.reader.read_tensor` makes of each clip, with more frames than the
network takes, so that training can choose moments; nothing else decodes for training.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clips.manifest import ClipRow, read_manifest
from pipeline.files import write_text
from signwrite.errors import ClipError, InputError
from signwrite.frames import fit
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe
from signwrite.vocabulary import Vocabulary

FRAMES_KEPT = 24
_DONE = "store.json"
_BOX_COLUMNS = ["video", "frame", "letter", "x_min", "y_min", "x_max", "y_max", "score"]

Box = tuple[float, float, float]  # centre x, centre y, side
Boxes = Mapping[tuple[str, int], tuple[float, float, float, float]]


@dataclass(frozen=True)
class Store:
    """Decoded clips on disk.

    Attributes:
        frames: uint8 [N, K, S, S, 3] RGB canvases, memory-mapped.
        boxes: float32 [N, K, 3], the hand's centre x, centre y and side as fractions of the canvas;
            not a number where the box is not known.
        clips: what each clip is, in order.
    """

    frames: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    clips: tuple[ClipRow, ...]

    def picture(self, row: int, frame: int) -> tuple[npt.NDArray[np.uint8], Box]:
        """Return a frame without the canvas' bars, uint8 [H, W, 3], and its hand box in pixels."""
        canvas_px = self.frames.shape[2]
        place = fit(self.clips[row].width, self.clips[row].height, canvas_px=canvas_px)
        rows = slice(place.top, place.top + place.height)
        columns = slice(place.left, place.left + place.width)
        x, y, side = (float(part) * canvas_px for part in self.boxes[row, frame])
        return self.frames[row, frame, rows, columns], (x - place.left, y - place.top, side)

    def rows(self, *splits: str) -> npt.NDArray[np.intp]:
        """Return the row numbers of one split or several."""
        return np.flatnonzero([clip.split in splits for clip in self.clips])

    def labels(self, vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
        """Return each clip's label index."""
        return np.array([vocabulary.index(clip.sign) for clip in self.clips], np.int64)


def build_store(
    clips: Path,
    *,
    recipe: Recipe,
    out: Path,
    boxes: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Store:
    """Decode every clip of a folder of the cut stage, or open the store made before.

    Args:
        clips: the folder, with its manifest.
        recipe: the network's recipe; the store keeps `FRAMES_KEPT` frames a clip.
        out: the store's folder; made again when the clips, the boxes or the recipe changed.
        boxes: a table of hand boxes by video and frame; without it none is known.
        progress: called with the number of clips done and to do.

    Raises:
        InputError: the manifest or the boxes cannot be read, or a clip cannot be decoded.
    """
    rows = read_manifest(clips)
    kept = recipe.model_copy(update={"frames_per_clip": FRAMES_KEPT})
    key = _key(rows, recipe=kept, boxes=boxes)
    done = out / _DONE
    if not (done.is_file() and json.loads(done.read_text())["key"] == key):
        done.unlink(missing_ok=True)
        out.mkdir(parents=True, exist_ok=True)
        _decode(clips, rows, recipe=kept, out=out, known=read_boxes(boxes), progress=progress)
        write_text(done, json.dumps({"key": key, "recipe": kept.model_dump()}, indent=2) + "\n")
    frames = np.load(out / "frames.npy", mmap_mode="r")
    return Store(frames, np.load(out / "boxes.npy"), tuple(rows))


def read_boxes(path: Path | None) -> Boxes:
    """Read a table of hand boxes: x_min, y_min, x_max, y_max as fractions, by video and frame.

    Raises:
        InputError: the columns are others, or a cell is not a number.
    """
    if path is None:
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if not set(_BOX_COLUMNS) <= set(reader.fieldnames or []):
            raise InputError(f"{path}: wanted the columns {_BOX_COLUMNS}")
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


def _key(rows: Sequence[ClipRow], *, recipe: Recipe, boxes: Path | None) -> str:
    parts = [asdict(row) for row in rows], recipe.model_dump()
    text = json.dumps(parts) + (boxes.read_text(encoding="utf-8") if boxes else "")
    return hashlib.sha256(text.encode()).hexdigest()


def _decode(
    clips: Path,
    rows: Sequence[ClipRow],
    *,
    recipe: Recipe,
    out: Path,
    known: Boxes,
    progress: Callable[[int, int], None] | None,
) -> None:
    shape = (len(rows), *recipe.clip_shape)
    frames = np.lib.format.open_memmap(out / "frames.npy", "w+", np.uint8, shape)
    boxes = np.full((*shape[:2], 3), np.nan, np.float32)
    for place, row in enumerate(rows):
        try:
            tensor = read_tensor(clips / row.clip, recipe=recipe)
        except ClipError as error:
            raise InputError(f"{row.clip}: {error}") from error
        frames[place] = tensor.frames
        for moment, pts_s in enumerate(tensor.pts_s):
            box = known.get((row.video, row.first_frame + round(pts_s * row.fps)))
            if box is not None:
                boxes[place, moment] = _on_canvas(box, row, canvas_px=recipe.canvas_px)
        if progress is not None:
            progress(place + 1, len(rows))
    frames.flush()
    np.save(out / "boxes.npy", boxes)


def _on_canvas(box: tuple[float, float, float, float], row: ClipRow, *, canvas_px: int) -> Box:
    """Turn a box in fractions of the video's frame into a square in fractions of the canvas."""
    place = fit(row.width, row.height, canvas_px=canvas_px)
    left, right = (place.left + edge * place.width for edge in (box[0], box[2]))
    top, bottom = (place.top + edge * place.height for edge in (box[1], box[3]))
    side = max(right - left, bottom - top)
    return (left + right) / 2 / canvas_px, (top + bottom) / 2 / canvas_px, side / canvas_px
