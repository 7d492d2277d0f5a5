"""Where the time of a request went: told to its client, to Prometheus, in the log and in traces."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

HEADER = "Server-Timing"

UPLOAD = "upload"
WAIT_DECODER = "wait-decoder"
DECODE = "decode"
WAIT_MODEL = "wait-model"
INFER = "infer"
EXPLAIN = "explain"

Fact = str | int | float | bool
"""What may be told of a request: counts and names of ours, nothing of a clip's content."""


@dataclass
class Span:
    """One stretch of a request.

    Attributes:
        began_s: when, on the clock of `time.perf_counter`.
        ended_s: the same.
        facts: what is told of it, by name.
        failed: whether an error ended it.
    """

    began_s: float
    ended_s: float
    facts: dict[str, Fact] = field(default_factory=dict)
    failed: bool = False


class Timings:
    """The spans of one request, by name, in the order in which they ended."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.spans: dict[str, Span] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """How long each span took."""
        return {name: span.ended_s - span.began_s for name, span in self.spans.items()}

    @contextmanager
    def span(self, name: str) -> Iterator[dict[str, Fact]]:
        """Time what happens within, even if it fails.

        Yields:
            The span's facts, to be filled in.
        """
        span = Span(perf_counter(), 0.0)
        try:
            yield span.facts
        except BaseException:
            span.failed = True
            raise
        finally:
            span.ended_s = perf_counter()
            self.spans[name] = span

    def add(
        self, name: str, *, began_s: float, ended_s: float, failed: bool = False, **facts: Fact
    ) -> None:
        """Note a span that was timed elsewhere, on the clock of `time.perf_counter`."""
        self.spans[name] = Span(began_s, ended_s, facts, failed=failed)

    def header(self) -> str:
        """Return the value of a Server-Timing header, in milliseconds (W3C Server Timing)."""
        return ", ".join(f"{name};dur={took * 1000:.1f}" for name, took in self.seconds.items())
