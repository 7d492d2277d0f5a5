"""A multipart upload, read into memory while it streams; nothing touches a disk or the network.

BentoML's own file input writes every upload to a temporary file, fetches a URL that comes as text
in the file's place, has no limit, and answers malformed forms with 500. So the form is read here.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers

from service.faults import BadRequestError, BodyTooLargeError

CLIP_PART = "clip"
TOP_K_PART = "top_k"
EXPLAIN_PART = "explain"

_PARTS = (CLIP_PART, TOP_K_PART, EXPLAIN_PART)
_WHOLE_NUMBER = re.compile(rb"[0-9]{1,9}")
_TRUTHS = {b"true": True, b"false": False}


@dataclass(frozen=True)
class Upload:
    """What `POST /predict` was sent.

    Attributes:
        clip: the bytes of the file, whatever they are; at least one.
        top_k: how many predictions are wanted, not checked against the vocabulary; None if unsaid.
        explain: whether the answer is to say what the model looked at.
    """

    clip: bytearray
    top_k: int | None
    explain: bool = False


async def read_upload(chunks: AsyncIterator[bytes], *, headers: Headers, max_bytes: int) -> Upload:
    """Read a form of one file part `clip` and the optional fields `top_k` and `explain`.

    Args:
        chunks: the body as it arrives; it is not read further than it must be.
        headers: the request's headers.
        max_bytes: the most bytes the body may have, whatever Content-Length says.

    Raises:
        BodyTooLargeError: Content-Length or the bytes that came are more than `max_bytes`.
        BadRequestError: not such a form.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    form = _Form(_boundary(headers.get("content-type", "")))
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        form.feed(chunk)
    return form.upload()


def _too_large(max_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"a body of at most {max_bytes} bytes; received more")


def _boundary(content_type: str) -> bytes:
    media_type, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if media_type != b"multipart/form-data" or not boundary:
        raise BadRequestError(
            "a body of Content-Type multipart/form-data with a boundary; received another"
        )
    return boundary


class _Form:
    """The multipart form as far as it has arrived."""

    def __init__(self, boundary: bytes) -> None:
        self._parts: dict[str, bytearray] = {}
        self._part = bytearray()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._disposition = b""
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_part_data": self._on_part_data,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise BadRequestError("a multipart boundary of sane length; received more") from error

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequestError("a well-formed multipart body; received a broken one") from error

    def upload(self) -> Upload:
        """Return the form once all has arrived."""
        if not self._ended:
            raise BadRequestError(
                "a multipart body up to its closing boundary; received one cut short"
            )
        clip = self._parts.get(CLIP_PART)
        if clip is None:
            raise BadRequestError(f"a file part named {CLIP_PART}; received none")
        if not clip:
            raise BadRequestError(f"a file in the part {CLIP_PART}; received an empty one")
        top_k = self._parts.get(TOP_K_PART)
        if top_k is not None and not _WHOLE_NUMBER.fullmatch(top_k):
            raise BadRequestError(f"{TOP_K_PART} as a whole number; received something else")
        explain = bytes(self._parts.get(EXPLAIN_PART, b"false"))
        if explain not in _TRUTHS:
            raise BadRequestError(f"{EXPLAIN_PART} as true or false; received something else")
        return Upload(
            clip=clip, top_k=None if top_k is None else int(top_k), explain=_TRUTHS[explain]
        )

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, chunk: bytes, start: int, end: int) -> None:
        self._header_name += chunk[start:end]

    def _on_header_value(self, chunk: bytes, start: int, end: int) -> None:
        self._header_value += chunk[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in _PARTS:
            raise BadRequestError(f"only the parts {', '.join(_PARTS)}; received another")
        if name in self._parts:
            raise BadRequestError(f"one part named {name}; received two")
        if name == CLIP_PART and b"filename" not in options:
            raise BadRequestError(f"{CLIP_PART} as a file part, with a filename; received text")
        self._part = self._parts[name] = bytearray()

    def _on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        self._part += memoryview(chunk)[start:end]

    def _on_end(self) -> None:
        self._ended = True
