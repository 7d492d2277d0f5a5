"""Commands that make and measure models: train, export, evaluate, crossval, store."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from pipeline.cli.console import DEFAULT_BUNDLE, Jobs, Model, Out, Scheduler, app, bar
from pipeline.cluster import workers
from pipeline.evaluation import CROSSVAL, LIKENESS
from signwrite.backends import REFERENCE, Backend

Boxes = Annotated[Path | None, typer.Option(help="Table of hand boxes by frame.")]
Landmarks = Annotated[Path | None, typer.Option(help="Table of hand landmarks by frame.")]
Card = Annotated[Path | None, typer.Option(help="Folder of weights whose card takes the figures.")]
Params = Annotated[Path | None, typer.Option(help="YAML of what differs from default.")]
Name = Annotated[str, typer.Option(help="Name of the model.")]
Version = Annotated[str, typer.Option(help="Version of the model.")]


@app.command()
def train(  # noqa: PLR0913 - the stage's options, one each
    clips: Annotated[Path, typer.Argument(help="Folder of the cut stage.")],
    *,
    out: Annotated[Path, typer.Option(help="Run folder; a run found there goes on.")],
    boxes: Boxes = None,
    landmarks: Landmarks = None,
    params: Params = None,
    name: Name = "signs",
    version: Version = "0.1.0",
    about: Annotated[Path | None, typer.Option(help="YAML to put into the model card.")] = None,
    store: Annotated[Path | None, typer.Option(help="Where decoded clips are kept.")] = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Train a model on clips; the run folder's `model` holds the result."""
    from pipeline.training.params import read_object, read_params  # noqa: PLC0415 - on demand
    from pipeline.training.store import HandTables  # noqa: PLC0415 - on demand
    from pipeline.training.train import ModelFacts, train_run  # noqa: PLC0415 - on demand
    from pipeline.training.watch import Watch  # noqa: PLC0415 - on demand

    with workers(jobs, scheduler=scheduler) as working:
        weights = train_run(
            clips,
            folder=out,
            tables=HandTables(boxes, landmarks),
            params=read_params(params),
            facts=ModelFacts(name=name, version=version, about=read_object(about)),
            watch=Watch(say=tqdm.write, bar=bar),
            store=store,
            workers=working,
        )
    typer.echo(f"trained: {weights}; next: signwrite export {weights} --out build/{name}")


@app.command()
def export(
    weights: Annotated[Path, typer.Argument(help="Folder of trained weights.")],
    *,
    out: Out = DEFAULT_BUNDLE,
) -> None:
    """Rebuild the SavedModel of trained weights as a bundle, and verify it in a clean process."""
    from pipeline.export import export_bundle  # noqa: PLC0415 - imports on demand

    bundle = export_bundle(weights, out=out)
    typer.echo(f"{bundle.manifest.name} {bundle.manifest.version} exported to {out}")


