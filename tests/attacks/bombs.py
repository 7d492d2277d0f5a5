"""Small files that ask for much: memory, time or pixels."""

import gzip
import struct
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO

from tests.attacks.boxes import body_of, box, with_body, with_bytes
from tests.clips import counter_clip
from tests.clips.card import encode
from tests.clips.damage import declared_size_clip

_COUNT = struct.Struct(">I")


def gif_bomb(width: int, height: int, *, frames: int = 1) -> bytes:
    """A GIF of a few dozen bytes that declares a huge canvas, and tiny frames in it."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    control = b"\x21\xf9\x04\x00\x0a\x00\x00\x00"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + (control + frame) * frames + b"\x3b"


def gif_frame_bomb(width: int, height: int) -> bytes:
    """A GIF whose one frame declares to fill a huge canvas."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * 2 + b"\x3b"


def table_bomb(name: bytes, *, at: int, count: int = 0xFFFFFFFF) -> bytes:
    """An MP4 whose table claims to have a vast number of entries."""
    return with_bytes(counter_clip(), name, at, _COUNT.pack(count))


def long_table(name: bytes, entry: bytes, *, entries: int, head: bytes = b"\0\0\0\0") -> bytes:
    """An MP4 whose table really has that many entries."""
    body = head + _COUNT.pack(entries) + entry * entries
    return with_body(counter_clip(), name, body)


def stretched_time() -> bytes:
    """An MP4 whose thirty frames each last more than a day."""
    return with_body(counter_clip(), b"stts", struct.pack(">IIII", 0, 1, 30, 2**31 - 1))


def same_bytes(samples: int, size: int) -> bytes:
    """An MP4 with thousands of samples that all lie in the same bytes."""
    clip = counter_clip()
    table = struct.pack(">III", 0, 0, samples) + struct.pack(">I", size) * samples
    clip = with_body(clip, b"stsz", table)
    clip = with_body(clip, b"stts", struct.pack(">IIII", 0, 1, samples, 512))
    (offset,) = struct.unpack_from(">I", body_of(clip, b"stco"), 8)
    clip = with_body(clip, b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1))
    return with_body(clip, b"stco", struct.pack(">II", 0, samples) + _COUNT.pack(offset) * samples)


def nested_boxes(depth: int, *, name: bytes = b"moov") -> bytes:
    """Boxes within boxes within boxes."""
    inner = b""
    for _ in range(depth):
        inner = box(name, inner)
    return box(b"ftyp", b"isom\0\0\2\0isom") + inner


def many_tracks(count: int) -> bytes:
    """An MP4 with the same track over and over."""
    clip = counter_clip()
    moov = body_of(clip, b"moov")
    track = box(b"trak", body_of(clip, b"trak"))
    return with_body(clip, b"moov", moov + track * (count - 1))


def _element(number: bytes, body: bytes) -> bytes:
    size = (0x0100000000000000 | len(body)).to_bytes(8, "big")
    return number + size + body


_EBML = _element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x88matroska")
_SEGMENT, _TRACKS, _TRACK, _CLUSTER, _TAGS = (
    b"\x18\x53\x80\x67",
    b"\x16\x54\xae\x6b",
    b"\xae",
    b"\x1f\x43\xb6\x75",
    b"\x12\x54\xc3\x67",
)


def matroska_of(body: bytes) -> bytes:
    """An MKV that holds just this."""
    return _EBML + _element(_SEGMENT, body)


def matroska_video(width: int, height: int, *, codec: bytes = b"V_VP8") -> bytes:
    """An MKV that declares a size, with one frame that is none."""
    size = b"\xb0\x84" + struct.pack(">I", width) + b"\xba\x84" + struct.pack(">I", height)
    track = b"\xd7\x81\x01\x73\xc5\x81\x01\x83\x81\x01" + _element(b"\x86", codec)
    track += _element(b"\xe0", size)
    block = _element(b"\xa3", b"\x81\x00\x00\x80" + bytes(64))
    cluster = _element(_CLUSTER, b"\xe7\x81\x00" + block)
    return matroska_of(_element(_TRACKS, _element(_TRACK, track)) + cluster)


def matroska_nested(depth: int) -> bytes:
    """Tags within tags within tags."""
    inner = b""
    for _ in range(depth):
        inner = _element(b"\x67\xc8", inner)  # SimpleTag
    return matroska_of(_element(_TAGS, _element(b"\x73\x73", inner)))


