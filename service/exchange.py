"""One request and its answer, as far as is known: what the log and the traces tell of it."""

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter, time_ns
from typing import Self

from starlette.types import Scope

from service.timings import Fact, Timings

NO_ID = "-"

_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


@dataclass
class Exchange:
    """One request and its answer. The layers that answer it fill in what they learn.

    Attributes:
        request_id: the client's, or one that was made.
        method: of HTTP.
        path: without the query.
        received_bytes: of the body, so far.
        status: of the answer; None while there is none.
        problem: the end of the problem's `type`, if the answer is one.
        key: the name of the API key that was used, never the key.
        trace_id: of the trace that it is part of; empty where nothing is traced.
        facts: what else is told of it, by name; nothing of a clip's content.
        timings: where its time went.
        began_ns: when it came, nanoseconds since 1970.
        began_s: the same on the clock of `time.perf_counter`, which spans are timed by.
    """

    request_id: str = NO_ID
    method: str = ""
    path: str = ""
    received_bytes: int = 0
    status: int | None = None
    problem: str | None = None
    key: str | None = None
    trace_id: str = ""
    facts: dict[str, Fact] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    began_ns: int = field(default_factory=time_ns)
    began_s: float = field(default_factory=perf_counter)

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """Begin with what HTTP says."""
        return cls(request_id=_id_for(scope), method=scope["method"], path=scope["path"])

    @property
    def duration_s(self) -> float:
        """Seconds since it came."""
        return perf_counter() - self.began_s

    def ns_of(self, moment_s: float) -> int:
        """Return a moment of `time.perf_counter` in nanoseconds since 1970."""
        return self.began_ns + round((moment_s - self.began_s) * 1e9)


def _id_for(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(given) == 1 and _SANE_REQUEST_ID.fullmatch(given[0]):
        return str(given[0], "ascii")
    return uuid.uuid4().hex


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def exchange() -> Exchange:
    """Return the one that is under way; outside of any, one that nobody reads."""
    return current.get() or Exchange()
