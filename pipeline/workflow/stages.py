"""The stages of a run: what each reads, what it writes, and what does the work.

The work is that of the stage's own command, with the same arguments.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.annotations import parse_annotations
from pipeline.clips.cut import cut_clips
from pipeline.clips.extract import FRAMES_MANIFEST, extract_frames
from pipeline.clips.manifest import MANIFEST as CLIPS_MANIFEST
from pipeline.clips.manifest import read_manifest as read_clips
from pipeline.files import whole_folder
from pipeline.jobs import ALONE, Workers
from pipeline.training.watch import Watch
from pipeline.workflow.params import RunParams
from signwrite.bundle import MANIFEST
from signwrite.errors import InputError


@dataclass(frozen=True)
class Help:
    """Who does the work, and whom to tell how far it is."""

    watch: Watch
    workers: Workers = ALONE


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes:
        name: of its command.
        inputs: lists the files it reads; called when the stages before are done.
        outputs: lists the files it has written.
        given: the parameters it depends on.
        work: does it.
    """

    name: str
    inputs: Callable[[], list[Path]]
    outputs: Callable[[], list[Path]]
    given: Any
    work: Callable[[Help], None]


@dataclass(frozen=True)
class Places:
    """Where a run keeps what it makes."""

    out: Path

    @property
    def clips(self) -> Path:
        """The clips, one sign each."""
        return self.out / "clips"

    @property
    def frames(self) -> Path:
        """Their frames as JPEGs."""
        return self.out / "frames"

    @property
    def train(self) -> Path:
        """The training run."""
        return self.out / "train"

    @property
    def trained(self) -> Path:
        """The weights that training ends with."""
        return self.train / "model"

    @property
    def exported(self) -> Path:
        """The bundle that is measured."""
        return self.out / "exported"

    @property
    def report(self) -> Path:
        """What was measured."""
        return self.out / "report"

    @property
    def weights(self) -> Path:
        """The weights, with the figures in their card."""
        return self.out / "weights"

    @property
    def bundle(self) -> Path:
        """The bundle to serve, with the figures in its card."""
        return self.out / "bundle"


def plan_stages(params: RunParams) -> list[Stage]:
    """List the stages that a run consists of, in order."""
    places = Places(params.out)
    stages = [_source(params)] if params.example or params.download else []
    stages.append(_cut(params, places))
    if params.extract is not None:
        stages.append(_extract(params, places))
    return [*stages, _train(params, places), _export(places), _evaluate(params, places)]


def _source(params: RunParams) -> Stage:
    videos = _there(params.videos)
    if (example := params.example) is not None:

        def draw(help_: Help) -> None:
            from pipeline.example import write_tutorials  # noqa: PLC0415 - on demand

            with help_.watch.bar("example") as move:
                write_tutorials(
                    videos,
                    signers=example.signers,
                    signs=example.signs,
                    seed=example.seed,
                    workers=help_.workers,
                    progress=move,
                )

        return Stage("example", list, lambda: _files(videos), example.model_dump(), draw)
    listed = _there(params.download)

    def download(help_: Help) -> None:
        from pipeline.downloads.download import download_videos  # noqa: PLC0415 - on demand
        from pipeline.downloads.sources import read_sources  # noqa: PLC0415 - on demand

        with help_.watch.bar("download") as move:
            report = download_videos(read_sources(listed), out=videos, progress=move)
        _refuse({each.name: f"{each.reason}: {each.detail}" for each in report.failed})

    return Stage("download", lambda: [listed], lambda: _files(videos), None, download)


def _cut(params: RunParams, places: Places) -> Stage:
    videos, annotations = _there(params.videos), _there(params.annotations)

    def inputs() -> list[Path]:
        named = sorted({videos / each.video for each in parse_annotations(annotations)[0]})
        signers = [params.signers] if params.signers else []
        return [*_files(annotations), *signers, *(video for video in named if video.is_file())]

    def work(help_: Help) -> None:
        with help_.watch.bar("cut") as move:
            report = cut_clips(
                videos,
                annotations=annotations,
                out=places.clips,
                signers=params.signers,
                **params.cut.model_dump(),
                workers=help_.workers,
                progress=move,
            )
        for warning in report.warnings():
            help_.watch.say(warning)
        _refuse(report.failed)

    return Stage("cut", inputs, lambda: _cut_files(places.clips), params.cut.model_dump(), work)


