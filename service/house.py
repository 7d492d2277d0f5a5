"""The requests under way: how many there may be, how fast they leave, and when none is let in."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from service.faults import ClosingError, QueueFullError

_DEPARTURES = 32  # that the rate is measured over
_STALE_S = 60.0  # departures longer ago say nothing of now
_LONGEST_WAIT_S = 60


class House:
    """Places for requests. Lives on one event loop.

    Args:
        places: how many requests there may be at once.
        observe: told how many there are, at every change.
        clock: seconds that never fall.
    """

    def __init__(
        self,
        *,
        places: int,
        observe: Callable[[int], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Open with every place free."""
        self._places = places
        self._observe = observe
        self._clock = clock
        self._inside = 0
        self._closing = False
        self._departures: deque[float] = deque(maxlen=_DEPARTURES)
        self._busy_since = clock()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def closing(self) -> bool:
        """Whether no request is let in any more."""
        return self._closing

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places; taken before a body is read, so that memory is bounded.

        Raises:
            ClosingError: the house is closing.
            QueueFullError: every place is taken.
        """
        if self._closing:
            raise ClosingError("a service that stays; it is stopping", retry_after_s=1)
        if self._inside >= self._places:
            raise QueueFullError(
                f"at most {self._places} requests at once; received one more",
                retry_after_s=self.retry_after_s(),
            )
        self._change(1)
        try:
            yield
        finally:
            self._departures.append(self._clock())
            self._change(-1)

    def retry_after_s(self) -> int:
        """Return when all who are inside now will have left, at the rate at which they leave.

        The rate is that of the last departures since the house was last empty: 1 second where there
        was none yet, and at most a minute.
        """
        now = self._clock()
        since = max(self._busy_since, now - _STALE_S)
        left = [when for when in self._departures if when > since]
        if not left:
            return 1
        began = since if len(left) < _DEPARTURES else left[0]
        rate = len(left) / max(now - began, 1e-3)
        return min(max(math.ceil(self._inside / rate), 1), _LONGEST_WAIT_S)

    async def close(self, *, within_s: float) -> bool:
        """Let no one in, and wait for those inside; return whether all have left in time."""
        self._closing = True
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _change(self, change: int) -> None:
        if not self._inside:
            self._busy_since = self._clock()
        self._inside += change
        if self._inside:
            self._empty.clear()
        else:
            self._empty.set()
        self._observe(self._inside)
