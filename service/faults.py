"""Every way a request can fail, and the one table that says what HTTP answers.

::

    SignWriteError
    ├── ClipError …               see signwrite.errors; 415 and 422
    └── ServiceError              the request, or the state of the service
        ├── BadRequestError         400
        ├── UnauthorisedError       401
        ├── SlowUploadError         408
        ├── BodyTooLargeError       413
        ├── QueueFullError          429, with Retry-After
        ├── RateLimitedError        429, with Retry-After
        ├── ClientGoneError         499, which nobody reads
        ├── NotReadyError           503, with Retry-After
        ├── ClosingError            503, with Retry-After
        └── DeadlineError           504
"""

from dataclasses import dataclass
from http import HTTPStatus

from signwrite.errors import (
    ClipError,
    LimitExceededError,
    SignWriteError,
    UnsupportedMediaError,
    UnusableClipError,
)

TYPE_PREFIX = "urn:signwrite:problem:"


class ServiceError(SignWriteError):
    """A request that cannot be answered; its message is shown to the client."""


class BadRequestError(ServiceError):
    """The request is not what the contract asks for."""


class UnauthorisedError(ServiceError):
    """The request brings no API key that is known."""


class SlowUploadError(ServiceError):
    """The client took too long to send its body."""


class BodyTooLargeError(ServiceError):
    """The body holds more bytes than the limit."""


class RetryLaterError(ServiceError):
    """The same request may succeed a little later.

    Args:
        message: what is the matter.
        retry_after_s: what the Retry-After header says, in seconds.
    """

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        """Keep the seconds beside the message."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFullError(RetryLaterError):
    """As many requests as are allowed are in the house."""


class RateLimitedError(RetryLaterError):
    """More requests came with one API key than it may make."""


class ClientGoneError(ServiceError):
    """The client left before there was an answer."""


class ClosingError(RetryLaterError):
    """The service finishes what it has begun, and then stops."""


class NotReadyError(RetryLaterError):
    """The model is not loaded and warmed up yet."""


class DeadlineError(ServiceError):
    """The deadline passed before there was an answer."""


@dataclass(frozen=True)
class Fault:
    """What HTTP says of one kind of failure.

    Attributes:
        status: the HTTP status.
        slug: the end of the problem's `type`, stable for programs.
        title: one line for people, the same for every occurrence.
    """

    status: int
    slug: str
    title: str

    @property
    def type(self) -> str:
        """The problem's `type` URI."""
        return TYPE_PREFIX + self.slug


# The most specific class of an error decides.
FAULTS: dict[type[SignWriteError], Fault] = {
    BadRequestError: Fault(400, "bad-request", "The request is not well formed"),
    UnauthorisedError: Fault(401, "unauthorised", "An API key is wanted"),
    SlowUploadError: Fault(408, "slow-upload", "The body took too long to arrive"),
    BodyTooLargeError: Fault(413, "body-too-large", "The body is too large"),
    UnsupportedMediaError: Fault(415, "unsupported-media", "Not a supported video"),
    UnusableClipError: Fault(422, "unusable-clip", "The clip cannot be used"),
    LimitExceededError: Fault(422, "limit-exceeded", "The clip is larger than a limit"),
    ClipError: Fault(422, "unusable-clip", "The clip cannot be used"),
    QueueFullError: Fault(429, "queue-full", "Too many requests at once"),
    RateLimitedError: Fault(429, "rate-limited", "Too many requests with one key"),
    ClientGoneError: Fault(499, "client-gone", "The client left"),
    ClosingError: Fault(503, "closing", "The service is stopping"),
    NotReadyError: Fault(503, "not-ready", "The service is not ready"),
    DeadlineError: Fault(504, "deadline-passed", "The deadline passed"),
}

INTERNAL = Fault(500, "internal", "The service failed")
INTERNAL_DETAIL = "an error inside the service; its log names the cause beside this request_id"


def fault_of(error: BaseException) -> Fault:
    """Return the table's entry for an error; one that is not in the table is internal."""
    for kind in type(error).__mro__:
        if issubclass(kind, SignWriteError) and kind in FAULTS:
            return FAULTS[kind]
    return INTERNAL


def detail_of(error: BaseException) -> str:
    """Return what a client may read of an error; nothing of one that is internal."""
    return INTERNAL_DETAIL if fault_of(error) is INTERNAL else str(error)


def fault_of_status(status: int) -> Fault:
    """Return the fault of an error status that some other layer answered with."""
    phrase = HTTPStatus(status).phrase if status in _KNOWN_STATUSES else "Error"
    if status == INTERNAL.status:
        return INTERNAL
    return Fault(status, phrase.lower().replace(" ", "-").replace("'", ""), phrase)


_KNOWN_STATUSES = frozenset(int(status) for status in HTTPStatus)
