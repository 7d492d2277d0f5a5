"""The landmarks stage: the teacher looks at every frame of every clip whose hand box is known."""

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.clips.boxes import Boxes, read_boxes
from pipeline.clips.manifest import ClipRow, read_manifest
from pipeline.files import PARTIAL_SUFFIX
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from pipeline.landmarks.table import LEAST_SCORE, LandmarksRow, read_landmarks, write_landmarks
from pipeline.landmarks.teacher import Square, Teacher
from signwrite.clip import decoded_frames
from signwrite.errors import InputError


@dataclass(frozen=True)
class FindTask:
    """The clips of one video, the hand boxes of its frames, and where its rows go."""

    folder: Path
    clips: tuple[ClipRow, ...]
    boxes: Boxes
    teacher: Path
    out: Path


@dataclass(frozen=True)
class FindReport:
    """What became of a run: frames with a known box, and those in which a hand was believed."""

    looked_at: int
    found: int

    def describe(self) -> str:
        """Put it into one line."""
        return f"landmarks found in {self.found} of {self.looked_at} frames"


def find_landmarks(
    clips: Path,
    *,
    boxes: Path,
    teacher: Callable[[], Path],
    out: Path,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> FindReport:
    """Write the table of landmarks of a folder of clips; a run that was killed is gone on with.

    Args:
        clips: a folder of the cut stage.
        boxes: the table of hand boxes by video and frame.
        teacher: says where the model file of `pipeline.landmarks.teacher.fetch_teacher` is; asked
            once it is known that there is something to look at.
        out: the table.
        workers: who looks.
        progress: called after each video.

    Raises:
        InputError: there are no clips, the boxes cannot be read, or none is of these clips.
        ClipError: a clip cannot be decoded.
    """
    known = read_boxes(boxes)
    by_video: dict[str, list[ClipRow]] = defaultdict(list)
    for row in read_manifest(clips):
        by_video[row.video].append(row)
    if not known.keys() & {
        (row.video, frame)
        for rows in by_video.values()
        for row in rows
        for frame in range(row.first_frame, row.first_frame + row.frames)
    }:
        raise InputError(f"{boxes}: wanted hand boxes of the clips in {clips}; received none")
    parts = out.with_name(f".{out.name}{PARTIAL_SUFFIX}.d")
    model, tasks = teacher(), []
    for video, rows in sorted(by_video.items()):
        here = {key: box for key, box in known.items() if key[0] == video}
        part = parts / f"{_key(rows, here)}.csv"
        tasks.append(FindTask(clips, tuple(rows), here, model, part))
    for task, result in run_each(find_in_video, tasks, workers=workers, progress=progress):
        if isinstance(result, Exception):
            raise InputError(f"{task.clips[0].video}: {result}") from result
    rows_found = [row for task in tasks for row in read_landmarks(task.out)]
    write_landmarks(out, rows_found)
    shutil.rmtree(parts)
    believed = sum(row.score >= LEAST_SCORE for row in rows_found)
    return FindReport(looked_at=len(rows_found), found=believed)


def find_in_video(task: FindTask) -> None:
    """Look at the clips of one video, unless that was done.

    Raises:
        ClipError: a clip cannot be decoded.
    """
    if task.out.is_file():
        return
    teacher = Teacher(task.teacher)
    rows: list[LandmarksRow] = []
    for clip in task.clips:
        last = None
        for frame in decoded_frames(task.folder / clip.clip):
            index = clip.first_frame + round(frame.pts_s * clip.fps)
            box = task.boxes.get((clip.video, index))
            if box is None:
                last = None
                continue
            picture = frame.rgb()
            height, width = picture.shape[:2]
            joints, score = teacher.find(picture, _square(box, width, height), last=last)
            last = joints if score >= LEAST_SCORE else None
            scaled = (joints / (width, height, width)).astype(np.float32)
            rows.append(LandmarksRow(clip.video, index, score, scaled))
    write_landmarks(task.out, rows)


def _square(box: tuple[float, float, float, float], width: int, height: int) -> Square:
    """Turn a box in fractions of a picture into a square in its pixels."""
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    return (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)


def _key(clips: Sequence[ClipRow], boxes: Boxes) -> str:
    """Name what the rows of a video depend on besides the teacher, of which one is known."""
    told = [[row.clip_sha256 for row in clips], sorted(boxes.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