def _extract(params: RunParams, places: Places) -> Stage:
    given = {} if params.extract is None else params.extract.model_dump()

    def work(help_: Help) -> None:
        with help_.watch.bar("extract") as move:
            report = extract_frames(
                places.clips,
                out=places.frames,
                **given,
                workers=help_.workers,
                progress=move,
            )
        _refuse(report.failed)

    return Stage(
        "extract",
        lambda: _cut_files(places.clips),
        lambda: [places.frames / FRAMES_MANIFEST],
        given,
        work,
    )


def _train(params: RunParams, places: Places) -> Stage:
    from pipeline.training.params import read_object  # noqa: PLC0415 - on demand

    about = read_object(params.about)

    def inputs() -> list[Path]:
        return [places.clips / CLIPS_MANIFEST, *([params.boxes] if params.boxes else [])]

    def work(help_: Help) -> None:
        from pipeline.training.train import ModelFacts, train_run  # noqa: PLC0415 - on demand

        train_run(
            places.clips,
            folder=places.train,
            boxes=params.boxes,
            params=params.train,
            facts=ModelFacts(name=params.name, version=params.version, about=about),
            watch=help_.watch,
            workers=help_.workers,
        )

    given = [params.name, params.version, about, params.train.model_dump(mode="json")]
    return Stage("train", inputs, lambda: _files(places.trained), given, work)


def _export(places: Places) -> Stage:
    def work(_: Help) -> None:
        from pipeline.export import export_bundle  # noqa: PLC0415 - on demand

        export_bundle(places.trained, out=places.exported)

    return Stage(
        "export", lambda: _files(places.trained), lambda: _files(places.exported), None, work
    )


def _evaluate(params: RunParams, places: Places) -> Stage:
    def inputs() -> list[Path]:
        return [places.clips / CLIPS_MANIFEST, places.exported / MANIFEST]

    def outputs() -> list[Path]:
        folders = (places.report, places.weights, places.bundle)
        return [file for folder in folders for file in _files(folder)]

    def work(help_: Help) -> None:
        from pipeline.evaluation.card import add_to_card  # noqa: PLC0415 - on demand
        from pipeline.evaluation.evaluate import evaluate_bundle  # noqa: PLC0415 - on demand
        from pipeline.evaluation.report import write_report  # noqa: PLC0415 - on demand
        from signwrite.bundle import Bundle  # noqa: PLC0415 - on demand
        from signwrite.classifier import SavedModelClassifier  # noqa: PLC0415 - on demand

        bundle = Bundle(places.exported)
        classifier = SavedModelClassifier(bundle.saved_model)
        measured = {}
        for split in params.evaluate:
            measured[split] = evaluate_bundle(
                bundle,
                places.clips,
                classifier=classifier,
                split=split,
                out=places.report,
                watch=help_.watch,
                workers=help_.workers,
            )
            text = write_report(
                measured[split],
                manifest=bundle.manifest,
                split=split,
                clips=places.clips,
                out=places.report,
            )
            help_.watch.say(text)
        for source, target in ((places.trained, places.weights), (places.exported, places.bundle)):
            with whole_folder(target) as folder:
                shutil.copytree(source, folder, dirs_exist_ok=True)
                for split, each in measured.items():
                    add_to_card(each.evaluation, split=split, weights=folder)

    return Stage("evaluate", inputs, outputs, list(params.evaluate), work)


def _refuse(failed: Mapping[str, str]) -> None:
    """End a stage in which something failed: what comes after would silently lack it.

    Raises:
        InputError: something failed; each is named.
    """
    if failed:
        raise InputError("\n".join(f"{what}: {why}" for what, why in failed.items()))


def _cut_files(clips: Path) -> list[Path]:
    manifest = clips / CLIPS_MANIFEST
    if not manifest.is_file():
        return []
    return [manifest, *(clips / row.clip for row in read_clips(clips))]


def _files(place: Path) -> list[Path]:
    """List a file, or the files of a folder; nothing that is hidden."""
    if place.is_file():
        return [place]
    return sorted(_visible(place))


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def _there(path: Path | None) -> Path:
    if path is None:
        raise AssertionError  # `RunParams` has checked that it is given
    return path
