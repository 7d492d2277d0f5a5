"""The command line: `signwrite STAGE`, one command a stage.

Bad input ends in one line that says what was wanted and what came, and exit code 2. Each command
imports what it needs when it runs, so that `--help` is quick.
"""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from signwrite.errors import SignWriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

app = typer.Typer(
    help="Read American Sign Language from video: train a model, measure it, serve it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DEFAULT_BUNDLE = Path("build/asl-letters")

Jobs = Annotated[int, typer.Option(help="Processes to use.", min=1)]
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
Model = Annotated[Path, typer.Option(help="Folder of the exported bundle.")]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SignWriteError as error:
        sys.exit(_refuse(error))


def _refuse(error: Exception) -> int:
    typer.secho(f"signwrite: {error}", err=True, fg="red")
    return 2


@contextmanager
def _bar(what: str) -> "Iterator[Callable[[int, int], None]]":
    """Show a progress bar on a terminal; yield what moves it: (done, total)."""
    with tqdm(desc=what, unit="", disable=None) as bar:

        def move(done: int, total: int) -> None:
            if bar.total is None:
                bar.initial = bar.n = done - 1  # what was there before says nothing of the speed
            bar.total = total
            bar.update(done - bar.n)

        yield move


@app.command()
def download(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Ids or URLs, each perhaps as NAME=URL.")
    ] = None,
    *,
    listed: Annotated[
        Path | None, typer.Option("--list", help="File with a name and an id or URL a line.")
    ] = None,
    out: Out = Path("data"),
    pause_s: Annotated[float, typer.Option(help="Seconds between two videos.")] = 5.0,
) -> None:
    """Download videos, at most 720p, with a ledger of where they came from."""
    from pipeline.downloads.download import download_videos  # noqa: PLC0415 - imports on demand
    from pipeline.downloads.sources import parse_sources, read_sources  # noqa: PLC0415 - on demand

    wanted = [*parse_sources(sources or []), *(read_sources(listed) if listed else [])]
    with _bar("videos") as move:
        report = download_videos(wanted, out=out, pause_s=pause_s, progress=move)
    typer.echo(f"{len(report.downloaded)} downloaded, {len(report.kept)} kept, in {out}")
    typer.secho(report.failures(), err=True, fg="red", nl=bool(report.failed))
    raise typer.Exit(1 if report.failed else 0)


@app.command()
def cut(
    annotations: Annotated[Path, typer.Argument(help="Annotations: tidy or legacy CSV, or ELAN.")],
    *,
    videos: Annotated[Path, typer.Option(help="Folder of the videos it names.")] = Path("data"),
    out: Out = Path("clips"),
    signers: Annotated[Path | None, typer.Option(help="Who is in which video.")] = None,
    fps: Annotated[float | None, typer.Option(help="Constant rate of the clips.")] = None,
    jobs: Jobs = 1,
) -> None:
    """Cut videos into clips of one sign each, split by signer."""
    from pipeline.clips.cut import cut_clips  # noqa: PLC0415 - imports on demand

    with _bar("videos") as move:
        report = cut_clips(
            videos,
            annotations=annotations,
            out=out,
            signers=signers,
            fps=fps,
            jobs=jobs,
            progress=move,
        )
    typer.echo(f"{len(report.rows)} clips in {out}, {report.reused} of them kept from before")
    for split, signs in report.lacking.items():
        typer.secho(f"{split} has no clip of {', '.join(signs)}", err=True, fg="yellow")
    for stranger in report.strangers:
        typer.secho(f"{stranger}: not in the manifest; left alone", err=True, fg="yellow")
    for video, why in report.failed.items():
        typer.secho(f"{video}: {why}", err=True, fg="red")
    raise typer.Exit(1 if report.failed else 0)


@app.command()
def extract(
    clips: Annotated[Path, typer.Argument(help="Folder of the cut stage.")],
    *,
    out: Out = Path("frames"),
    quality: Annotated[int, typer.Option(help="Of the JPEGs.", min=1, max=100)] = 95,
    jobs: Jobs = 1,
) -> None:
    """Write the frames of every clip as JPEG, with a manifest."""
    from pipeline.clips.extract import extract_frames  # noqa: PLC0415 - imports on demand

    with _bar("clips") as move:
        report = extract_frames(clips, out=out, quality=quality, jobs=jobs, progress=move)
    typer.echo(f"frames of {len(report.rows)} clips in {out}")
    for clip, why in report.failed.items():
        typer.secho(f"{clip}: {why}", err=True, fg="red")
    raise typer.Exit(1 if report.failed else 0)


