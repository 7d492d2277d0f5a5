"""The outermost layer: a request id on every answer, and one shape for every error.

Errors come from many layers, each with a format of its own: Starlette's plain 404 and 405,
BentoML's JSON lists, its 503 of `/readyz`, an exception nobody caught. This layer stands before
all of them. What is refused before it is a request (broken HTTP) is `service.protocol`'s affair.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.exchange import Exchange, current, exchange
from service.faults import (
    INTERNAL,
    INTERNAL_DETAIL,
    BadRequestError,
    Fault,
    RetryLaterError,
    UnauthorisedError,
    detail_of,
    fault_of,
    fault_of_status,
)
from service.logs import PROBES, log_exchange
from service.schema import PROBLEM_JSON, REQUEST_ID_HEADER, Problem

if TYPE_CHECKING:
    from service.tracing import Tracing

_KEPT_HEADERS = frozenset({b"allow", b"retry-after", b"vary"})  # the rest describes the body
_KEPT_PREFIX = b"access-control-"  # without them a page of another origin cannot read the error
_POLICY = b"content-security-policy"
# What a browser must not do with an answer; what is meant to be looked at has a policy of its own.
_ANSWER_POLICY = b"default-src 'none'; frame-ancestors 'none'"
_GUARDS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

_logger = logging.getLogger(__name__)

_Headers = Iterable[tuple[bytes, bytes]]


def request_id() -> str:
    """Return the id of the request being answered."""
    return exchange().request_id


def problem_of(error: Exception) -> Response:
    """Turn an error into a problem response; one of the service's own doing is logged with it."""
    fault = fault_of(error)
    if fault.status >= INTERNAL.status:
        told = (request_id(), fault.status, fault.slug, error)
        stack = error if fault is INTERNAL else None  # the others are states, not mistakes
        _logger.error("request %s: %d %s: %s", *told, exc_info=stack)
    response = _problem(fault, detail_of(error))
    if isinstance(error, RetryLaterError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, UnauthorisedError):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _problem(fault: Fault, detail: str) -> Response:
    exchange().problem = fault.slug
    problem = Problem.of(fault, detail=detail, request_id=request_id())
    return Response(problem.model_dump_json(), status_code=fault.status, media_type=PROBLEM_JSON)


def _check_headers(scope: Scope) -> None:
    """Refuse what HTTP does not allow, before a layer within trips over it."""
    if any(name == b"content-type" and not value.isascii() for name, value in scope["headers"]):
        raise BadRequestError("a Content-Type in ASCII; received another")


class Edge:
    """ASGI middleware around the whole application.

    Args:
        app: the application; its error answers are replaced unless they are problems already.
        tracing: what makes a trace of every request; nothing by default.
    """

    def __init__(self, app: ASGIApp, *, tracing: "Tracing | None" = None) -> None:
        """Stand in front of `app`."""
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Exchange.of(scope)
        span = self._tracing.begin(told, scope) if self._tracing else None
        token = current.set(told)
        answer = _Answer(scope, receive, send)

        async def received() -> Message:
            message = await receive()
            told.received_bytes += len(message.get("body", b""))
            return message

        try:
            _check_headers(scope)
            await self._app(scope, received, answer.send)
        except Exception as error:
            if answer.started:  # Starlette re-raises what it answered; too late to say more
                _logger.exception("request %s failed", request_id())
            else:
                await answer.replace(problem_of(error))
        finally:
            log_exchange(told)
            current.reset(token)
            if self._tracing and span:
                self._tracing.end(told, span)


class _Answer:
    """One answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._replaced = False
        self.started = False

    async def send(self, message: Message) -> None:
        """Pass a message on, or swallow the body of an answer that was replaced."""
        if self._replaced:
            return
        if message["type"] != "http.response.start":
            await self._send(message)
            return
        headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
        if message["status"] >= 400 and not _is_problem(headers):  # noqa: PLR2004 - HTTP's line
            await self.replace(self._normalised(message["status"]), keep=headers)
            return
        self.started = True
        exchange().status = message["status"]
        message["headers"] = [*headers, *_own_headers(headers)]
        await self._send(message)

    async def replace(self, problem: Response, *, keep: _Headers = ()) -> None:
        """Send a problem in place of what came."""
        self.started = self._replaced = True
        exchange().status = problem.status_code
        kept = [
            (name, value)
            for name, value in keep
            if name.lower() in _KEPT_HEADERS or name.lower().startswith(_KEPT_PREFIX)
        ]
        problem.raw_headers.extend([*kept, *_own_headers(problem.raw_headers)])
        await problem(self._scope, self._receive, self._send)

    def _normalised(self, status: int) -> Response:
        fault = fault_of_status(status)
        path, method = self._scope["path"], self._scope["method"]
        if status >= INTERNAL.status and path not in PROBES:
            _logger.error("request %s: %d from %s %r", request_id(), status, method, path)
        detail = INTERNAL_DETAIL if fault is INTERNAL else f"{status} {fault.title}"
        return _problem(fault, detail)


def _is_problem(headers: _Headers) -> bool:
    problem = PROBLEM_JSON.encode()
    return any(
        name.lower() == b"content-type" and value.startswith(problem) for name, value in headers
    )


def _own_headers(headers: _Headers) -> list[tuple[bytes, bytes]]:
    """Return what every answer carries besides its own headers."""
    has_policy = any(name.lower() == _POLICY for name, _ in headers)
    return [
        (REQUEST_ID_HEADER.lower().encode(), request_id().encode()),
        *(() if has_policy else ((_POLICY, _ANSWER_POLICY),)),
        *_GUARDS,
    ]
