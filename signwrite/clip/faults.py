"""What PyAV raises on damaged clips, turned into this project's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import av

from signwrite.errors import ClipError

# Everything PyAV and FFmpeg were seen to raise on damaged clips; PyAV's own errors derive from
# FFmpegError and often from a built-in one too.
FAULTS = (
    av.FFmpegError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextmanager
def faults_become(error: ClipError) -> Iterator[None]:
    """Turn whatever PyAV raises into one of our errors; its own text stays in the chain only."""
    try:
        yield
    except ClipError:
        raise
    except FAULTS as fault:
        raise error from fault
