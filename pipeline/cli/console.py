"""What all commands share: the application, options that several have, and the progress bar."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

app = typer.Typer(
    help="Read American Sign Language from video: train a model, measure it, serve it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DEFAULT_BUNDLE = Path("build/asl-letters")

Jobs = Annotated[int, typer.Option(help="Processes to use.", min=1)]
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
Model = Annotated[
    str, typer.Option(help="Folder of the exported bundle, or its tag in BentoML's model store.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a Dask cluster to use instead, e.g. tcp://host:8786."),
]


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal; yield what moves it: (done, total)."""
    with tqdm(desc=what, unit="", disable=None) as shown:

        def move(done: int, total: int) -> None:
            if shown.total is None:  # what was there before says nothing of the speed
                shown.initial = shown.n = done - 1
            shown.total = total
            shown.update(done - shown.n)

        yield move


def end_with(failed: Mapping[str, str]) -> None:
    """Name what failed and why, and end the command; nothing failed: go on.

    Raises:
        typer.Exit: with status 1, where something failed.
    """
    for what, why in failed.items():
        typer.secho(f"{what}: {why}", err=True, fg="red")
    if failed:
        raise typer.Exit(1)