def matroska_zlib_bomb() -> bytes:
    """An MKV whose frames are compressed by zlib, a thousand to one."""
    compression = _element(b"\x50\x34", b"\x42\x54\x81\x00")
    encodings = _element(
        b"\x6d\x80",
        _element(b"\x62\x40", b"\x50\x31\x81\x00\x50\x32\x81\x01\x50\x33\x81\x00" + compression),
    )
    size = b"\xb0\x81\x60\xba\x81\x40"
    track = b"\xd7\x81\x01\x73\xc5\x81\x01\x83\x81\x01" + _element(b"\x86", b"V_VP8")
    track += _element(b"\xe0", size) + encodings
    frame = zlib.compress(bytes(64 * 2**20), 9)
    blocks = _element(b"\xa3", b"\x81\x00\x00\x80" + frame) * 8
    cluster = _element(_CLUSTER, b"\xe7\x81\x00" + blocks)
    return matroska_of(_element(_TRACKS, _element(_TRACK, track)) + cluster)


def zip_bomb() -> bytes:
    """A gzip file of many zeros."""
    target = BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=9, mtime=0) as stream:
        for _ in range(64):
            stream.write(bytes(2**20))
    return target.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gif-65535": partial(gif_bomb, 65535, 65535),
    "gif-65535-1000-frames": partial(gif_bomb, 65535, 65535, frames=1000),
    "gif-16384": partial(gif_bomb, 16384, 16384, frames=10),
    "gif-65535-1": partial(gif_bomb, 65535, 1, frames=10),
    "gif-1-65535": partial(gif_bomb, 1, 65535, frames=10),
    "gif-0-0": partial(gif_bomb, 0, 0, frames=10),
    "gif-frame-30000": partial(gif_frame_bomb, 30000, 30000),
    "gif-4000-40000-frames": partial(gif_bomb, 4000, 2000, frames=40_000),
    "gif-2000-7000-frames": partial(gif_bomb, 2000, 2000, frames=7_000),
    "avi-mjpeg-30000": partial(declared_size_clip, 30_000, 30_000),
    "avi-mjpeg-huge": partial(declared_size_clip, 2**31 - 1, 2**31 - 1),
    "avi-mjpeg-zero": partial(declared_size_clip, 0, 0),
    "mp4-hd-flat-16k-frames": partial(
        encode, "mp4", "mpeg4", numbers=(0,) * 9_000, rate=600, size=(16, 16)
    ),
    "mp4-stsz-count": partial(table_bomb, b"stsz", at=8),
    "mp4-stsz-same-count": lambda: with_bytes(
        counter_clip(), b"stsz", 4, struct.pack(">II", 1, 0xFFFFFFFF)
    ),
    "mp4-stts-count": partial(table_bomb, b"stts", at=4),
    "mp4-stsc-count": partial(table_bomb, b"stsc", at=4),
    "mp4-stco-count": partial(table_bomb, b"stco", at=4),
    "mp4-ctts-count": partial(table_bomb, b"ctts", at=4),
    "mp4-stss-count": partial(table_bomb, b"stss", at=4),
    "mp4-elst-count": partial(table_bomb, b"elst", at=4),
    "mp4-dref-count": partial(table_bomb, b"dref", at=4),
    "mp4-stsd-count": partial(table_bomb, b"stsd", at=4),
    "mp4-stts-millions": lambda: with_body(
        counter_clip(), b"stts", struct.pack(">IIII", 0, 1, 0x7FFFFFFF, 1)
    ),
    "mp4-stts-long": partial(long_table, b"stts", struct.pack(">II", 1, 512), entries=100_000),
    "mp4-ctts-long": partial(long_table, b"ctts", struct.pack(">II", 1, 512), entries=100_000),
    "mp4-elst-long": partial(
        long_table, b"elst", struct.pack(">IiI", 1, 0, 0x10000), entries=50_000
    ),
    "mp4-frames-of-a-day": stretched_time,
    "mp4-samples-that-share-bytes": partial(same_bytes, 7_000, 2_000),
    "mp4-samples-that-share-all-bytes": partial(same_bytes, 200, 2**30),
    "mp4-nested": partial(nested_boxes, 20_000),
    "mp4-nested-tracks": partial(nested_boxes, 5_000, name=b"trak"),
    "mp4-33-tracks": partial(many_tracks, 33),
    "mp4-1000-tracks": partial(many_tracks, 1_000),
    "mkv-65535": partial(matroska_video, 65535, 65535),
    "mkv-huge": partial(matroska_video, 2**32 - 1, 2**32 - 1),
    "mkv-zero": partial(matroska_video, 0, 0),
    "mkv-h264-65535": partial(matroska_video, 65535, 65535, codec=b"V_MPEG4/ISO/AVC"),
    "mkv-nested": partial(matroska_nested, 5_000),
    "mkv-zlib": matroska_zlib_bomb,
    "mkv-element-of-no-end": lambda: _EBML + _SEGMENT + b"\x01" + b"\xff" * 7 + bytes(4096),
    "gzip": zip_bomb,
}
"""By name."""
