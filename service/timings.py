"""Where the time of a request went: told to its client, and to Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

HEADER = "Server-Timing"

UPLOAD = "upload"
WAIT_DECODER = "wait-decoder"
DECODE = "decode"
WAIT_MODEL = "wait-model"
INFER = "infer"


class Timings:
    """Seconds of each span of one request, by its name."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Time what happens within, even if it fails."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = perf_counter() - began

    def header(self) -> str:
        """Return the value of a Server-Timing header, in milliseconds (W3C Server Timing)."""
        return ", ".join(f"{name};dur={took * 1000:.1f}" for name, took in self.seconds.items())
