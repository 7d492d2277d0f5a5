"""Runs a stage's tasks on a Dask cluster; the stage's code does not know the difference.

Workers need this project installed, and the stage's folders under the same paths, as on a shared
file system.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.jobs import Workers
from signwrite.errors import InputError

_PATIENCE_S = 30
_ADDRESS = re.compile(r"[a-z]+://[^\s/]+:\d+")


@contextmanager
def workers(jobs: int, *, scheduler: str | None) -> Iterator[Workers]:
    """Find who does the tasks, for as long as the block lasts.

    Args:
        jobs: processes of this machine.
        scheduler: address of a Dask scheduler to use instead, e.g. ``tcp://host:8786``.

    Raises:
        InputError: nothing answers at that address, or no worker comes.
    """
    if scheduler is None:
        yield Workers(jobs)
        return
    from distributed import Client  # noqa: PLC0415 - seconds of import that only a cluster needs

    wanted = "--scheduler: wanted the address of a Dask scheduler, e.g. tcp://host:8786"
    if not _ADDRESS.fullmatch(scheduler):
        raise InputError(f"{wanted}; received {scheduler!r}")
    try:
        client: Any = Client(scheduler, timeout=_PATIENCE_S)  # type: ignore[no-untyped-call]  # it has no type hints
    except (OSError, ValueError) as error:
        raise InputError(f"{wanted}; received {scheduler}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError as error:
            raise InputError(f"{wanted}, with workers; received {scheduler}, with none") from error
        with client.get_executor(pure=False) as executor:
            yield Workers(executor=executor)
