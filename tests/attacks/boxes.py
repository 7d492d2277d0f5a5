"""The boxes of an MP4: found, changed and put together again."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_WITH_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta"}
HEAD_BYTES = 8


@dataclass(frozen=True)
class Box:
    """Where a box lies: from its size field to its end."""

    name: bytes
    start: int
    end: int
    path: tuple[int, ...]  # starts of the boxes around it

    @property
    def body(self) -> int:
        """Where its content begins."""
        return self.start + HEAD_BYTES


def walk(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Find all boxes, outer ones before those inside them."""
    yield from _walk(content, start, len(content) if end is None else end, ())


def _walk(content: bytes, start: int, end: int, path: tuple[int, ...]) -> Iterator[Box]:
    while start + HEAD_BYTES <= end:
        size, name = struct.unpack_from(">I4s", content, start)
        box = Box(name, start, start + size, path)
        yield box
        if name in _WITH_BOXES:
            yield from _walk(content, box.body, box.end, (*path, start))
        start += max(size, HEAD_BYTES)


def find(content: bytes, name: bytes) -> Box:
    """Return the first box of a name."""
    return next(box for box in walk(content) if box.name == name)


def with_body(content: bytes, name: bytes, body: bytes) -> bytes:
    """Replace what a box holds; the boxes around it grow or shrink with it."""
    box = find(content, name)
    grown = len(body) - (box.end - box.body)
    changed = bytearray(content[: box.body] + body + content[box.end :])
    for start in (*box.path, box.start):
        (size,) = struct.unpack_from(">I", changed, start)
        struct.pack_into(">I", changed, start, size + grown)
    return bytes(changed)


def with_bytes(content: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes of what a box holds."""
    place = find(content, name).body + offset
    return content[:place] + value + content[place + len(value) :]


def box(name: bytes, body: bytes) -> bytes:
    """Make a box."""
    return struct.pack(">I4s", HEAD_BYTES + len(body), name) + body


def body_of(content: bytes, name: bytes) -> bytes:
    """Return what a box holds."""
    found = find(content, name)
    return content[found.body : found.end]
