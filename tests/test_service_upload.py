"""The multipart reader: the same form however it is cut, and never more than is allowed."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from service.faults import BadRequestError, BodyTooLargeError
from service.upload import Upload, read_upload

HEADERS = {"content-type": "multipart/form-data; boundary=b0undary"}


def form(clip: bytes, top_k: bytes | None = None) -> bytes:
    parts = [
        b'--b0undary\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n'
        b"Content-Type: video/mp4\r\n\r\n" + clip + b"\r\n"
    ]
    if top_k is not None:
        parts.append(
            b'--b0undary\r\ncontent-disposition: form-data; name="top_k"\r\n\r\n' + top_k + b"\r\n"
        )
    return b"".join(parts) + b"--b0undary--\r\n"


class Body:
    """A body that comes in chunks, and knows how many were taken."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.taken += 1
            yield chunk


def read(body: Body, *, max_bytes: int = 10_000, **headers: str) -> Upload:
    given_headers = Headers({**HEADERS, **headers})
    return asyncio.run(read_upload(aiter(body), headers=given_headers, max_bytes=max_bytes))


@given(
    clip=st.binary(min_size=1, max_size=300),
    top_k=st.none() | st.integers(0, 999),
    cuts=st.lists(st.integers(0, 700), max_size=20),
)
def test_chunks_do_not_matter(clip: bytes, top_k: int | None, cuts: list[int]) -> None:
    body = form(clip, None if top_k is None else str(top_k).encode())
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    upload = read(Body(*(body[start:stop] for start, stop in pairwise(places))))
    assert upload.clip == clip
    assert upload.top_k == top_k


@given(body=st.binary(max_size=400))
def test_any_bytes_are_a_form_or_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(Body(body))


@given(keep=st.integers(0, len(form(b"clip", b"3")) - 5))
def test_a_form_that_broke_off_is_a_bad_request(keep: int) -> None:
    with pytest.raises(BadRequestError):
        read(Body(form(b"clip", b"3")[:keep]))


def test_a_clip_that_looks_like_a_boundary_is_kept_whole() -> None:
    clip = b"\r\n--b0undar\r\n--b0undarz--\r\n\r\n--"
    assert read(Body(form(clip))).clip == clip


def test_bytes_are_counted_while_they_come_whatever_was_declared() -> None:
    body = Body(form(bytes(900))[:-20], *[bytes(100)] * 50)
    with pytest.raises(BodyTooLargeError, match="at most 2000 bytes"):
        read(body, max_bytes=2000, **{"content-length": "10"})
    assert body.taken < 15


def test_a_declared_length_is_enough_to_refuse() -> None:
    body = Body(form(b"clip"))
    with pytest.raises(BodyTooLargeError):
        read(body, max_bytes=2000, **{"content-length": "2001"})
    assert body.taken == 0


def test_a_form_of_exactly_the_limit_is_read() -> None:
    body = form(b"clip")
    assert read(Body(body), max_bytes=len(body)).clip == b"clip"
    with pytest.raises(BodyTooLargeError):
        read(Body(body), max_bytes=len(body) - 1)


def test_the_first_wrong_part_ends_the_reading() -> None:
    wrong = b'--b0undary\r\nContent-Disposition: form-data; name="other"\r\n\r\n'
    body = Body(wrong, *[b"x" * 100] * 50)
    with pytest.raises(BadRequestError, match="received another"):
        read(body)
    assert body.taken == 1


def test_a_large_upload_needs_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # any temporary file fails
    clip = bytes(5_000_000)
    assert read(Body(form(clip)), max_bytes=6_000_000).clip == clip
