"""Figures of several workers in one: those of a worker that died do not stay.

Every worker keeps its figures in files of a folder that all share, and whichever is asked for
`/metrics` adds them up. What was counted stays counted when a worker dies; what it said of its own
state ("three requests under way") must go. Whether a worker lives, a lock on a file of its own
tells: the kernel lets go of it however the worker ends, and no other process can come by it, as it
can by the dead one's number.
"""

import fcntl
import os
from contextlib import suppress
from functools import cache
from io import BufferedWriter
from pathlib import Path

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # BentoML names it to its workers


@cache
def say_alive() -> BufferedWriter | None:
    """Take this worker's lock, for as long as the process lives; before it tells any figure.

    Returns:
        What holds it; None where there is no shared folder.
    """
    if _FOLDER not in os.environ:
        return None
    folder = Path(os.environ[_FOLDER])
    held = (folder / f"worker_{os.getpid()}.lock").open("wb")
    fcntl.flock(held, fcntl.LOCK_EX)
    _forget(folder, pid=str(os.getpid()))  # one that had the same number
    return held


def forget_the_dead() -> None:
    """Take out what workers said of their state that live no longer."""
    if _FOLDER not in os.environ:
        return
    folder = Path(os.environ[_FOLDER])
    for path in folder.glob("worker_*.lock"):
        with path.open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it lives
            _forget(folder, pid=path.stem.removeprefix("worker_"))


def _forget(folder: Path, *, pid: str) -> None:
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        with suppress(FileNotFoundError):  # another worker was faster
            path.unlink()
