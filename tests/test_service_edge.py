"""The edge in front of a real application whose layers fail in every way they can."""

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from service.edge import Edge, problem_of
from service.faults import (
    FAULTS,
    BadRequestError,
    NotReadyError,
    QueueFullError,
    ServiceError,
    fault_of,
)
from signwrite.errors import BundleError, ClipError, SignWriteError, UnusableClipError
from tests.asgi import ask

SECRET = "/secret/path of the operator"  # noqa: S105 - what must not leak, not a password


async def raises(_: Request) -> Response:
    raise RuntimeError(SECRET)


async def raises_ours(_: Request) -> Response:
    raise UnusableClipError("a whole video; received half of one")


async def bento_list(_: Request) -> Response:
    return JSONResponse([{"error": SECRET}], status_code=415)


async def bento_error(_: Request) -> Response:
    return JSONResponse({"error": SECRET}, status_code=503, headers={"Retry-After": "7"})


async def starlette_error(_: Request) -> Response:
    raise HTTPException(418, detail=SECRET)


async def unheard_of(_: Request) -> Response:
    return PlainTextResponse(SECRET, status_code=499)


async def streamed_error(_: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        yield SECRET
        yield SECRET

    return StreamingResponse(pieces(), status_code=500)


async def own_problem(_: Request) -> Response:
    return problem_of(QueueFullError("at most 2 requests at once", retry_after_s=3))


async def fine(_: Request) -> Response:
    return PlainTextResponse("fine")


def application() -> Edge:
    answers = [
        raises, raises_ours, bento_list, bento_error, starlette_error, unheard_of, streamed_error,
        own_problem, fine,
    ]  # fmt: skip
    routes = [Route(f"/{answer.__name__}", answer) for answer in answers]
    return Edge(Starlette(routes=routes))


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/raises", 500, "internal"),
        ("/bento_list", 415, "unsupported-media-type"),
        ("/bento_error", 503, "service-unavailable"),
        ("/starlette_error", 418, "im-a-teapot"),
        ("/unheard_of", 499, "error"),
        ("/streamed_error", 500, "internal"),
        ("/own_problem", 429, "queue-full"),
        ("/nothing", 404, "not-found"),
    ],
)
def test_every_error_is_a_problem_that_tells_nothing(path: str, status: int, slug: str) -> None:
    response = ask(application(), path, headers=httpx.Headers({"X-Request-ID": "mine"}))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "mine"
    assert int(response.headers["content-length"]) == len(response.content)
    problem = response.json()
    assert problem["type"] == f"urn:signwrite:problem:{slug}"
    assert problem["status"] == status
    assert problem["request_id"] == "mine"
    assert "secret" not in response.text


def test_what_is_fine_passes_with_an_id() -> None:
    response = ask(application(), "/fine")
    assert response.text == "fine"
    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize(("path", "wanted"), [("/bento_error", "7"), ("/own_problem", "3")])
def test_retry_after_survives(path: str, wanted: str) -> None:
    assert ask(application(), path).headers["retry-after"] == wanted


def test_allow_survives() -> None:
    assert "GET" in ask(application(), "/fine", method="POST").headers["allow"]


def test_a_failure_is_logged_with_its_cause_and_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        ask(application(), "/raises", headers=httpx.Headers({"X-Request-ID": "find-me"}))
    assert "find-me" in caplog.text
    assert SECRET in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_clients_fault_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ask(application(), "/bento_list")
        ask(application(), "/own_problem")
        ask(application(), "/nothing")
    assert not caplog.records


def test_two_request_ids_are_replaced_by_one() -> None:
    twice = [("X-Request-ID", "one"), ("X-Request-ID", "two")]
    assert (
        len(ask(application(), "/fine", headers=httpx.Headers(twice)).headers["x-request-id"]) == 32
    )


def test_a_content_type_that_is_not_ascii_is_refused() -> None:
    response = ask(application(), "/fine", headers=httpx.Headers({b"Content-Type": b"\xff"}))
    assert response.status_code == 400


def test_the_lifespan_passes_through() -> None:
    events = []

    async def app(scope: object, receive: object, send: object) -> None:  # noqa: ARG001 - ASGI
        events.append(scope)

    async def run() -> None:
        await Edge(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]  # never called

    asyncio.run(run())
    assert events == [{"type": "lifespan"}]


def subclasses(kind: type[SignWriteError]) -> list[type[SignWriteError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in subclasses(child))]


@pytest.mark.parametrize("kind", [*subclasses(ClipError), *subclasses(ServiceError)[1:]])
def test_the_table_knows_every_error_a_request_can_meet(kind: type[SignWriteError]) -> None:
    if kind in {child for child in subclasses(ServiceError) if child.__subclasses__()}:
        return  # abstract: only its kinds are raised
    fault = fault_of(kind.__new__(kind))
    assert 400 <= fault.status < 600
    assert fault.status != 500


def test_an_error_of_the_operators_is_internal() -> None:
    assert fault_of(BundleError("x")).status == 500
    assert fault_of(KeyError("x")).status == 500


def test_one_type_means_one_status() -> None:
    by_slug: dict[str, set[int]] = {}
    for fault in FAULTS.values():
        by_slug.setdefault(fault.type, set()).add(fault.status)
    assert all(len(statuses) == 1 for statuses in by_slug.values())


def test_details_are_shown_for_the_clients_faults_only() -> None:
    assert b"received 9" in problem_of(BadRequestError("top_k of 1 to 6; received 9")).body
    assert b"secret" not in problem_of(ValueError(SECRET)).body
    assert b"loaded" in problem_of(NotReadyError("a model that is loaded", retry_after_s=5)).body
