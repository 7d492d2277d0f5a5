"""The endpoints of SignWrite's own, as a Starlette application that BentoML mounts."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.edge import problem_of
from service.exchange import exchange
from service.faults import BadRequestError, ClientGoneError, SlowUploadError, fault_of
from service.metrics import metrics
from service.pages import page_routes
from service.timings import HEADER as TIMING_HEADER
from service.timings import UPLOAD, Timings
from service.upload import Upload, read_upload
from signwrite.answer import ModelName, PredictionAnswer

if TYPE_CHECKING:
    from service.predictor import Predictor
    from service.settings import ServiceSettings
    from signwrite.bundle import Manifest

TIMEOUT_HEADER = "X-Request-Timeout"

TIMEOUT_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,6})?$"


def endpoints() -> Starlette:
    """Build the application; its `state.settings` and `state.predictor` are set at the start."""
    return Starlette(
        routes=[
            Route("/predict", predict, methods=["POST"]),
            Route("/model", model, methods=["GET"]),
            *page_routes(),  # before BentoML's page at /, which loads a tracker
        ]
    )


async def predict(request: Request) -> Response:
    """Answer `POST /predict`.

    Errors become problems here rather than at the edge, so that BentoML counts their status.
    """
    timings = exchange().timings
    _tell_model(request.app.state.predictor.manifest)
    try:
        answer = await _predict(request, timings)
    except Exception as error:  # noqa: BLE001 - `problem_of` logs what is not the client's fault
        metrics().failed(fault_of(error))
        return problem_of(error)
    _tell_model(answer.model)
    exchange().facts["uncertain"] = answer.uncertain
    headers = {TIMING_HEADER: timings.header()}
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


async def model(request: Request) -> Response:
    """Answer `GET /model`: the manifest, without the digests of the bundle's files."""
    predictor: Predictor = request.app.state.predictor
    return JSONResponse(predictor.manifest.model_dump(mode="json", exclude={"digests"}))


async def _predict(request: Request, timings: Timings) -> PredictionAnswer:
    predictor: Predictor = request.app.state.predictor
    deadline_s = _deadline_s(request)
    with predictor.admitted():
        with timings.span(UPLOAD) as facts:
            upload = await _upload(request)
            facts["clip_bytes"] = len(upload.clip)
        async with _while_client_stays(request):
            return await predictor.predict(
                upload.clip,
                top_k=upload.top_k,
                explain=upload.explain,
                timings=timings,
                deadline_s=deadline_s,
            )


def _tell_model(model: "Manifest | ModelName") -> None:
    exchange().facts.update(model_name=model.name, model_version=model.version)


def _deadline_s(request: Request) -> float | None:
    given = request.headers.get(TIMEOUT_HEADER)
    if given is None:
        return None
    if not re.fullmatch(TIMEOUT_PATTERN, given) or not float(given):
        raise BadRequestError(f"{TIMEOUT_HEADER} in seconds, such as 2.5; received something else")
    return float(given)


@contextlib.asynccontextmanager
async def _while_client_stays(request: Request) -> AsyncIterator[None]:
    """Cancel what is done for a client that goes away; the whole body has been read.

    Raises:
        ClientGoneError: it went.
    """
    gone = False
    working = asyncio.current_task()
    assert working is not None  # noqa: S101 - a coroutine runs in a task; for the type checker

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        working.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError as error:
        if not gone or working.uncancel():
            raise
        raise ClientGoneError("a client that waits for its answer; it left") from error
    finally:
        watching.cancel()


async def _upload(request: Request) -> Upload:
    settings: ServiceSettings = request.app.state.settings
    try:
        async with asyncio.timeout(settings.upload_s):
            return await read_upload(
                request.stream(), headers=request.headers, max_bytes=settings.max_bytes
            )
    except TimeoutError as error:
        raise SlowUploadError(
            f"the whole body within {settings.upload_s:g} s; it had not arrived"
        ) from error
    except ClientDisconnect as error:
        raise BadRequestError("the whole body; the client left before that") from error
