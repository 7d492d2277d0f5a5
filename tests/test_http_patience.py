"""Deadlines of the client's own, clients that go away, and an end without a lost request."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.clips import counter_clip
from tests.forms import END, assert_problem, clip_part, post, read_answer, request_head
from tests.servers import Server, decoders_of, running_server, worker_of
from tests.test_http import figures

pytestmark = pytest.mark.slow

UPLOAD = clip_part(counter_clip()) + END


def posted(client: httpx.Client, seconds: str) -> httpx.Response:
    files = {"clip": ("clip.mp4", counter_clip())}
    return client.post("/predict", files=files, headers={"X-Request-Timeout": seconds})


@pytest.mark.parametrize("seconds", ["60", "9.5", "999999"])
def test_a_client_may_have_less_patience(client: httpx.Client, seconds: str) -> None:
    assert posted(client, seconds).status_code == 200


def test_a_client_with_no_patience_is_told_so(client: httpx.Client) -> None:
    problem = assert_problem(posted(client, "0.000001"), 504)
    assert problem["detail"] == "an answer within 1e-06 s; there was none"


@pytest.mark.parametrize("seconds", ["", "0", "-1", "soon", "1e3", "inf", "nan", "1" * 50])
def test_a_patience_that_is_no_number_is_400(client: httpx.Client, seconds: str) -> None:
    assert "X-Request-Timeout in seconds" in assert_problem(posted(client, seconds), 400)["detail"]


def test_a_client_that_goes_away_takes_its_work_along(server: Server, client: httpx.Client) -> None:
    """Its decoder is killed, its place is free, and others are served."""
    before = gone(client)
    for _ in range(4):
        with socket.create_connection(server.address, timeout=60) as connection:
            connection.sendall(request_head(f"Content-Length: {len(UPLOAD)}") + UPLOAD)
    deadline = time.monotonic() + 30
    while gone(client) < before + 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(client) > before
    assert post(client, counter_clip()).status_code == 200
    assert figures(client.get("/metrics").text)["signwrite_requests_in_house"] == 0


def gone(client: httpx.Client) -> float:
    series = figures(client.get("/metrics").text)
    return series.get('signwrite_predictions_total{kind="client-gone",status="499"}', 0.0)


def test_a_server_that_stops_finishes_what_it_began_and_refuses_the_rest(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with (
        running_server(tmp_path, bundle=tiny_bundle, decoders="1") as server,
        socket.create_connection(server.address, timeout=60) as begun,
        httpx.Client(base_url=server.url, timeout=60) as late,
    ):
        begun.sendall(request_head(f"Content-Length: {len(UPLOAD)}") + UPLOAD[:200])
        wait_for_the_first(late)
        os.kill(worker_of(server), signal.SIGTERM)
        while (ready := late.get("/readyz")).status_code == 200:
            time.sleep(0.01)
        assert ready.status_code == 503
        problem = assert_problem(post(late, counter_clip()), 503)
        assert problem["type"] == "urn:signwrite:problem:closing"
        begun.sendall(UPLOAD[200:])
        assert read_answer(begun).startswith(b"HTTP/1.1 200 ")


def test_no_decoder_heeds_who_tells_all_processes_to_stop(
    server: Server, client: httpx.Client
) -> None:
    """BentoML sends SIGTERM to all, a terminal SIGINT; what was begun is still to be decoded."""
    decoders = decoders_of(server)
    for decoder in decoders:
        for told_to_all in (signal.SIGTERM, signal.SIGINT):
            os.kill(decoder, told_to_all)
    assert post(client, counter_clip()).status_code == 200
    assert decoders_of(server) == decoders


def wait_for_the_first(client: httpx.Client) -> None:
    while figures(client.get("/metrics").text).get("signwrite_requests_in_house", 0) < 1:
        time.sleep(0.01)


def test_after_a_storm_of_refusals_all_is_as_before(server: Server, client: httpx.Client) -> None:
    clip = counter_clip()

    def one(_: int) -> int:
        with httpx.Client(base_url=server.url, timeout=60) as own:
            headers = {"X-Request-Timeout": "0.001"}
            files = {"clip": ("clip.mp4", clip)}
            return own.post("/predict", files=files, headers=headers).status_code

    with ThreadPoolExecutor(48) as crowd:
        statuses = list(crowd.map(one, range(200)))
    assert set(statuses) <= {200, 429, 504}
    assert statuses.count(504) > 10
    deadline = time.monotonic() + 60
    while post(client, clip).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [post(client, clip).status_code for _ in range(5)] == [200] * 5
    assert figures(client.get("/metrics").text)["signwrite_requests_in_house"] == 0
