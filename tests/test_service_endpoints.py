"""The endpoints in this process, for what a running server shows only by chance."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Message

from service.edge import Edge
from service.endpoints import endpoints
from service.predictor import Predictor
from service.settings import ServiceSettings, unknown_settings, workers_told
from signwrite.clip import Limits
from tests.asgi import ask

FORM = httpx.Headers({"Content-Type": "multipart/form-data; boundary=b"})


class OpenPredictor(Predictor):
    """A predictor that lets requests in, though it has no model: no body here is ever whole."""

    @property
    def ready(self) -> bool:
        return True


def application(bundle: Path, *, kind: type[Predictor], upload_s: float = 60) -> ASGIApp:
    app = endpoints()
    app.state.settings = ServiceSettings(bundle=bundle, upload_s=upload_s)
    app.state.predictor = kind(app.state.settings)
    return Edge(app)


def test_before_the_warm_up_is_503_with_retry_after(tiny_bundle: Path) -> None:
    app = application(tiny_bundle, kind=Predictor)
    response = ask(app, "/predict", method="POST", headers=FORM)
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["type"] == "urn:signwrite:problem:not-ready"


def test_the_model_card_is_there_before_the_warm_up(tiny_bundle: Path) -> None:
    response = ask(application(tiny_bundle, kind=Predictor), "/model")
    assert response.json()["name"] == "tiny-signs"


def test_a_body_that_never_ends_is_408(tiny_bundle: Path) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"--b\r\n"
        await asyncio.Event().wait()

    app = application(tiny_bundle, kind=OpenPredictor, upload_s=0.01)
    response = ask(app, "/predict", method="POST", headers=FORM, content=stalled())
    assert response.status_code == 408
    assert response.json()["detail"] == "the whole body within 0.01 s; it had not arrived"


def test_a_client_that_leaves_frees_its_place(tiny_bundle: Path) -> None:
    app = endpoints()
    app.state.settings = ServiceSettings(bundle=tiny_bundle, max_requests=1)
    app.state.predictor = OpenPredictor(app.state.settings)
    answers: list[int] = []

    async def leaves() -> Message:
        return {"type": "http.disconnect"}

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    async def twice() -> None:
        for _ in range(2):
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/predict",
                "query_string": b"",
                "headers": FORM.raw,
            }
            await Edge(app)(scope, leaves, keep)

    asyncio.run(twice())
    assert answers == [400, 400]  # to nobody; the second was let in, so it is not 429


@pytest.mark.parametrize(
    "name", ["max_bytes", "max_batch", "max_requests", "deadline_s", "upload_s", "decoders"]
)
def test_settings_come_from_the_environment_and_refuse_nonsense(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNWRITE_BUNDLE", "somewhere")
    monkeypatch.setenv(f"SIGNWRITE_{name.upper()}", "2048" if name == "max_bytes" else "7")
    assert getattr(ServiceSettings.read(), name) in {7, 2048}
    monkeypatch.setenv(f"SIGNWRITE_{name.upper()}", "0")
    with pytest.raises(ValueError, match=name):
        ServiceSettings.read()


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNWRITE_BUNDLE", "somewhere")
    monkeypatch.setenv("SIGNWRITE_LIMITS__MAX_SECONDS", "12.5")
    assert ServiceSettings.read().limits.max_seconds == 12.5


@pytest.mark.parametrize(
    ("told", "workers"), [(None, 1), ("3", 3), (" 2 ", 2), ("none", 1), ("-1", 1)]
)
def test_the_number_of_workers_is_known_before_the_settings_are_read(
    told: str | None, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {} if told is None else {"SIGNWRITE_WORKERS": told}
    assert workers_told(environment) == workers
    monkeypatch.setenv("SIGNWRITE_BUNDLE", "somewhere")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with suppress(ValueError):  # else it is refused
        assert ServiceSettings.read().workers == workers


def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.settings.usable_cores", lambda: 16)
    alone = ServiceSettings(bundle=Path())
    assert (alone.threads, alone.decoders) == (16, 8)
    shared = ServiceSettings(bundle=Path(), workers=4)
    assert (shared.threads, shared.decoders) == (4, 2)
    crowded = ServiceSettings(bundle=Path(), workers=32, decoders=3)
    assert (crowded.threads, crowded.decoders) == (1, 3)


def test_a_variable_that_is_no_setting_is_named() -> None:
    good = {"SIGNWRITE_MAX_BYTES": "1", "SIGNWRITE_LIMITS__MAX_FRAMES": "1", "HOME": "/"}
    wrong = {"SIGNWRITE_MAX_BITES": "1", "SIGNWRITE_LIMITS__MAX_FRAME": "1"}
    assert unknown_settings(good | wrong) == sorted(wrong)


def test_every_setting_is_described() -> None:
    for model in (ServiceSettings, Limits):
        assert all(field.description for field in model.model_fields.values())
