"""Clips decoded once for training: canvases, where the hand is, and what each clip is.

A store holds what `signwrite.reader.read_tensor` makes of each clip, with more frames than the
network takes, so that training can choose moments; nothing else decodes for training.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clips.boxes import Boxes, box_on_canvas, frames_of_video, read_boxes
from pipeline.clips.cut import describe
from pipeline.clips.manifest import ClipRow, read_manifest
from pipeline.files import whole_file, write_text
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from pipeline.landmarks import LANDMARKS
from pipeline.landmarks.table import joints_on_canvas, known_joints
from signwrite.bundle import sha256_of
from signwrite.errors import InputError
from signwrite.frames import fit
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe
from signwrite.vocabulary import Vocabulary

FRAMES_KEPT = 24
_STATE = "store.json"
_FRAMES, _TIMES = "frames.npy", "times.npy"
_CHUNK = 64  # clips between two checkpoints

Box = tuple[float, float, float]  # centre x, centre y, side
Moments = npt.NDArray[np.float64]  # [K], seconds from the clip's first frame


@dataclass(frozen=True)
class HandTables:
    """The files that say where the hand is in the frames of videos; without one, nothing is known.

    Attributes:
        boxes: the table of hand boxes.
        landmarks: the table of hand landmarks.
    """

    boxes: Path | None = None
    landmarks: Path | None = None

    def digests(self) -> dict[str, str | None]:
        """Name both by their content."""
        files = {"boxes": self.boxes, "landmarks": self.landmarks}
        return {name: None if file is None else sha256_of(file) for name, file in files.items()}


NO_TABLES = HandTables()


@dataclass(frozen=True)
class Shown:
    """A frame as training takes it.

    Attributes:
        pixels: uint8 [H, W, 3], RGB, without the canvas' bars.
        box: the hand's, in pixels.
        joints: float32 [21, 3], the hand's, in pixels; not a number where they are not known.
    """

    pixels: npt.NDArray[np.uint8]
    box: Box
    joints: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Store:
    """Decoded clips on disk.

    Attributes:
        frames: uint8 [N, K, S, S, 3] RGB canvases, memory-mapped.
        boxes: float32 [N, K, 3], the hand's centre x, centre y and side as fractions of the canvas;
            not a number where the box is not known.
        landmarks: float32 [N, K, 21, 3], the hand's joints: x, y and depth against the wrist, as
            fractions of the canvas; not a number where they are not known.
        clips: what each clip is, in order.
    """

    frames: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    clips: tuple[ClipRow, ...]

    def picture(self, row: int, frame: int) -> Shown:
        """Return a frame without the canvas' bars, and where the hand is in it."""
        canvas_px = self.frames.shape[2]
        place = fit(self.clips[row].width, self.clips[row].height, canvas_px=canvas_px)
        corner = np.array([place.left, place.top, 0.0], np.float32)
        x, y, side = self.boxes[row, frame] * canvas_px - corner
        return Shown(
            self.frames[row, frame][place.region],
            (float(x), float(y), float(side)),
            self.landmarks[row, frame] * canvas_px - corner,
        )

    def rows(self, *splits: str) -> npt.NDArray[np.intp]:
        """Return the row numbers of one split or several."""
        return np.flatnonzero([clip.split in splits for clip in self.clips])

    def hand_extent(self) -> float | None:
        """Return a box's side in longer extents of its joints, the median of frames with both."""
        places = self.landmarks[..., :2]
        extents = (places.max(axis=2) - places.min(axis=2)).max(axis=-1)
        sides = self.boxes[..., 2]
        ratios = (sides / np.maximum(extents, 1e-6))[np.isfinite(extents) & np.isfinite(sides)]
        return float(np.median(ratios)) if len(ratios) else None

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
    tables: HandTables = NO_TABLES,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> Store:
    """Decode every clip of a folder of the cut stage, or open the store made before.

    A store that a kill left unfinished is gone on with.

    Args:
        clips: the folder, with its manifest.
        recipe: the network's recipe; the store keeps `FRAMES_KEPT` frames a clip.
        out: the store's folder; made again when the clips or the recipe changed.
        tables: where the hand is known to be.
        workers: who decodes.
        progress: called with the number of clips done and to do.

    Raises:
        InputError: the manifest or a table cannot be read, or a clip cannot be decoded.
    """
    rows = read_manifest(clips)
    kept = recipe.model_copy(update={"frames_per_clip": FRAMES_KEPT})
    key = _key(rows, recipe=kept)
    out.mkdir(parents=True, exist_ok=True)
    done = _decoded(out, key=key)
    if done == 0:
        shape = (len(rows), *kept.clip_shape)
        np.lib.format.open_memmap(out / _FRAMES, "w+", np.uint8, shape).flush()
        times = np.zeros(shape[:2])
    else:
        times = np.load(out / _TIMES)
    while done < len(rows):
        chunk = range(done, min(done + _CHUNK, len(rows)))
        tasks = [DecodeTask(clips / rows[at].clip, kept, out / _FRAMES, at) for at in chunk]
        for task, pts_s in run_each(decode_clip, tasks, workers=workers):
            if isinstance(pts_s, Exception):
                raise InputError(f"{rows[task.place].clip}: {describe(pts_s)}") from pts_s
            done += 1
            progress(done, len(rows))
            times[task.place] = pts_s
        with whole_file(out / _TIMES) as partial, partial.open("wb") as stream:
            np.save(stream, times)
        write_text(out / _STATE, json.dumps({"key": key, "clips": done}) + "\n")
    return Store(
        np.load(out / _FRAMES, mmap_mode="r"),
        _squares(rows, times, known=read_boxes(tables.boxes), canvas_px=kept.canvas_px),
        _joints(rows, times, landmarks=tables.landmarks, canvas_px=kept.canvas_px),
        tuple(rows),
    )


def decode_clip(task: DecodeTask) -> Moments:
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


def _key(rows: Sequence[ClipRow], *, recipe: Recipe) -> str:
    """Name what a store is made of; how the signers are divided is no part of it."""
    clips = [asdict(row) | {"split": None} for row in rows]
    return hashlib.sha256(json.dumps([clips, recipe.model_dump()]).encode()).hexdigest()


def _squares(
    rows: Sequence[ClipRow], times: npt.NDArray[np.float64], *, known: Boxes, canvas_px: int
) -> npt.NDArray[np.float32]:
    """Look up every clip's hand boxes: float32 [N, K, 3], not a number where none is known."""
    squares = np.full((*times.shape, 3), np.nan, np.float32)
    for place, (row, pts_s) in enumerate(zip(rows, times, strict=True)):
        for moment, frame in enumerate(frames_of_video(row, pts_s)):
            box = known.get((row.video, frame))
            if box is not None:
                squares[place, moment] = box_on_canvas(box, row, canvas_px=canvas_px)
    return squares


def _joints(
    rows: Sequence[ClipRow],
    times: npt.NDArray[np.float64],
    *,
    landmarks: Path | None,
    canvas_px: int,
) -> npt.NDArray[np.float32]:
    """Look up every clip's landmarks: float32 [N, K, 21, 3], not a number where unknown."""
    joints = np.full((*times.shape, LANDMARKS, 3), np.nan, np.float32)
    known = known_joints(landmarks)
    for place, (row, pts_s) in enumerate(zip(rows, times, strict=True)):
        for moment, frame in enumerate(frames_of_video(row, pts_s)):
            found = known.get((row.video, frame))
            if found is not None:
                joints[place, moment] = joints_on_canvas(found, row, canvas_px=canvas_px)
    return joints
