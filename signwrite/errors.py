"""Every error SignWrite raises on purpose.

::

    SignWriteError
    ├── ClipError                 the clip that was given cannot be read
    │   ├── UnsupportedMediaError   not a container or codec on the allow-list
    │   └── UnusableClipError       on the list, but corrupt, empty, or without a frame
    │       └── LimitExceededError  honest perhaps, but larger than a limit allows
    ├── BundleError               a model bundle is missing, damaged or of an unknown version
    └── InputError                a file, folder or option given to the pipeline is wrong

Messages say what was wanted and what was received. A `ClipError`'s message is shown to strangers
over HTTP, so it never holds a path, a library's text or anything taken from the clip itself.
"""


class SignWriteError(Exception):
    """The root of the tree: catch it to catch everything raised on purpose."""


class ClipError(SignWriteError):
    """The clip that was given cannot be read."""


class UnsupportedMediaError(ClipError):
    """The bytes are not a video container or codec on the allow-list."""


class UnusableClipError(ClipError):
    """The clip is of a supported kind, but nothing can be read from it."""


class LimitExceededError(UnusableClipError):
    """The clip is larger than one of the limits on what is decoded.

    Args:
        limit: the name of the field of `signwrite.clip.Limits` that was passed.
        wanted: what is allowed, with its unit, e.g. ``"at most 60 s"``.
        received: what came, with its unit, e.g. ``"74.2 s"``.
    """

    def __init__(self, limit: str, *, wanted: str, received: str) -> None:
        """Build the message from the two sides of the comparison."""
        super().__init__(f"{limit}: {wanted}; received {received}")
        self.limit = limit
        self.wanted = wanted
        self.received = received

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a decoder process."""
        return (_limit_exceeded, (self.limit, self.wanted, self.received))


def _limit_exceeded(limit: str, wanted: str, received: str) -> LimitExceededError:
    return LimitExceededError(limit, wanted=wanted, received=received)


class BundleError(SignWriteError):
    """A model bundle is missing, damaged, or of a version this code does not know."""


class InputError(SignWriteError):
    """A file, folder or option given to the pipeline is not what it must be."""
