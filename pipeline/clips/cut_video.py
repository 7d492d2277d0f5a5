"""Cuts one video into clips, one sign each, accurate to the frame.

Every frame from a video's start to its last sign is decoded once, in order, and belongs to a clip
by its own timestamp, so key frames play no part. Clips are encoded again, nearly without loss.
"""

from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.clips.footage import SLACK_S, FrameRun, frame_run
from pipeline.clips.manifest import ClipRow
from pipeline.clips.plan import PlannedClip
from pipeline.clips.writer import ClipWriter, encoding, verify_clip
from pipeline.files import whole_file
from signwrite.bundle import sha256_of
from signwrite.errors import InputError


@dataclass(frozen=True, kw_only=True)
class CutTask:
    """One video and the clips to cut from it; the order of `wanted` is the order of the rows."""

    video: Path
    video_sha256: str
    out: Path
    wanted: tuple[PlannedClip, ...]
    known: tuple[ClipRow, ...]
    fps: Fraction | None


def cut_video(task: CutTask) -> list[ClipRow]:
    """Cut one video's clips in one decoding pass; clips that are there and verified are left alone.

    Returns:
        A row for each wanted clip, in their order.

    Raises:
        InputError: a clip would have no frame, or the video's frames cannot be used.
        ClipError: there is no video stream, or none that can be read.
        av.FFmpegError: the video cannot be decoded.
    """
    rows = {clip: row for clip in task.wanted if (row := _verified(clip, task)) is not None}
    to_cut = sorted((clip for clip in task.wanted if clip not in rows), key=lambda c: c.start_s)
    if to_cut:
        with frame_run(task.video) as run:
            for clip in to_cut:
                rows[clip] = _cut_clip(clip, run, task)
    return [rows[clip] for clip in task.wanted]


def _verified(clip: PlannedClip, task: CutTask) -> ClipRow | None:
    """Find the clip's row, if it was cut from this very video in this very way and is unharmed."""
    for row in (row for row in task.known if row.clip == clip.clip):
        same_source = (row.video_sha256, row.encoding) == (task.video_sha256, encoding(task.fps))
        if clip.describes(row) and same_source:
            path = task.out / clip.clip
            return row if path.is_file() and sha256_of(path) == row.clip_sha256 else None
    return None


def _cut_clip(clip: PlannedClip, run: FrameRun, task: CutTask) -> ClipRow:
    path = task.out / clip.clip
    with whole_file(path) as partial:
        writer = ClipWriter(partial, run.stream, fps=task.fps)
        with closing(writer):
            for timed in run.take(clip.start_s, clip.end_s):
                writer.add(timed)
            if writer.first is None:
                raise InputError(
                    f"{clip.sign}: wanted a frame from {clip.start_s:g} to {clip.end_s:g} s; "
                    "received none"
                )
            first_frame = writer.first.index
            writer.finish(Fraction(clip.end_s) - SLACK_S)
        fps = verify_clip(partial, writer)
        digest = sha256_of(partial)
    return ClipRow(
        **vars(clip),
        first_frame=first_frame,
        frames=writer.frames,
        fps=float(task.fps or fps),
        width=writer.width,
        height=writer.height,
        encoding=encoding(task.fps),
        video_sha256=task.video_sha256,
        clip_sha256=digest,
    )
