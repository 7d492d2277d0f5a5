"""The command line: `signwrite STAGE`, one command a stage.

Bad input ends in one line that says what was wanted and what came, and exit code 2. Each command
imports what it needs when it runs, so that `--help` is quick.
"""

import sys

import typer

from pipeline.cli import footage, models, serving, whole  # noqa: F401 - each adds its commands
from pipeline.cli.console import app
from signwrite.errors import SignWriteError

__all__ = ["app", "main"]

_OURS = ("pipeline", "service", "signwrite")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SignWriteError as error:
        sys.exit(_refuse(str(error)))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        sys.exit(_refuse(f"wanted the pipeline's packages (make env); {error.name} is not there"))


def _refuse(told: str) -> int:
    typer.secho(f"signwrite: {told}", err=True, fg="red")
    return 2
