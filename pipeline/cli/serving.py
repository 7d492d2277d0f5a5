"""Commands that use a model: predict, serve."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.console import DEFAULT_BUNDLE, Model, app
from signwrite.backends import Wanted


@app.command()
def predict(
    clips: Annotated[list[Path], typer.Argument(help="Video files.")],
    *,
    model: Model = str(DEFAULT_BUNDLE),
    top_k: Annotated[
        int | None, typer.Option(help="How many signs to rank; 5, or all of fewer.", min=1)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as the service does.")] = False,
    backend: Annotated[Wanted, typer.Option(help="What runs the model.")] = "auto",
) -> None:
    """Rank the signs that clips may show."""
    from pipeline.model_store import find_bundle  # noqa: PLC0415 - imports on demand
    from pipeline.predict import predict_clips  # noqa: PLC0415 - imports on demand

    wrong = 0
    found = predict_clips(
        clips,
        model=find_bundle(model),
        top_k=top_k,
        as_json=as_json,
        backend=backend,
        columns=shutil.get_terminal_size().columns if sys.stdout.isatty() else None,
    )
    for line, failed in found:
        typer.secho(line, err=failed, fg="red" if failed else None)
        wrong += failed
    raise typer.Exit(2 if wrong else 0)


@app.command()
def serve(
    *,
    model: Model = str(DEFAULT_BUNDLE),
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    example: Annotated[Path | None, typer.Option(help="Clip to show in the curl line.")] = None,
) -> None:
    """Serve a bundle over HTTP until it is stopped; SIGHUP lets a new version of it in."""
    from pipeline.serve import serve_bundle  # noqa: PLC0415 - imports on demand

    raise typer.Exit(serve_bundle(model, host=host, port=port, example=example, say=typer.echo))
