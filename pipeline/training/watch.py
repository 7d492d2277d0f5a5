"""How a training run tells what it does."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pipeline.jobs import Progress


@dataclass(frozen=True)
class Watch:
    """Whom a run tells how far it is.

    Attributes:
        say: prints a line.
        bar: opens a progress bar of a name; what it yields is called with (done, total).
    """

    say: Callable[[str], None]
    bar: Callable[[str], AbstractContextManager[Progress]]
