"""What is refused, over real HTTP: each status of the contract, and each of its causes."""

import socket

import httpx
import pytest

from signwrite.errors import (
    ClipError,
    LimitExceededError,
    UnsupportedMediaError,
    UnusableClipError,
)
from tests.clips import BAD, BadClip, counter_clip
from tests.conftest import MAX_BYTES
from tests.forms import (
    BOUNDARY,
    END,
    FORM,
    assert_problem,
    assert_raw_problem,
    clip_part,
    part,
    post,
    read_answer,
    request_head,
)
from tests.servers import Server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_refuses_every_bad_clip_with_its_status(bad: BadClip, client: httpx.Client) -> None:
    status, kind = REFUSALS[bad.error] if bad.content else (400, "bad-request")
    problem = assert_problem(post(client, bad.content), status)
    assert problem["type"] == f"urn:signwrite:problem:{kind}"


REFUSALS: dict[type[ClipError], tuple[int, str]] = {
    UnsupportedMediaError: (415, "unsupported-media"),
    UnusableClipError: (422, "unusable-clip"),
    LimitExceededError: (422, "limit-exceeded"),
}


# --- What is refused -----------------------------------------------------------------------------

MALFORMED = {
    "no part at all": END,
    "no clip part": part("top_k", b"1") + END,
    "clip is text": part("clip", b"https://example.org/clip.mp4") + END,
    "clip is empty": clip_part(b"") + END,
    "two clips": clip_part(b"x") + clip_part(b"y") + END,
    "another part": clip_part(b"x") + part("extra", b"1") + END,
    "top_k twice": clip_part(b"x") + part("top_k", b"1") + part("top_k", b"2") + END,
    "top_k is no number": clip_part(b"x") + part("top_k", b"five") + END,
    "top_k is negative": clip_part(b"x") + part("top_k", b"-1") + END,
    "top_k is zero": clip_part(b"x") + part("top_k", b"0") + END,
    "top_k above the signs": clip_part(b"x") + part("top_k", b"7") + END,
    "top_k above any integer": clip_part(b"x") + part("top_k", b"9" * 400) + END,
    "no closing boundary": clip_part(b"x"),
    "another boundary": b"--other\r\n\r\n--other--\r\n",
    "no multipart": b"just text",
    "an empty body": b"",
    "a part without headers": f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END,
    "a header without a colon": f"--{BOUNDARY}\r\nbroken\r\n\r\nx\r\n".encode() + END,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_forms_are_400(client: httpx.Client, body: bytes) -> None:
    problem = assert_problem(client.post("/predict", content=body, headers=FORM), 400)
    assert problem["type"] == "urn:signwrite:problem:bad-request"
    assert "received" in problem["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/vnd.bentoml+pickle",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 1000}",
        "\xff\xfe",
    ],
)
def test_other_content_types_are_400(client: httpx.Client, content_type: str | None) -> None:
    headers = httpx.Headers() if content_type is None else typed(content_type)
    body = b'{"clip": "/etc/hostname"}'
    assert_problem(client.post("/predict", content=body, headers=headers), 400)


def typed(content_type: str) -> httpx.Headers:
    return httpx.Headers({b"Content-Type": content_type.encode("latin-1")})


def test_a_url_in_the_file_part_is_not_fetched(client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(0)
        url = f"http://127.0.0.1:{bait.getsockname()[1]}/clip.mp4".encode()
        for body in (part("clip", url), clip_part(url), clip_part(b"#EXTM3U\n#EXTINF:1\n" + url)):
            response = client.post("/predict", content=body + END, headers=FORM)
            assert response.status_code in {400, 415}
        with pytest.raises(BlockingIOError):
            bait.accept()


def test_a_body_of_the_limit_is_read_and_one_more_byte_is_413(client: httpx.Client) -> None:
    frame = len(clip_part(b"") + END)
    for size, status in ((MAX_BYTES, 415), (MAX_BYTES + 1, 413)):
        body = clip_part(bytes(size - frame)) + END
        assert_problem(client.post("/predict", content=body, headers=FORM), status)


def test_an_honest_content_length_is_413_before_any_byte(server: Server) -> None:
    head = request_head(f"Content-Length: {MAX_BYTES + 1}")
    assert_raw_problem(server, [head], status=413)


def test_a_content_length_beyond_all_measure_is_413(server: Server) -> None:
    assert_raw_problem(server, [request_head(f"Content-Length: {10**18}")], status=413)


def test_chunks_beyond_the_limit_are_413_while_they_come(server: Server) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    opening = clip_part(b"")[:-2]
    first = f"{len(opening):x}\r\n".encode() + opening + b"\r\n"
    # The last chunk never comes: the answer does not wait for it.
    chunks = [chunk] * (MAX_BYTES // 0x10000 + 1)
    head = request_head("Transfer-Encoding: chunked")
    assert_raw_problem(server, [head, first, *chunks], status=413)


def test_a_content_length_shorter_than_the_body_is_400(server: Server) -> None:
    body = clip_part(counter_clip()) + END
    head = request_head(f"Content-Length: {len(body) // 2}", "Connection: close")
    assert_raw_problem(server, [head, body[: len(body) // 2]], status=400)


def test_names_and_types_of_the_part_decide_nothing(client: httpx.Client) -> None:
    lie = ("clip.mp4", b"no video at all", "video/mp4")
    assert_problem(client.post("/predict", files={"clip": lie}), 415)
    modest = ("notes.txt", counter_clip(), "text/plain")
    assert client.post("/predict", files={"clip": modest}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/predict/submit", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/predict", 405),
        ("DELETE", "/model", 405),
        ("POST", "/livez", 405),
    ],
)
def test_other_layers_errors_are_problems_too(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert_problem(response, status)
    assert ("allow" in response.headers) == (status == 405)


# --- Too much, too late --------------------------------------------------------------------------


def test_a_full_house_is_429_before_the_body_and_empties_again(hasty_server: Server) -> None:
    body = clip_part(counter_clip()) + END
    with socket.create_connection(hasty_server.address, timeout=60) as first:
        first.sendall(request_head(f"Content-Length: {len(body)}") + body[:100])
        with httpx.Client(base_url=hasty_server.url, timeout=60) as second:
            while (response := post(second, counter_clip())).status_code == 504:
                pass  # the first one's head has not been read yet
            assert_problem(response, 429)
            assert int(response.headers["retry-after"]) >= 1
            assert second.get("/livez").status_code == 200
            first.sendall(body[100:])
            assert read_answer(first).startswith(b"HTTP/1.1 504 ")
            assert_problem(post(second, counter_clip()), 504)


def test_a_deadline_that_passes_is_504_and_the_next_request_is_served(
    hasty_server: Server,
) -> None:
    with httpx.Client(base_url=hasty_server.url, timeout=60) as client:
        for _ in range(3):
            problem = assert_problem(post(client, counter_clip()), 504)
            assert problem["type"] == "urn:signwrite:problem:deadline-passed"
        text = client.get("/metrics").text
    assert 'signwrite_predictions_total{kind="deadline-passed",status="504"}' in text
