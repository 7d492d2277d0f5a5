"""What a stage of a run is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.jobs import ALONE, Workers
from pipeline.training.watch import Watch


@dataclass(frozen=True)
class Crew:
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
    work: Callable[[Crew], None]


def files_in(place: Path) -> list[Path]:
    """List a file, or the files of a folder; nothing that is hidden."""
    if place.is_file():
        return [place]
    return sorted(_visible(place))


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path