@app.command()
def evaluate(  # noqa: PLR0913 - the stage's options, one each
    model: Annotated[str, typer.Argument(help="Folder or tag of the exported bundle.")],
    *,
    clips: Annotated[Path, typer.Option(help="Folder of the cut stage.")] = Path("clips"),
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
    out: Out = Path("report"),
    card: Card = None,
    boxes: Boxes = None,
    landmarks: Landmarks = None,
    backend: Annotated[
        Backend, typer.Option(help="What runs the model; its figures come apart in the card.")
    ] = REFERENCE,
    likeness: Annotated[
        float, typer.Option(help="Share of differing bits that makes clips near-duplicates.")
    ] = LIKENESS,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Measure an exported bundle on clips of people it never saw."""
    from pipeline.evaluation.answers import (  # noqa: PLC0415 - imports on demand
        Answer,
        answers_file,
        kept_answers,
    )
    from pipeline.evaluation.card import (  # noqa: PLC0415 - on demand
        add_backend_to_card,
        add_to_card,
    )
    from pipeline.evaluation.evaluate import evaluate_bundle  # noqa: PLC0415 - on demand
    from pipeline.evaluation.report import write_report  # noqa: PLC0415 - on demand
    from pipeline.model_store import find_bundle  # noqa: PLC0415 - on demand
    from pipeline.training.store import HandTables  # noqa: PLC0415 - on demand
    from pipeline.training.watch import Watch  # noqa: PLC0415 - on demand
    from signwrite.backends import load_classifier  # noqa: PLC0415 - on demand
    from signwrite.bundle import Bundle  # noqa: PLC0415 - on demand

    bundle = Bundle(find_bundle(model))
    classifier, _ = load_classifier(bundle, backend=backend)
    reference: tuple[Answer, ...] = ()
    if backend != REFERENCE:
        if card is not None and split == "validation":
            reference = kept_answers(answers_file(out, split), manifest=bundle.manifest)
        out = out / backend
    with workers(jobs, scheduler=scheduler) as working:
        measured = evaluate_bundle(
            bundle,
            clips,
            classifier=classifier,
            split=split,
            out=out,
            watch=Watch(say=tqdm.write, bar=bar),
            tables=HandTables(boxes, landmarks),
            likeness=likeness,
            workers=working,
        )
    typer.echo(write_report(measured, manifest=bundle.manifest, split=split, clips=clips, out=out))
    typer.echo(f"with pictures: {out / f'{split}.html'}")
    if card is not None and backend == REFERENCE:
        add_to_card(measured.evaluation, split=split, weights=card, no_sign=measured.no_sign)
    if card is not None and split == "validation":
        add_backend_to_card(measured.evaluation, backend=backend, weights=card, reference=reference)


@app.command()
def compare(
    answers: Annotated[
        Path,
        typer.Argument(help="Report as JSON, or measured folds: a file, or the folder of them."),
    ],
    others: Annotated[Path, typer.Argument(help="The same of another model, on the same clips.")],
) -> None:
    """Compare two models clip by clip, from what `evaluate` or `crossval` wrote."""
    from pipeline.evaluation.paired import (  # noqa: PLC0415 - imports on demand
        compare_answers,
        comparison_table,
        read_answers,
    )

    comparison = compare_answers(read_answers(answers), read_answers(others))
    typer.echo(comparison_table(comparison))


@app.command()
def quantise(
    weights: Annotated[Path, typer.Argument(help="Folder of trained weights; takes the result.")],
    *,
    clips: Annotated[Path, typer.Option(help="Folder of the cut stage.")] = Path("clips"),
) -> None:
    """Make the model's multiplications 8-bit integers too, for CPUs; then evaluate that."""
    from pipeline.quantise import quantise as make  # noqa: PLC0415 - imports on demand

    with bar("clips") as move:
        made = make(weights, clips, progress=move)
    typer.echo(f"quantised: {made}; next: export, then evaluate --backend openvino-int8")


@app.command()
def crossval(  # noqa: PLR0913 - the stage's options, one each
    clips: Annotated[Path, typer.Argument(help="Folder of the cut stage.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder of the folds; what is there goes on.")],
    folds: Annotated[
        int | None, typer.Option(help="How many; by default one signer is left out at a time.")
    ] = None,
    boxes: Boxes = None,
    landmarks: Landmarks = None,
    params: Params = None,
    only: Annotated[
        list[int] | None, typer.Option(help="A fold to measure now; by default all.")
    ] = None,
    measured: Annotated[
        Path | None, typer.Option(help="Folder of what folds came to; by default in `--out`.")
    ] = None,
    name: Name = "signs",
    version: Version = "0.1.0",
    card: Card = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Leave out each signer once, train without them, and measure on them."""
    from pipeline.evaluation.card import add_to_card  # noqa: PLC0415 - imports on demand
    from pipeline.evaluation.crossval import cross_validate  # noqa: PLC0415 - on demand
    from pipeline.evaluation.report import write_report  # noqa: PLC0415 - on demand
    from pipeline.training.params import read_params  # noqa: PLC0415 - on demand
    from pipeline.training.store import HandTables  # noqa: PLC0415 - on demand
    from pipeline.training.train import ModelFacts  # noqa: PLC0415 - on demand
    from pipeline.training.watch import Watch  # noqa: PLC0415 - on demand
    from signwrite.classifier import SavedModelClassifier  # noqa: PLC0415 - on demand

    with workers(jobs, scheduler=scheduler) as working:
        crossed = cross_validate(
            clips,
            out=out,
            folds=folds,
            tables=HandTables(boxes, landmarks),
            params=read_params(params),
            facts=ModelFacts(name=name, version=version, about={}),
            classifier_of=SavedModelClassifier,
            watch=Watch(say=tqdm.write, bar=bar),
            only=only or (),
            measured=measured,
            workers=working,
        )
    if crossed is None:
        typer.echo("other folds are not measured yet; next: crossval with --only, or without")
        return
    pooled = crossed.measured
    typer.echo(
        write_report(pooled, manifest=crossed.manifest, split=CROSSVAL, clips=clips, out=out)
    )
    typer.echo(f"with pictures: {out / f'{CROSSVAL}.html'}")
    if card is not None:
        add_to_card(pooled.evaluation, split=CROSSVAL, weights=card, no_sign=pooled.no_sign)


@app.command()
def store(model: Model = str(DEFAULT_BUNDLE)) -> None:
    """Import a bundle into BentoML's model store; prints its tag, which `serve` takes."""
    from pipeline.model_store import import_bundle  # noqa: PLC0415 - imports on demand

    typer.echo(import_bundle(Path(model)))
