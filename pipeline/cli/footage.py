"""Commands that draw, get and cut videos: example, chart, download, convert, cut, extract."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.console import Jobs, Out, Scheduler, app, bar, end_with
from pipeline.cluster import workers
from signwrite.errors import InputError


@app.command()
def example(
    *,
    out: Out = Path("data/drawn"),
    sign: Annotated[str | None, typer.Option(help="Draw one clip of this sign to --out.")] = None,
    signers: Annotated[int, typer.Option(help="How many people to draw.", min=1)] = 4,
    signs: Annotated[str | None, typer.Option(help="What they sign, with commas.")] = None,
    seed: Annotated[int, typer.Option(help="Of all that varies.")] = 0,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Draw example videos in code: tutorials with annotations, or one clip."""
    from pipeline.example import write_example_clip, write_tutorials  # noqa: PLC0415 - on demand
    from signwrite.vocabulary import ASL_LETTERS  # noqa: PLC0415 - on demand

    if sign is not None:
        typer.echo(f"drew {write_example_clip(out, sign)}")
        return
    wanted = tuple(each.strip() for each in signs.split(",")) if signs else ASL_LETTERS
    with bar("videos") as move, workers(jobs, scheduler=scheduler) as working:
        drawn = write_tutorials(
            out,
            signers=signers,
            signs=wanted,
            seed=seed,
            workers=working,
            progress=move,
        )
    typer.echo(f"drew {len(drawn)} tutorials in {out}")


@app.command()
def chart(
    *,
    out: Annotated[Path, typer.Option(help="WebP file to write.")] = Path(
        "service/page/hands.webp"
    ),
) -> None:
    """Draw the chart of handshapes that the service's page shows."""
    from pipeline.chart import write_chart  # noqa: PLC0415 - imports on demand

    write_chart(out)
    typer.echo(f"drew {out}")


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
    rate_limit: Annotated[
        int | None, typer.Option(help="Bytes a second at most; by default as the net gives.")
    ] = None,
) -> None:
    """Download videos, at most 720p, with a ledger of where they came from."""
    from pipeline.downloads.download import download_videos  # noqa: PLC0415 - imports on demand
    from pipeline.downloads.sources import parse_sources, read_sources  # noqa: PLC0415 - on demand

    # A list alone is a whole; arguments alone or beside it are, too, and may not be empty.
    wanted = read_sources(listed) if listed else []
    wanted += parse_sources(sources or []) if sources or not listed else []
    with bar("videos") as move:
        report = download_videos(
            wanted, out=out, pause_s=pause_s, rate_limit_bytes_s=rate_limit, progress=move
        )
    typer.echo(f"{len(report.downloaded)} downloaded, {len(report.kept)} kept, in {out}")
    if report.failed:
        typer.secho(report.failures(), err=True, fg="red")
        raise typer.Exit(1)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Annotations: tidy or legacy CSV, or ELAN.")],
    target: Annotated[
        Path, typer.Argument(help="File to write; for ELAN a folder, a file a video.")
    ],
    *,
    form: Annotated[str, typer.Option("--to", help="tidy, legacy or eaf.")] = "tidy",
) -> None:
    """Read annotations of any form, check them, and write them in another."""
    from pipeline.annotations import convert_annotations, form_of  # noqa: PLC0415 - on demand

    convert_annotations(source, to=target, form=form_of(form))
    typer.echo(f"{source} written as {form} to {target}")


@app.command()
def cut(  # noqa: PLR0913 - the stage's options, one each
    annotations: Annotated[Path, typer.Argument(help="Annotations: tidy or legacy CSV, or ELAN.")],
    *,
    videos: Annotated[Path, typer.Option(help="Folder of the videos it names.")] = Path("data"),
    out: Out = Path("clips"),
    signers: Annotated[Path | None, typer.Option(help="Who is in which video.")] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(help="Share of the signers for a split, e.g. train=0.8; one option a split."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the division of the signers.")] = 0,
    fps: Annotated[float | None, typer.Option(help="Constant rate of the clips.")] = None,
    skip_missing: Annotated[
        bool, typer.Option(help="Pass over videos that are not there.")
    ] = False,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Cut videos into clips of one sign each, split by signer."""
    from pipeline.clips.cut import cut_clips  # noqa: PLC0415 - imports on demand

    with bar("videos") as move, workers(jobs, scheduler=scheduler) as working:
        report = cut_clips(
            videos,
            annotations=annotations,
            out=out,
            signers=signers,
            shares=_shares(share),
            seed=seed,
            fps=fps,
            skip_missing=skip_missing,
            workers=working,
            progress=move,
        )
    typer.echo(f"{len(report.rows)} clips in {out}, {report.reused} of them kept from before")
    for warning in report.warnings():
        typer.secho(warning, err=True, fg="yellow")
    end_with(report.failed)


def _shares(options: list[str] | None) -> dict[str, float] | None:
    """Read ``train=0.8 validation=0.2``.

    Raises:
        InputError: one is not a name, an equals sign and a number.
    """
    shares = {}
    for option in options or []:
        split, equals, share = option.partition("=")
        try:
            shares[split] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"--share: wanted a split and a number, train=0.8; received {option}")
    return shares or None


@app.command()
def extract(
    clips: Annotated[Path, typer.Argument(help="Folder of the cut stage.")],
    *,
    out: Out = Path("frames"),
    quality: Annotated[int, typer.Option(help="Of the JPEGs.", min=1, max=100)] = 95,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Write the frames of every clip as JPEG, with a manifest."""
    from pipeline.clips.extract import extract_frames  # noqa: PLC0415 - imports on demand

    with bar("clips") as move, workers(jobs, scheduler=scheduler) as working:
        report = extract_frames(clips, out=out, quality=quality, workers=working, progress=move)
    typer.echo(f"frames of {len(report.rows)} clips in {out}")
    end_with(report.failed)


@app.command()
def landmarks(
    clips: Annotated[Path, typer.Argument(help="Folder of the cut stage.")],
    *,
    boxes: Annotated[Path, typer.Option(help="Table of hand boxes by frame.")],
    out: Out = Path("hand_landmarks.csv"),
    model: Annotated[
        Path | None, typer.Option(help="The teacher's model file; by default it is fetched.")
    ] = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Let a teacher find the joints of the hand in every frame, for training to learn from."""
    from pipeline.landmarks.find import find_landmarks  # noqa: PLC0415 - imports on demand
    from pipeline.landmarks.teacher import fetch_teacher  # noqa: PLC0415 - imports on demand

    def teacher() -> Path:
        return model or fetch_teacher(out.parent / "teacher" / "hand_landmark_full.tflite")

    with bar("videos") as move, workers(jobs, scheduler=scheduler) as working:
        report = find_landmarks(
            clips, boxes=boxes, teacher=teacher, out=out, workers=working, progress=move
        )
    typer.echo(report.describe())
