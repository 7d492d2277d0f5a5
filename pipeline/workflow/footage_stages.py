"""The stages that get videos and turn them into clips, with the work of their own commands."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.annotations import parse_annotations
from pipeline.clips.cut import cut_clips
from pipeline.clips.extract import extract_frames, frame_files
from pipeline.clips.manifest import MANIFEST, read_manifest
from pipeline.workflow.params import RunParams
from pipeline.workflow.places import Places
from pipeline.workflow.stage import Crew, Stage, files_in
from signwrite.errors import InputError


def source_stage(params: RunParams) -> Stage:
    """Draw the videos, or download them."""
    videos = _there(params.videos)
    if (example := params.example) is not None:

        def draw(crew: Crew) -> None:
            from pipeline.example import write_tutorials  # noqa: PLC0415 - on demand

            with crew.watch.bar("example") as move:
                write_tutorials(
                    videos,
                    signers=example.signers,
                    signs=example.signs,
                    seed=example.seed,
                    workers=crew.workers,
                    progress=move,
                )

        return Stage("example", list, lambda: files_in(videos), example.model_dump(), draw)
    listed = _there(params.download)

    def download(crew: Crew) -> None:
        from pipeline.downloads.download import download_videos  # noqa: PLC0415 - on demand
        from pipeline.downloads.sources import read_sources  # noqa: PLC0415 - on demand

        with crew.watch.bar("download") as move:
            report = download_videos(read_sources(listed), out=videos, progress=move)
        _refuse({each.name: f"{each.reason}: {each.detail}" for each in report.failed})

    return Stage("download", lambda: [listed], lambda: files_in(videos), None, download)


def cut_stage(params: RunParams, places: Places) -> Stage:
    """Cut the videos into clips, and divide the signers."""
    videos, annotations = _there(params.videos), _there(params.annotations)

    def inputs() -> list[Path]:
        named = sorted({videos / each.video for each in parse_annotations(annotations)[0]})
        signers = [params.signers] if params.signers else []
        return [*files_in(annotations), *signers, *(video for video in named if video.is_file())]

    def work(crew: Crew) -> None:
        with crew.watch.bar("cut") as move:
            report = cut_clips(
                videos,
                annotations=annotations,
                out=places.clips,
                signers=params.signers,
                **params.cut.model_dump(),
                workers=crew.workers,
                progress=move,
            )
        for warning in report.warnings():
            crew.watch.say(warning)
        _refuse(report.failed)

    return Stage("cut", inputs, lambda: _cut_files(places.clips), params.cut.model_dump(), work)


def extract_stage(params: RunParams, places: Places) -> Stage:
    """Write the clips' frames as JPEG."""
    given = {} if params.extract is None else params.extract.model_dump()

    def work(crew: Crew) -> None:
        with crew.watch.bar("extract") as move:
            report = extract_frames(
                places.clips,
                out=places.frames,
                **given,
                workers=crew.workers,
                progress=move,
            )
        _refuse(report.failed)

    return Stage(
        "extract",
        lambda: _cut_files(places.clips),
        lambda: frame_files(places.frames),
        given,
        work,
    )


def landmarks_stage(params: RunParams, places: Places) -> Stage:
    """Let the teacher find the hands' landmarks."""
    boxes, out = _there(params.boxes), _there(params.landmarks)
    model = params.find_landmarks and params.find_landmarks.model

    def work(crew: Crew) -> None:
        from pipeline.landmarks.find import find_landmarks  # noqa: PLC0415 - on demand
        from pipeline.landmarks.teacher import fetch_teacher  # noqa: PLC0415 - on demand

        with crew.watch.bar("landmarks") as move:
            report = find_landmarks(
                places.clips,
                boxes=boxes,
                teacher=lambda: model or fetch_teacher(places.teacher),
                out=out,
                workers=crew.workers,
                progress=move,
            )
        crew.watch.say(report.describe())

    return Stage(
        "landmarks",
        lambda: [places.clips / MANIFEST, boxes, *([model] if model else [])],
        lambda: files_in(out),
        None,
        work,
    )


def _refuse(failed: Mapping[str, str]) -> None:
    """End a stage in which something failed: what comes after would silently lack it.

    Raises:
        InputError: something failed; each is named.
    """
    if failed:
        raise InputError("\n".join(f"{what}: {why}" for what, why in failed.items()))


def _cut_files(clips: Path) -> list[Path]:
    manifest = clips / MANIFEST
    if not manifest.is_file():
        return []
    return [manifest, *(clips / row.clip for row in read_manifest(clips))]


def _there(path: Path | None) -> Path:
    if path is None:
        raise AssertionError  # `RunParams` has checked that it is given
    return path
