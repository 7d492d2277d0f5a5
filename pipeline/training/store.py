"""Clips decoded once for training: canvases, where the hand is, and what each clip is.

A store holds what `signwrite.reader.read_tensor` makes of each clip, with more frames than the
network takes, so that training can choose moments; nothing else decodes for training.
"""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clips.cut import describe
from pipeline.clips.manifest import ClipRow, read_manifest
from pipeline.files import whole_file, write_text
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from signwrite.errors import InputError
from signwrite.frames import fit
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe
from signwrite.vocabulary import Vocabulary

FRAMES_KEPT = 24
_STATE = "store.json"
_FRAMES, _BOXES = "frames.npy", "boxes.npy"
_CHUNK = 64  # clips between two checkpoints
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
        x, y, side = (float(part) * canvas_px for part in self.boxes[row, frame])
        return self.frames[row, frame][place.region], (x - place.left, y - place.top, side)

    def rows(self, *splits: str) -> npt.NDArray[np.intp]:
        """Return the row numbers of one split or several."""
        return np.flatnonzero([clip.split in splits for clip in self.clips])

    def labels(self, vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
        """Return each clip's label index."""
        return np.array([vocabulary.index(clip.sign) for clip in self.clips], np.int64)


@dataclass(frozen=True)
class DecodeTask:
    """One clip and its place in the frames file."""

    clip: Path
    recipe: Recipe
    frames: Path
    place: int


def build_store(
    clips: Path,
    *,
    recipe: Recipe,
    out: Path,
    boxes: Path | None = None,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> Store:
    """Decode every clip of a folder of the cut stage, or open the store made before.

    A store that a kill left unfinished is gone on with.

    Args:
        clips: the folder, with its manifest.
        recipe: the network's recipe; the store keeps `FRAMES_KEPT` frames a clip.
        out: the store's folder; made again when the clips, the boxes or the recipe changed.
        boxes: a table of hand boxes by video and frame; without it none is known.
        workers: who decodes.
        progress: called with the number of clips done and to do.

    Raises:
        InputError: the manifest or the boxes cannot be read, or a clip cannot be decoded.
    """
    rows = read_manifest(clips)
    kept = recipe.model_copy(update={"frames_per_clip": FRAMES_KEPT})
    known, key = read_boxes(boxes), _key(rows, recipe=kept, boxes=boxes)
    out.mkdir(parents=True, exist_ok=True)
    done = _decoded(out, key=key)
    if done == 0:
        shape = (len(rows), *kept.clip_shape)
        np.lib.format.open_memmap(out / _FRAMES, "w+", np.uint8, shape).flush()
        squares = np.full((*shape[:2], 3), np.nan, np.float32)
    else:
        squares = np.load(out / _BOXES)
    while done < len(rows):
        chunk = range(done, min(done + _CHUNK, len(rows)))
        tasks = [DecodeTask(clips / rows[at].clip, kept, out / _FRAMES, at) for at in chunk]
        for task, pts_s in run_each(decode_clip, tasks, workers=workers):
            if isinstance(pts_s, Exception):
                raise InputError(f"{rows[task.place].clip}: {describe(pts_s)}") from pts_s
            done += 1
            progress(done, len(rows))
            squares[task.place] = _squares(rows[task.place], pts_s, known=known, recipe=kept)
        with whole_file(out / _BOXES) as partial, partial.open("wb") as stream:
            np.save(stream, squares)
        write_text(out / _STATE, json.dumps({"key": key, "clips": done}) + "\n")
    return Store(np.load(out / _FRAMES, mmap_mode="r"), squares, tuple(rows))


def decode_clip(task: DecodeTask) -> npt.NDArray[np.float64]:
    """Decode a clip into its place in the frames file; return its frames' times in seconds.

    Raises:
        InputError: the file cannot be read.
        ClipError: it is no clip that serving would accept.
    """
    tensor = read_tensor(task.clip, recipe=task.recipe)
    frames = np.load(task.frames, mmap_mode="r+")
    frames[task.place] = tensor.frames
    frames.flush()
    return tensor.pts_s


def _decoded(out: Path, *, key: str) -> int:
    """Count the clips that the store in a folder has of what it should hold."""
    if not (out / _STATE).is_file():
        return 0
    state = json.loads((out / _STATE).read_text())
    return int(state["clips"]) if state["key"] == key else 0


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
    """Name what a store is made of; how the signers are divided is no part of it."""
    clips = [asdict(row) | {"split": None} for row in rows]
    text = json.dumps([clips, recipe.model_dump()])
    text += boxes.read_text(encoding="utf-8") if boxes else ""
    return hashlib.sha256(text.encode()).hexdigest()


def _squares(
    row: ClipRow, pts_s: npt.NDArray[np.float64], *, known: Boxes, recipe: Recipe
) -> npt.NDArray[np.float32]:
    """Look up a clip's hand boxes: float32 [K, 3], not a number where none is known."""
    squares = np.full((len(pts_s), 3), np.nan, np.float32)
    for moment, at_s in enumerate(pts_s):
        box = known.get((row.video, row.first_frame + round(at_s * row.fps)))
        if box is not None:
            squares[moment] = _on_canvas(box, row, canvas_px=recipe.canvas_px)
    return squares


def _on_canvas(box: tuple[float, float, float, float], row: ClipRow, *, canvas_px: int) -> Box:
    """Turn a box in fractions of the video's frame into a square in fractions of the canvas."""
    place = fit(row.width, row.height, canvas_px=canvas_px)
    left, right = (place.left + edge * place.width for edge in (box[0], box[2]))
    top, bottom = (place.top + edge * place.height for edge in (box[1], box[3]))
    side = max(right - left, bottom - top)
    return (left + right) / 2 / canvas_px, (top + bottom) / 2 / canvas_px, side / canvas_px
