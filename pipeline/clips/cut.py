"""The cut stage: annotation file and videos in, labelled clips and their manifest out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.annotations import parse_annotations
from pipeline.annotations.intervals import Annotation, check_intervals
from pipeline.annotations.signers import SPLITS, read_signers
from pipeline.clips.cut_video import CutTask, cut_video
from pipeline.clips.footage import VideoFacts, inspect_video
from pipeline.clips.manifest import MANIFEST, ClipRow, read_manifest, write_manifest
from pipeline.clips.plan import PlannedClip, plan_clips
from pipeline.files import PARTIAL_SUFFIX
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from signwrite.errors import ClipError, InputError


@dataclass(frozen=True, kw_only=True)
class CutReport:
    """What became of a run of the cut stage.

    Attributes:
        rows: the manifest as written, in the order of the annotations.
        failed: why a video gave no clips, by its file name.
        missing: annotated videos that were not there and were passed over.
        reused: clips that were there already, verified.
        removed: paths of clips of an earlier run that are no longer wanted.
        lacking: the signs a split has no clip of, though another has, by split.
        strangers: other videos lying among the clips; left alone.
    """

    rows: tuple[ClipRow, ...]
    failed: Mapping[str, str]
    missing: tuple[str, ...]
    reused: int
    removed: tuple[str, ...]
    lacking: Mapping[str, tuple[str, ...]]
    strangers: tuple[str, ...]

    def warnings(self) -> list[str]:
        """Put into lines what a person should look at; failures are told apart."""
        return [
            *(f"{video}: not there; passed over" for video in self.missing),
            *(f"{split} has no clip of {', '.join(s)}" for split, s in self.lacking.items() if s),
            *(f"{each}: not in the manifest; left alone" for each in self.strangers),
        ]


def cut_clips(  # noqa: PLR0913 - the stage's options, one each on the command line
    videos: Path,
    *,
    annotations: Path,
    out: Path,
    signers: Path | None = None,
    shares: Mapping[str, float] | None = None,
    seed: int = 0,
    fps: float | None = None,
    skip_missing: bool = False,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> CutReport:
    """Cut every annotated sign into `out/<split>/<SIGN>/<SIGN>_<video>.mp4`; write a manifest.

    What is there and verified is kept, so that an interrupted run continues where it stopped.
    A video that cannot be read fails alone. One run at a time may use a folder.

    Args:
        videos: folder with the videos the annotations name.
        annotations: annotation file, of any form.
        out: folder of the clips.
        signers: signers file; without it, a video is a signer.
        shares: share of the signers for each split, e.g. ``{"train": 0.8, "validation": 0.2}``;
            by default the signers file's splits are used, or else 80:20.
        seed: of the division of signers.
        fps: constant frame rate of the clips; by default they keep the video's timestamps.
        skip_missing: pass over annotated videos that are not there, instead of refusing to start.
        workers: who does it.
        progress: called after each video.

    Raises:
        InputError: a file or an option is faulty; all faults of a file are named.
    """
    exact_fps = _exact(fps)
    annotated, missing, facts, failed = _survey(
        videos, annotations=annotations, skip_missing=skip_missing, workers=workers
    )
    planned = plan_clips(
        annotated,
        signers=read_signers(signers) if signers is not None else None,
        shares=shares,
        seed=seed,
    )
    known = read_manifest(out) if (out / MANIFEST).exists() else []
    removed = _remove_unwanted(out, known=known, planned=planned)
    wanted = {clip.clip: clip for clip in planned}
    rows = {
        row.clip: row for row in known if row.clip in wanted and wanted[row.clip].describes(row)
    }
    before = set(rows.values())
    paths = {videos / video: each.sha256 for video, each in facts.items()}
    tasks = _tasks(paths, planned=planned, known=before, out=out, fps=exact_fps)
    for task, result in run_each(cut_video, tasks, workers=workers, progress=progress):
        if isinstance(result, Exception):
            failed[task.video.name] = describe(result)
            continue
        rows.update((row.clip, row) for row in result)
        write_manifest(out, _ordered(rows, planned))
    for clip in planned:
        if clip.video in failed:  # none of its clips, however far the cutting came
            rows.pop(clip.clip, None)
            (out / clip.clip).unlink(missing_ok=True)
    final = tuple(_ordered(rows, planned))
    write_manifest(out, final)
    return CutReport(
        rows=final,
        failed=dict(sorted(failed.items())),
        missing=missing,
        reused=sum(row in before for row in final),
        removed=removed,
        lacking=_lacking(final),
        strangers=_strangers(out, rows),
    )


def describe(error: Exception) -> str:
    """Put an error into one line that still says what kind it is when it is not one of ours."""
    if isinstance(error, ClipError):
        return f"wanted {error}"  # such messages begin with what was wanted
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


def _exact(fps: float | None) -> Fraction | None:
    if fps is None:
        return None
    if not 1 <= fps <= 240:  # noqa: PLR2004 - what cameras do
        raise InputError(f"fps: wanted 1 to 240; received {fps:g}")
    return Fraction(fps).limit_denominator(1001)


def _survey(
    videos: Path,
    *,
    annotations: Path,
    skip_missing: bool,
    workers: Workers,
) -> tuple[list[Annotation], tuple[str, ...], dict[str, VideoFacts], dict[str, str]]:
    """Read the annotations and the videos they name, and check one against the other."""
    annotated, faults = parse_annotations(annotations)
    named = list(dict.fromkeys(each.video for each in annotated))
    there = [video for video in named if (videos / video).is_file()]
    missing = tuple(video for video in named if video not in there) if skip_missing else ()
    annotated = [each for each in annotated if each.video not in missing]
    facts: dict[str, VideoFacts] = {}
    failed: dict[str, str] = {}
    paths = [videos / video for video in there]
    for path, result in run_each(inspect_video, paths, workers=workers):
        if isinstance(result, Exception):
            failed[path.name] = describe(result)
        else:
            facts[path.name] = result
    # A video that cannot be read is no fault of the annotations: no time is beyond its end.
    durations_s = {
        video: facts[video].duration_s if video in facts else float("inf") for video in there
    }
    check_intervals(annotated, faults=faults, durations_s=durations_s)
    faults.raise_any()
    if not facts:
        raise InputError(f"{videos}: wanted at least one readable video; received none")
    return annotated, missing, facts, failed


def _tasks(
    sha256_of: Mapping[Path, str],
    *,
    planned: Sequence[PlannedClip],
    known: Iterable[ClipRow],
    out: Path,
    fps: Fraction | None,
) -> list[CutTask]:
    """Make one task for each video, in the order given."""
    wanted, rows = defaultdict(list), defaultdict(list)
    for clip in planned:
        wanted[clip.video].append(clip)
    for row in known:
        rows[row.video].append(row)
    return [
        CutTask(
            video=path,
            video_sha256=sha256,
            out=out,
            wanted=tuple(wanted[path.name]),
            known=tuple(rows[path.name]),
            fps=fps,
        )
        for path, sha256 in sha256_of.items()
    ]


def _ordered(rows: Mapping[str, ClipRow], planned: Sequence[PlannedClip]) -> list[ClipRow]:
    return [rows[clip.clip] for clip in planned if clip.clip in rows]


def _remove_unwanted(
    out: Path, *, known: Sequence[ClipRow], planned: Sequence[PlannedClip]
) -> tuple[str, ...]:
    """Remove an earlier run's clips that this one does not want: their split may be wrong."""
    wanted = {clip.clip for clip in planned}
    unwanted = tuple(row.clip for row in known if row.clip not in wanted)
    for clip in unwanted:
        (out / clip).unlink(missing_ok=True)
    for left_over in out.rglob(f".*{PARTIAL_SUFFIX}"):
        left_over.unlink()
    return unwanted


def _lacking(rows: Sequence[ClipRow]) -> dict[str, tuple[str, ...]]:
    signs = {split: {row.sign for row in rows if row.split == split} for split in SPLITS}
    every = set().union(*signs.values())
    return {split: tuple(sorted(every - there)) for split, there in signs.items() if there}


def _strangers(out: Path, rows: Mapping[str, ClipRow]) -> tuple[str, ...]:
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.mp4"))
    return tuple(clip for clip in found if clip not in rows)
