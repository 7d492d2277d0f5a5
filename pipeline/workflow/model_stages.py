"""The stages that make a model of clips and measure it, with the work of their own commands."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clips.manifest import MANIFEST as CLIPS
from pipeline.files import whole_folder
from pipeline.provenance import fingerprint
from pipeline.training.params import STARTS, read_object
from pipeline.workflow.params import RunParams, Split
from pipeline.workflow.places import Places
from pipeline.workflow.stage import Crew, Stage, files_in
from signwrite.backends import REFERENCE, Backend
from signwrite.bundle import MANIFEST

if TYPE_CHECKING:
    from pipeline.evaluation.evaluate import Measured

_GATED: Split = "validation"  # the one on which backends are compared


def train_stage(params: RunParams, places: Places) -> Stage:
    """Train on the clips."""
    about = read_object(params.about)

    def inputs() -> list[Path]:
        starts = {getattr(params.train, each) for each in STARTS} - {"imagenet"}
        started = [file for start in sorted(starts) for file in files_in(Path(start))]
        known = [file for file in (params.boxes, params.landmarks) if file]
        return [places.clips / CLIPS, *known, *started]

    def work(crew: Crew) -> None:
        from pipeline.training.given import describe_given  # noqa: PLC0415 - on demand
        from pipeline.training.store import HandTables  # noqa: PLC0415 - on demand
        from pipeline.training.train import ModelFacts, train_run  # noqa: PLC0415 - on demand

        # A run of its own for other parameters: whoever turns back finds what was trained then.
        tables = HandTables(params.boxes, params.landmarks)
        parts = describe_given(places.clips, tables=tables, params=params.train)
        weights = train_run(
            places.clips,
            folder=places.train / fingerprint(json.dumps(parts)),
            tables=tables,
            params=params.train,
            facts=ModelFacts(name=params.name, version=params.version, about=about),
            watch=crew.watch,
            store=places.store,
            workers=crew.workers,
        )
        with whole_folder(places.trained) as folder:
            shutil.copytree(weights, folder, dirs_exist_ok=True)

    given = [params.name, params.version, about, params.train.model_dump(mode="json")]
    return Stage("train", inputs, lambda: files_in(places.trained), given, work)


def quantise_stage(places: Places) -> Stage:
    """Make the model in 8-bit integers, beside a copy of the weights."""

    def work(crew: Crew) -> None:
        from pipeline.quantise import quantise  # noqa: PLC0415 - on demand

        with whole_folder(places.quantised) as folder:
            shutil.copytree(places.trained, folder, dirs_exist_ok=True)
        with crew.watch.bar("clips to quantise by") as move:
            quantise(places.quantised, places.clips, progress=move)

    return Stage(
        "quantise",
        lambda: [places.clips / CLIPS, *files_in(places.trained)],
        lambda: files_in(places.quantised),
        None,
        work,
    )


def _weights(params: RunParams, places: Places) -> Path:
    return places.quantised if params.quantise else places.trained


def export_stage(params: RunParams, places: Places) -> Stage:
    """Rebuild the SavedModel, and verify it."""
    weights = _weights(params, places)

    def work(_: Crew) -> None:
        from pipeline.export import export_bundle  # noqa: PLC0415 - on demand

        export_bundle(weights, out=places.exported)

    return Stage("export", lambda: files_in(weights), lambda: files_in(places.exported), None, work)


def evaluate_stage(params: RunParams, places: Places) -> Stage:
    """Measure the exported bundle; leave it and the weights with the figures in their cards."""

    def inputs() -> list[Path]:
        known = [file for file in (params.boxes, params.landmarks) if file]
        return [places.clips / CLIPS, places.exported / MANIFEST, *known]

    def outputs() -> list[Path]:
        folders = (places.report, places.weights, places.bundle)
        return [file for folder in folders for file in files_in(folder)]

    def work(crew: Crew) -> None:
        from pipeline.evaluation.card import (  # noqa: PLC0415 - on demand
            add_backend_to_card,
            add_to_card,
        )
        from pipeline.evaluation.evaluate import evaluate_bundle  # noqa: PLC0415 - on demand
        from pipeline.evaluation.report import write_report  # noqa: PLC0415 - on demand
        from pipeline.training.store import HandTables  # noqa: PLC0415 - on demand
        from signwrite.backends import load_classifier  # noqa: PLC0415 - on demand
        from signwrite.bundle import Bundle  # noqa: PLC0415 - on demand

        bundle = Bundle(places.exported)

        def measure(split: Split, backend: Backend) -> "Measured":
            classifier, _ = load_classifier(bundle, backend=backend)
            return evaluate_bundle(
                bundle,
                places.clips,
                classifier=classifier,
                split=split,
                out=places.report if backend == REFERENCE else places.report / backend,
                watch=crew.watch,
                tables=HandTables(params.boxes, params.landmarks),
                likeness=params.likeness,
                workers=crew.workers,
            )

        measured = {}
        for split in params.evaluate:
            measured[split] = measure(split, REFERENCE)
            text = write_report(
                measured[split],
                manifest=bundle.manifest,
                split=split,
                clips=places.clips,
                out=places.report,
            )
            crew.watch.say(text)
        integers: Backend = "openvino-int8"
        gated = params.quantise and _GATED in measured
        rounded = measure(_GATED, integers) if gated else None
        trained = _weights(params, places)
        for source, target in ((trained, places.weights), (places.exported, places.bundle)):
            with whole_folder(target) as folder:
                shutil.copytree(source, folder, dirs_exist_ok=True)
                for split, each in measured.items():
                    add_to_card(each.evaluation, split=split, weights=folder, no_sign=each.no_sign)
                if rounded is not None:
                    exact = measured[_GATED].evaluation
                    add_backend_to_card(exact, backend=REFERENCE, weights=folder)
                    add_backend_to_card(
                        rounded.evaluation,
                        backend=integers,
                        weights=folder,
                        reference=exact.answers,
                    )

    given = [*params.evaluate, params.likeness]
    return Stage("evaluate", inputs, outputs, given, work)
