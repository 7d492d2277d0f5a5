"""Bytes that are no request, and requests whose head never ends, on a bare connection."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clips import counter_clip
from tests.forms import END, PROBLEM, clip_part, post, read_answer, request_head
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

HEADER_S = 1.0

NO_REQUESTS = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "a line of text": b"hello\r\n\r\n",
    "a method that is none": b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
    "another protocol": b"GET / GOPHER/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /model HTTP/1.1\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "a control character in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "two lengths": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",  # noqa: E501 - one head
    "a length that is no number": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",  # noqa: E501 - one head
    "a head that is too large": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 2**20 + b"\r\n\r\n",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("strict")
    with running_server(
        folder, bundle=tiny_bundle, decoders="1", header_s=str(HEADER_S), upload_s="2"
    ) as running:
        yield running


def answer_to(server: Server, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    with socket.create_connection(server.address, timeout=60) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except ConnectionError:  # it has been answered and closed meanwhile
                break
            time.sleep(pause_s)
        return read_answer(connection)


def assert_raw(answer: bytes, status: int, slug: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert f"content-type: {PROBLEM}".encode() in head.lower()
    problem = json.loads(body)
    assert problem["type"] == f"urn:signwrite:problem:{slug}"
    assert f"x-request-id: {problem['request_id']}".encode() in head.lower()


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_a_problem_too(strict: Server, sent: bytes) -> None:
    assert_raw(answer_to(strict, sent), 400, "bad-request")


def test_a_head_that_dawdles_is_408(strict: Server) -> None:
    drops = [bytes([each]) for each in b"GET /model HTTP/1.1\r\nHost: x\r\nX-Slow: "]
    assert_raw(answer_to(strict, *drops, pause_s=0.1), 408, "slow-upload")


def test_a_connection_that_says_nothing_is_408(strict: Server) -> None:
    assert_raw(answer_to(strict), 408, "slow-upload")


def test_the_head_of_a_further_request_may_not_dawdle_either(strict: Server) -> None:
    with socket.create_connection(strict.address, timeout=60) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        first = connection.recv(65536)
        assert first.startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        assert b"HTTP/1.1 408 " in read_answer(connection)


def test_a_body_of_a_byte_a_second_is_408(strict: Server) -> None:
    body = clip_part(counter_clip()) + END
    head = request_head(f"Content-Length: {len(body)}")
    drops = [bytes([each]) for each in body[:8]]
    assert_raw(answer_to(strict, head, *drops, pause_s=0.5), 408, "slow-upload")


def test_a_body_may_take_longer_than_a_head(strict: Server) -> None:
    body = clip_part(counter_clip()) + END
    head = request_head(f"Content-Length: {len(body)}", "Connection: close")
    answer = answer_to(strict, head, body[:100], body[100:], pause_s=HEADER_S * 0.6)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_many_requests_on_one_connection_are_answered(strict: Server) -> None:
    with httpx.Client(base_url=strict.url, timeout=60) as client:
        for _ in range(3):
            time.sleep(HEADER_S * 0.7)
            assert post(client, counter_clip()).status_code == 200