@app.command()
def train(  # noqa: PLR0913 - the stage's options, one each
    clips: Annotated[Path, typer.Argument(help="Folder of the cut stage.")],
    *,
    out: Annotated[Path, typer.Option(help="Run folder; a run found there goes on.")],
    boxes: Annotated[Path | None, typer.Option(help="Table of hand boxes by frame.")] = None,
    params: Annotated[Path | None, typer.Option(help="YAML of what differs from default.")] = None,
    name: Annotated[str, typer.Option(help="Name of the model.")] = "signs",
    version: Annotated[str, typer.Option(help="Version of the model.")] = "0.1.0",
    about: Annotated[Path | None, typer.Option(help="YAML to put into the model card.")] = None,
    store: Annotated[Path | None, typer.Option(help="Where decoded clips are kept.")] = None,
    jobs: Jobs = 1,
) -> None:
    """Train a model on clips; the run folder's `model` holds the result."""
    from pipeline.training.params import read_object, read_params  # noqa: PLC0415 - on demand
    from pipeline.training.train import ModelFacts, train_run  # noqa: PLC0415 - on demand
    from pipeline.training.watch import Watch  # noqa: PLC0415 - on demand

    weights = train_run(
        clips,
        folder=out,
        boxes=boxes,
        params=read_params(params),
        facts=ModelFacts(name=name, version=version, about=read_object(about)),
        watch=Watch(say=tqdm.write, bar=_bar),
        store=store,
        jobs=jobs,
    )
    typer.echo(f"trained: {weights}; next: signwrite export {weights} --out build/{name}")


@app.command()
def export(
    weights: Annotated[Path, typer.Argument(help="Folder of trained weights.")],
    *,
    out: Out = DEFAULT_BUNDLE,
) -> None:
    """Rebuild the SavedModel of trained weights as a bundle, and verify it."""
    from pipeline.export import export_bundle  # noqa: PLC0415 - imports on demand

    bundle = export_bundle(weights, out=out)
    typer.echo(f"{bundle.manifest.name} {bundle.manifest.version} exported to {out}")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder of the exported bundle.")],
    *,
    clips: Annotated[Path, typer.Option(help="Folder of the cut stage.")] = Path("clips"),
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
    out: Out = Path("report"),
    card: Annotated[
        Path | None, typer.Option(help="Folder of weights whose card takes the figures.")
    ] = None,
) -> None:
    """Measure an exported bundle on clips of people it never saw."""
    from pipeline.evaluate import evaluate_bundle  # noqa: PLC0415 - imports on demand
    from pipeline.report import add_to_card, write_report  # noqa: PLC0415 - on demand
    from signwrite.bundle import Bundle  # noqa: PLC0415 - on demand
    from signwrite.classifier import SavedModelClassifier  # noqa: PLC0415 - on demand

    bundle = Bundle(model)
    classifier = SavedModelClassifier(bundle.saved_model)
    with _bar("clips") as move:
        evaluation = evaluate_bundle(
            bundle, clips, classifier=classifier, split=split, progress=move
        )
    typer.echo(write_report(evaluation, manifest=bundle.manifest, split=split, out=out))
    if card is not None:
        add_to_card(evaluation, split=split, weights=card)


@app.command()
def predict(
    clips: Annotated[list[Path], typer.Argument(help="Video files.")],
    *,
    model: Model = DEFAULT_BUNDLE,
    top_k: Annotated[int, typer.Option(help="How many signs to rank.", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as the service does.")] = False,
) -> None:
    """Rank the signs that clips may show."""
    from pipeline.predict import predict_clips  # noqa: PLC0415 - imports on demand

    wrong = 0
    for line, failed in predict_clips(clips, model=model, top_k=top_k, as_json=as_json):
        typer.secho(line, err=failed, fg="red" if failed else None)
        wrong += failed
    raise typer.Exit(2 if wrong else 0)


@app.command()
def serve(
    *,
    model: Model = DEFAULT_BUNDLE,
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    example: Annotated[Path | None, typer.Option(help="Clip to show in the curl line.")] = None,
) -> None:
    """Serve a bundle over HTTP until it is stopped."""
    from pipeline.serve import serve_bundle  # noqa: PLC0415 - imports on demand

    raise typer.Exit(serve_bundle(model, host=host, port=port, example=example, say=typer.echo))


@app.command()
def example(
    *,
    out: Out = Path("data/drawn"),
    sign: Annotated[str | None, typer.Option(help="Draw one clip of this sign to --out.")] = None,
    signers: Annotated[int, typer.Option(help="How many people to draw.", min=1)] = 4,
    signs: Annotated[str | None, typer.Option(help="What they sign, with commas.")] = None,
    seed: Annotated[int, typer.Option(help="Of all that varies.")] = 0,
) -> None:
    """Draw example videos in code: tutorials with annotations, or one clip."""
    from pipeline.example import write_example_clip, write_tutorials  # noqa: PLC0415 - on demand
    from signwrite.vocabulary import ASL_LETTERS  # noqa: PLC0415 - on demand

    if sign is not None:
        typer.echo(f"drew {write_example_clip(out, sign)}")
        return
    wanted = tuple(each.strip() for each in signs.split(",")) if signs else ASL_LETTERS
    drawn = write_tutorials(out, signers=signers, signs=wanted, seed=seed)
    typer.echo(f"drew {len(drawn)} tutorials in {out}")
