"""Watches every event loop of a process: how long each callback holds it.

Python imports a module of this name at its start, from a folder that PYTHONPATH names; so a server
is watched without a change in its code. `benchmarks.event_loop` reads what is left behind.
"""

import asyncio
import json
import os
import threading
from pathlib import Path
from time import sleep, thread_time, time

_SLOW_S = 0.001  # shorter ones are counted only
_EVERY_S = 0.5

_run = asyncio.Handle._run  # noqa: SLF001 - asyncio has no public place for this
_calls = 0
_slow: list[tuple[float, float, str]] = []  # when it began, for how long, what it was


def _watched(self: asyncio.Handle) -> None:
    global _calls  # noqa: PLW0603 - one counter, in the innermost loop
    name, when = _name(self), time()
    began = thread_time()
    _run(self)
    took = thread_time() - began
    _calls += 1
    if took > _SLOW_S:
        _slow.append((when, took, name))


def _name(handle: asyncio.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", callback))
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    scope = getattr(frame and frame.f_locals.get("self"), "scope", None) or {}
    return " ".join([str(getattr(coroutine, "__qualname__", task)), scope.get("path", "")])


def _tell(folder: Path) -> None:
    """Write the figures again and again: a signal ends the server without a last word."""
    file = folder / f"{os.getpid()}.json"
    while True:
        sleep(_EVERY_S)
        if _calls:
            beside = file.with_suffix(".partial")
            beside.write_text(json.dumps({"calls": _calls, "slow": _slow}))
            beside.replace(file)


asyncio.Handle._run = _watched  # type: ignore[method-assign]  # noqa: SLF001 - as above
threading.Thread(target=_tell, args=[Path(os.environ["EVENT_LOOP_FIGURES"])], daemon=True).start()
