"""The extract stage: every frame of every clip as a JPEG in `<split>/<SIGN>/`, and a manifest.

Frames are read as the service reads them, upright and in RGB. JPEG loses a little of that, so
training reads the clips themselves unless it is told to read these.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from pipeline.clips.cut import describe
from pipeline.clips.manifest import ClipRow, read_manifest
from pipeline.files import PARTIAL_SUFFIX
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from pipeline.table import read_table, write_table
from signwrite.clip import decoded_frames
from signwrite.errors import InputError

FRAMES_MANIFEST = "frames.csv"
QUALITY = 95
_FULL_CHROMA = 0  # 4:4:4, Pillow's number for it


@dataclass(frozen=True, kw_only=True)
class FramesRow:
    """The extracted frames of one clip.

    Attributes:
        split: train, validation or test.
        sign: the label.
        signer: who signs.
        clip: path within the clips' folder; `frame_path` turns it into those of the frames.
        frames: how many there are.
        pts_s: when each frame shows, in seconds from the first one, separated by spaces.
        quality: of the JPEGs, as Pillow counts it.
        clip_sha256: of the clip.
        frames_sha256: of all the JPEGs' bytes, one after the other.
    """

    split: str
    sign: str
    signer: str
    clip: str
    frames: int
    pts_s: str
    quality: int
    clip_sha256: str
    frames_sha256: str


@dataclass(frozen=True, kw_only=True)
class ExtractReport:
    """What became of a run: the manifest's rows, failures by clip, and clips kept as they were."""

    rows: tuple[FramesRow, ...]
    failed: Mapping[str, str]
    reused: int


@dataclass(frozen=True, kw_only=True)
class ExtractTask:
    """One clip, and what the manifest knows of it."""

    clips: Path
    out: Path
    clip: ClipRow
    known: FramesRow | None
    quality: int


def extract_frames(
    clips: Path,
    *,
    out: Path,
    quality: int = QUALITY,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> ExtractReport:
    """Write the frames of every clip in a folder that `pipeline.clips.cut.cut_clips` made.

    What is there and verified is kept. A clip that cannot be read fails alone. One run at a time
    may use a folder.

    Args:
        clips: the clips' folder.
        out: folder of the frames.
        quality: of the JPEGs, 1 to 100; colour is kept at full resolution.
        workers: who does it.
        progress: called after each clip.

    Raises:
        InputError: there is no manifest of clips, or the quality is out of range.
    """
    if not 1 <= quality <= 100:  # noqa: PLR2004 - Pillow's scale
        raise InputError(f"quality: wanted 1 to 100; received {quality}")
    wanted = {row.clip: row for row in read_manifest(clips)}
    manifest = out / FRAMES_MANIFEST
    known = {row.clip: row for row in read_table(manifest, FramesRow)} if manifest.exists() else {}
    for row in known.values():
        if row.clip not in wanted:
            _remove(out, row)
    for left_over in list(out.rglob(f".*{PARTIAL_SUFFIX}")):
        shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
    rows = {clip: row for clip, row in known.items() if clip in wanted}
    tasks = [
        ExtractTask(clips=clips, out=out, clip=row, known=rows.get(clip), quality=quality)
        for clip, row in wanted.items()
    ]
    failed = {}
    for task, result in run_each(extract_clip, tasks, workers=workers, progress=progress):
        name = task.clip.clip
        if isinstance(result, Exception):
            failed[name] = describe(result)
            if (former := rows.pop(name, None)) is not None:
                _remove(out, former)
        elif result != rows.get(name):
            rows[name] = result
            write_table(manifest, FramesRow, _ordered(rows, wanted))
    final = _ordered(rows, wanted)
    write_table(manifest, FramesRow, final)
    return ExtractReport(
        rows=tuple(final),
        failed=dict(sorted(failed.items())),
        reused=sum(known.get(row.clip) == row for row in final),
    )


def extract_clip(task: ExtractTask) -> FramesRow:
    """Write one clip's frames, unless they are there and unharmed.

    Raises:
        ClipError: the clip cannot be read.
        InputError: it does not hold the frames its manifest promises.
    """
    if _verified(task):
        return task.known  # type: ignore[return-value]  # _verified is False without it
    clip = PurePosixPath(task.clip.clip)
    folder = task.out / clip.parent
    partial = folder / f".{clip.stem}{PARTIAL_SUFFIX}"
    partial.mkdir(parents=True)
    try:
        digest, pts_s = _write_frames(task, partial)
        if task.known is not None:
            _remove(task.out, task.known)  # it may have had more frames
        for path in partial.iterdir():
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(partial)
    return FramesRow(
        split=task.clip.split,
        sign=task.clip.sign,
        signer=task.clip.signer,
        clip=task.clip.clip,
        frames=len(pts_s),
        pts_s=" ".join(pts_s),
        quality=task.quality,
        clip_sha256=task.clip.clip_sha256,
        frames_sha256=digest,
    )


def _write_frames(task: ExtractTask, folder: Path) -> tuple[str, list[str]]:
    """Write the frames into a folder; return their common SHA-256 and their times."""
    digest, pts_s = hashlib.sha256(), []
    for index, frame in enumerate(decoded_frames(task.clips / task.clip.clip)):
        path = folder / frame_path(task.clip.clip, index).name
        Image.fromarray(frame.rgb()).save(
            path, format="JPEG", quality=task.quality, subsampling=_FULL_CHROMA
        )
        digest.update(path.read_bytes())
        pts_s.append(f"{frame.pts_s:.6f}")
    if len(pts_s) != task.clip.frames:
        raise InputError(
            f"{task.clip.clip}: wanted {task.clip.frames} frames; received {len(pts_s)}"
        )
    return digest.hexdigest(), pts_s


def frame_files(out: Path) -> list[Path]:
    """List the manifest of extracted frames and every frame it names; none where it is not."""
    manifest = out / FRAMES_MANIFEST
    if not manifest.is_file():
        return []
    rows = read_table(manifest, FramesRow)
    return [manifest, *(path for row in rows for path in _paths(out, row))]


def frame_path(clip: str, index: int) -> PurePosixPath:
    """Name a frame's file within the frames' folder; `index` counts from 0, the name from 1."""
    path = PurePosixPath(clip)
    return path.with_name(f"{path.stem}-{index + 1:04}.jpg")


def _verified(task: ExtractTask) -> bool:
    row = task.known
    if row is None or (row.quality, row.clip_sha256) != (task.quality, task.clip.clip_sha256):
        return False
    digest = hashlib.sha256()
    for path in _paths(task.out, row):
        if not path.is_file():
            return False
        digest.update(path.read_bytes())
    return digest.hexdigest() == row.frames_sha256


def _paths(out: Path, row: FramesRow) -> Iterator[Path]:
    return (out / frame_path(row.clip, index) for index in range(row.frames))


def _remove(out: Path, row: FramesRow) -> None:
    for path in _paths(out, row):
        path.unlink(missing_ok=True)


def _ordered(rows: Mapping[str, FramesRow], wanted: Mapping[str, ClipRow]) -> list[FramesRow]:
    return [rows[clip] for clip in wanted if clip in rows]
