"""Clips that were cut off at every kind of place, and headers that lie."""

import struct
from collections.abc import Callable, Iterator
from functools import partial

from tests.attacks.boxes import find, walk, with_body, with_bytes
from tests.clips import counter_clip
from tests.clips.card import built, encode
from tests.clips.structures import index_first

INDEXED = partial(index_first, partial(encode, "mp4", "libx264", options={"g": "5"}))
FRAGMENTED = partial(
    encode,
    "mp4",
    "libx264",
    options={"g": "5"},
    container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
)
MATROSKA = partial(encode, "matroska", "libx264", options={"g": "5"})
AVI = partial(encode, "avi", "mpeg4")
STREAM = partial(encode, "mpegts", "mpeg2video")
PROGRAM = partial(encode, "vob", "mpeg2video")
FLASH = partial(encode, "flv", "flv")
GIF = partial(encode, "gif", "gif", pixels="rgb8")

EACH: dict[str, Callable[[], bytes]] = {
    "mp4": counter_clip,
    "mp4-indexed": INDEXED,
    "mp4-fragmented": FRAGMENTED,
    "mkv": MATROSKA,
    "avi": AVI,
    "ts": STREAM,
    "ps": PROGRAM,
    "flv": FLASH,
    "gif": GIF,
}
_SHARES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.999)


def head_of(build: Callable[[], bytes], length: int) -> bytes:
    """The first bytes of a clip."""
    return built(build)[:length]


def head_share(build: Callable[[], bytes], share: float) -> bytes:
    """The first part of a clip's bytes."""
    content = built(build)
    return content[: max(1, int(len(content) * share))]


def tail_share(build: Callable[[], bytes], share: float) -> bytes:
    """The last part of a clip's bytes: its beginning is lost."""
    content = built(build)
    return content[int(len(content) * (1 - share)) :]


def cut_in_box(build: Callable[[], bytes], name: bytes) -> bytes:
    """A clip that ends in the middle of a box."""
    content = built(build)
    box = find(content, name)
    return content[: (box.body + box.end) // 2]


def without_box(name: bytes) -> bytes:
    """An MP4 that lacks a box: it is renamed to one that nobody knows."""
    content = built(counter_clip)
    box = find(content, name)
    return content[: box.start + 4] + b"xxxx" + content[box.start + 8 :]


def sized_box(name: bytes, size: int) -> bytes:
    """An MP4 with a box that lies about its size."""
    content = built(counter_clip)
    box = find(content, name)
    return content[: box.start] + struct.pack(">I", size) + content[box.start + 4 :]


def _box_names() -> list[bytes]:
    """Every kind of box of an MP4, once."""
    return list(dict.fromkeys(box.name for box in walk(built(INDEXED))))


def truncations() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Cut each container at several places, and an MP4 within every kind of box."""
    for kind, build in EACH.items():
        for share in _SHARES:
            yield f"cut-{kind}-{share:g}", partial(head_share, build, share)
        yield f"cut-{kind}-beginning", partial(tail_share, build, 0.5)
    for name in _box_names():
        word = name.decode("latin-1").strip().lower()
        yield f"cut-in-{word}", partial(cut_in_box, INDEXED, name)
    for length in (1, 4, 7, 8, 11, 12, 16, 31, 32):
        yield f"cut-mp4-{length}-bytes", partial(head_of, counter_clip, length)


def lies() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Headers of an MP4 that say what is not so."""
    for name in (b"ftyp", b"moov", b"trak", b"mdia", b"stbl", b"stsd", b"stsz", b"stco", b"mdat"):
        word = name.decode()
        yield f"lie-no-{word}", partial(without_box, name)
        for size in (0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF):
            yield f"lie-{word}-size-{size:x}", partial(sized_box, name, size)
    fields: dict[str, tuple[bytes, int, bytes]] = {
        "timescale-zero": (b"mdhd", 12, bytes(4)),
        "timescale-huge": (b"mdhd", 12, b"\xff" * 4),
        "timescale-one": (b"mdhd", 12, b"\0\0\0\1"),
        "movie-timescale-zero": (b"mvhd", 12, bytes(4)),
        "duration-huge": (b"mdhd", 16, b"\xff" * 4),
        "width-zero": (b"avc1", 24, bytes(2)),
        "width-huge": (b"avc1", 24, b"\xff\xff"),
        "height-huge": (b"avc1", 26, b"\xff\xff"),
        "track-width-huge": (b"tkhd", 76, b"\x7f\xff\xff\xff"),
        "matrix-zero": (b"tkhd", 40, bytes(36)),
        "matrix-wild": (b"tkhd", 40, b"\x7f\xff\xff\xff\x80\0\0\1" * 4 + bytes(4)),
        "handler-sound": (b"hdlr", 8, b"soun"),
        "handler-text": (b"hdlr", 8, b"text"),
        "offset-beyond": (b"stco", 8, b"\x7f\xff\xff\xff"),
        "sample-size-huge": (b"stsz", 12, b"\x7f\xff\xff\xff"),
        "sample-sizes-one": (b"stsz", 4, b"\0\0\0\1"),
        "edit-negative": (b"elst", 8, b"\0\0\1\0\xff\xff\xff\xff"),
        "edit-far": (b"elst", 12, b"\x7f\xff\xff\xff"),
        "chunks-first-zero": (b"stsc", 8, bytes(4)),
        "times-zero": (b"stts", 12, bytes(4)),
        "times-negative": (b"stts", 12, b"\xff" * 4),
        "parameters-broken": (b"avc1", 90, b"\xff" * 30),
    }
    for word, (name, offset, value) in fields.items():
        yield f"lie-{word}", partial(_overwritten, name, offset, value)
    yield "lie-no-frames", lambda: with_body(counter_clip(), b"stsz", bytes(12))
    yield "lie-times-none", lambda: with_body(counter_clip(), b"stts", bytes(8))


def _overwritten(name: bytes, offset: int, value: bytes) -> bytes:
    content = built(counter_clip)
    if name == b"avc1":  # within stsd, whose body begins with 8 bytes of its own
        place = content.index(b"avc1") + 4
        return content[: place + offset] + value + content[place + offset + len(value) :]
    return with_bytes(content, name, offset, value)
