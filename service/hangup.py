"""SIGHUP, from whoever runs the service to every worker that holds a model.

It is sent to the process that was started (`bentoml serve`; process 1 in a container). That is
circus, which by itself would start new workers on SIGHUP and end the old ones: clients would be
told 503 until the new ones are ready.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from circus.sighandler import SysHandler


def pass_hangups_on() -> None:
    """Let the supervisor hand SIGHUP on to its workers; to be called in its process."""
    SysHandler.handle_hup = _tell_workers


def on_hangup(act: Callable[[], None]) -> None:
    """Call `act` on the running event loop of a worker when SIGHUP comes."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, act)


def _tell_workers(supervisor: SysHandler) -> None:
    for watcher in supervisor.controller.arbiter.iter_watchers():
        for pid in filter(_catches_hangups, list(watcher.processes)):
            watcher.send_signal(pid, signal.SIGHUP)


def _catches_hangups(pid: int) -> bool:
    """Say whether a worker would survive SIGHUP; one that still starts reads the bundle anyway."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGHUP - 1) & 1)
