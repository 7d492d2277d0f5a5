"""Keys, their rates, and the gate that asks for them; a clock that the test moves."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from service.access import KeyFileError, Keys, guarded, parse_keys
from service.faults import RateLimitedError, UnauthorisedError
from service.settings import ServiceSettings
from tests.asgi import ask

ANNA, BEN = "anna-0123456789abcdef", "ben-0123456789abcdef"
ORIGIN = "https://signs.example"


async def fine(_: Request) -> Response:
    return PlainTextResponse("fine")


def application(**settings: object) -> ASGIApp:
    paths = ("/predict", "/model", "/livez", "/readyz", "/metrics")
    app = Starlette(routes=[Route(path, fine, methods=["GET", "POST"]) for path in paths])
    return guarded(app, settings=ServiceSettings.model_validate({"bundle": Path(), **settings}))


def with_keys(**settings: object) -> ASGIApp:
    return application(api_keys=SecretStr(f"anna {ANNA}, ben {BEN}"), **settings)


def status_of(app: ASGIApp, path: str, **headers: str) -> int:
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return ask(app, path, headers=named).status_code


def test_without_keys_everybody_is_let_in() -> None:
    assert status_of(application(), "/predict") == 200


@pytest.mark.parametrize("path", ["/predict", "/model", "/metrics", "/nothing"])
def test_with_keys_nobody_else_is(path: str) -> None:
    app = with_keys()
    for headers in ({}, {"x_api_key": "x" * 21}, {"authorization": "Bearer "}, {"x_api_key": ""}):
        response = ask(
            app, path, headers=httpx.Headers({k.replace("_", "-"): v for k, v in headers.items()})
        )
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["type"] == "urn:signwrite:problem:unauthorised"
        assert ANNA not in response.text


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_need_no_key(path: str) -> None:
    assert status_of(with_keys(), path) == 200


@pytest.mark.parametrize("key", [ANNA, BEN])
def test_a_key_comes_in_either_header(key: str) -> None:
    app = with_keys()
    assert status_of(app, "/predict", authorization=f"Bearer {key}") == 200
    assert status_of(app, "/predict", authorization=f"bearer  {key} ") == 200
    assert status_of(app, "/predict", x_api_key=key) == 200
    assert status_of(app, "/predict", authorization=f"Basic {key}") == 401
    assert status_of(app, "/predict", x_api_key=key[:-1]) == 401


def test_keys_come_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# of the clinic\n\nanna {ANNA}\n")
    app = application(api_keys_file=tmp_path / "keys", api_keys=SecretStr(f"ben {BEN}"))
    for key in (ANNA, BEN):
        assert status_of(app, "/model", x_api_key=key) == 200


@pytest.mark.parametrize(
    "lines", [[], ["# none"], ["anna"], ["anna short"], ["a b c"], [f"a {ANNA}", f"a {BEN}"]]
)
def test_keys_that_are_none_are_refused_and_not_told(lines: list[str]) -> None:
    with pytest.raises(KeyFileError) as caught:
        parse_keys(lines)
    assert ANNA not in str(caught.value)


def test_a_file_of_keys_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="a file of keys that can be read"):
        application(api_keys_file=tmp_path / "nowhere")


def test_a_key_that_asks_too_often_waits_and_the_other_does_not() -> None:
    app = with_keys(requests_per_minute=0.001, requests_burst=2)
    assert [status_of(app, "/predict", x_api_key=ANNA) for _ in range(3)] == [200, 200, 429]
    response = ask(app, "/predict", headers=httpx.Headers({"X-API-Key": ANNA}))
    assert response.json()["type"] == "urn:signwrite:problem:rate-limited"
    assert 59_000 < int(response.headers["retry-after"]) <= 60_000
    assert status_of(app, "/predict", x_api_key=BEN) == 200
    assert status_of(app, "/model", x_api_key=ANNA) == 200  # costs nothing


def test_a_bucket_fills_again_at_its_rate() -> None:
    now_s = 0.0
    keys = Keys(parse_keys([f"anna {ANNA}"]), per_minute=30, burst=3, clock=lambda: now_s)
    for _ in range(3):
        keys.spend("anna")
    with pytest.raises(RateLimitedError) as caught:
        keys.spend("anna")
    assert caught.value.retry_after_s == 2
    now_s = 2.0
    keys.spend("anna")
    with pytest.raises(RateLimitedError):
        keys.spend("anna")
    now_s = 1000.0  # it never holds more than a burst
    for _ in range(3):
        keys.spend("anna")
    with pytest.raises(RateLimitedError):
        keys.spend("anna")


def test_a_key_that_is_no_ascii_is_just_unknown() -> None:
    keys = Keys(parse_keys([f"anna {ANNA}"]), per_minute=None, burst=1)
    with pytest.raises(UnauthorisedError):
        keys.name_of(Headers({"x-api-key": "clé à moi, très longue"}))


# --- Pages of other origins ----------------------------------------------------------------------


def test_pages_of_other_origins_may_not_read_by_default() -> None:
    response = ask(application(), "/predict", headers=httpx.Headers({"Origin": ORIGIN}))
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/predict", "/nothing"])
def test_pages_of_a_listed_origin_may_read_answers_and_errors(path: str) -> None:
    app = application(cors_origins=(ORIGIN,))
    response = ask(app, path, headers=httpx.Headers({"Origin": ORIGIN}))
    assert response.headers["access-control-allow-origin"] == ORIGIN
    other = ask(app, path, headers=httpx.Headers({"Origin": "https://other.example"}))
    assert "access-control-allow-origin" not in other.headers


def test_a_browser_that_asks_first_needs_no_key() -> None:
    app = with_keys(cors_origins=(ORIGIN,))
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "x-api-key, x-request-timeout"
    response = ask(app, "/predict", method="OPTIONS", headers=httpx.Headers(asked))
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    refused = ask(app, "/predict", headers=httpx.Headers({"Origin": ORIGIN}))
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ORIGIN


def test_every_answer_tells_a_browser_what_not_to_do_with_it() -> None:
    for path in ("/model", "/nothing"):
        headers = ask(application(), path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
