"""What users send: clips of hands, drawn in code, as short, long and odd as people record them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.example import write_example_clip
from tests.clips import browser_recording, counter_clip, cut_off, rotated_clip

OVERSIZE_BYTES = 65 * 1024 * 1024  # more than a service takes by default


@dataclass(frozen=True)
class Sent:
    """One kind of upload.

    Attributes:
        name: what its figures are listed under.
        build: makes the bytes.
        status: what it must be answered.
        weight: how often it comes, against the others.
    """

    name: str
    build: Callable[[], bytes]
    status: int
    weight: int

    @property
    def content(self) -> bytes:
        """The bytes, made once."""
        return _built(self.build)


@cache
def _built(build: Callable[[], bytes]) -> bytes:
    return build()


@cache
def drawn(sign: str, seconds: float) -> bytes:
    """Draw a clip of a sign."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_example_clip(path, sign=sign, seconds=seconds)
        return path.read_bytes()


GOOD = (
    Sent("short", partial(drawn, "B", 0.7), 200, 3),
    Sent("usual", partial(drawn, "L", 2.0), 200, 6),
    Sent("moving", partial(drawn, "Z", 2.0), 200, 2),
    Sent("long", partial(drawn, "W", 8.0), 200, 1),
    Sent("phone, rotated", partial(rotated_clip, 90), 200, 1),
    Sent("browser", browser_recording, 200, 1),
)
BAD = (
    Sent("broken off", partial(cut_off, counter_clip, keep=0.5), 422, 2),
    Sent("no video", lambda: b"This is no video. " * 1000, 415, 1),
)
