"""Stopping without losing a request: finish what was accepted, refuse what comes, then end."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from types import FrameType

_logger = logging.getLogger(__name__)


def drain_before_stopping(drain: Callable[[], Awaitable[bool]]) -> None:
    """Put `drain` between SIGTERM and whoever handles it now; call on the running event loop.

    uvicorn closes its door at once when it is told to stop, so clients would be refused without a
    word while its last requests are finished. A second signal skips the wait.
    """
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)
    draining: list[asyncio.Task[None]] = []

    async def finish(number: int) -> None:
        if not await drain():
            _logger.warning("stopping with requests unfinished: the time for them has passed")
        if callable(stop):
            stop(number, None)

    def begin(number: int, frame: FrameType | None) -> None:
        if draining and callable(stop):
            stop(number, frame)
        else:
            loop.call_soon_threadsafe(lambda: draining.append(loop.create_task(finish(number))))

    if callable(stop):
        signal.signal(signal.SIGTERM, begin)
