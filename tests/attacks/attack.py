"""One attack: bytes that a stranger might send, and the exact answer they must get."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.clips.card import built

Build = Callable[[], bytes]


class Answer(Enum):
    """What a clip is answered: the status and the end of the problem's `type`."""

    RANKED = (200, "ranking")
    EMPTY = (400, "bad-request")
    UNSUPPORTED = (415, "unsupported-media")
    UNUSABLE = (422, "unusable-clip")
    TOO_LARGE = (422, "limit-exceeded")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.value[0])

    @property
    def kind(self) -> str:
        """The end of the problem's type; `ranking` where there is none."""
        return str(self.value[1])


@dataclass(frozen=True)
class Attack:
    """Bytes that a stranger might send.

    Attributes:
        name: unique in the corpus.
        build: makes the bytes; `content` calls it once.
        answer: what they must be answered.
    """

    name: str
    build: Build
    answer: Answer

    @property
    def content(self) -> bytes:
        """The bytes."""
        return built(self.build)
