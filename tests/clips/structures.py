"""Clips with unusual containers: streamed, edited, joined, with other streams beside the video."""

import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from io import BytesIO

import av
from av.stream import Disposition
from av.video.stream import VideoStream

from tests.clips.card import (
    BITS,
    HEIGHT_PX,
    RATE,
    WIDTH_PX,
    Silence,
    add_audio,
    built,
    card,
    encode,
    frame_of,
    write_silence,
)


class _Pipe(BytesIO):
    """A file that cannot seek, as a browser's recorder writes to."""

    def seekable(self) -> bool:
        return False


@cache
def counter_clip(frames: int = RATE, *, rate: int = RATE) -> bytes:
    """Encode a plain MP4 with H.264, numbered from 0 (modulo 256): the same bytes each time.

    Made once a process, since libx264 may encode the same frames otherwise the next time: with
    PyAV 18.1 it did 40 times of 300.
    """
    numbers = tuple(number % 2**BITS for number in range(frames))
    return encode("mp4", "libx264", numbers=numbers, rate=rate)


def browser_recording(codec: str = "libvpx") -> bytes:
    """Encode a WebM as MediaRecorder does: streamed, with no duration and no index."""
    return encode(
        "webm",
        codec,
        options={"deadline": "realtime", "b": "400k"},
        container_options={"live": "1"},
        silence=Silence("libopus"),
        into=_Pipe(),
    )


def variable_rate_clip(container: str = "mp4") -> bytes:
    """Encode 20 frames in the first second and 5 in the second one."""
    ticks = [*range(0, 1000, 50), *range(1000, 2000, 200)]
    return encode(container, "libx264", numbers=range(25), ticks=ticks)


def edited_clip() -> bytes:
    """Encode an MP4 whose edit list starts 10 frames in; those must be decoded, but never shown."""
    content = bytearray(encode("mp4", "libx264", options={"bf": "0"}))
    place = content.index(b"elst") + 4
    version, entries, duration, media_time = struct.unpack_from(">IIIi", content, place)
    assert (version, entries) == (0, 1)
    scale = 15_360  # ticks a second, FFmpeg's choice for 30 frames/s
    struct.pack_into(">IIIi", content, place, 0, 1, duration * 2 // 3, media_time + scale // 3)
    return bytes(content)


def latin1_clip() -> bytes:
    """Encode an MP4 whose title is Latin-1, as old tools write."""
    content = encode("mp4", "libx264", title="Se\u00f1al")
    assert b"Se\xf1al" in content
    return content


def index_first(build: Callable[[], bytes]) -> bytes:
    """Move an MP4's index before its frames, as for the web."""
    content = built(build)
    boxes: dict[bytes, bytes] = {}
    place = 0
    while place < len(content):
        size, name = struct.unpack_from(">I4s", content, place)
        boxes[name] = content[place : place + size]
        place += size
    index = bytearray(boxes[b"moov"])
    table = index.index(b"stco") + 8
    (entries,) = struct.unpack_from(">I", index, table)
    for entry in range(table + 4, table + 4 + 4 * entries, 4):
        (offset,) = struct.unpack_from(">I", index, entry)
        struct.pack_into(">I", index, entry, offset + len(index))
    return boxes[b"ftyp"] + bytes(index) + boxes[b"free"] + boxes[b"mdat"]


def restarted_clip() -> bytes:
    """Join two transport streams; the clock starts anew in the middle."""
    make = partial(encode, "mpegts", "libx264", options={"bf": "0"})
    return make(numbers=range(15)) + make(numbers=range(15, 30))


def covered_clip() -> bytes:
    """Encode an MKV that holds a cover picture, larger than the video, beside it."""
    target = BytesIO()
    with av.open(target, mode="w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        cover = encode("image2pipe", "png", pixels="rgb24", numbers=(1,), size=(640, 480))
        output.add_attachment("cover.png", "image/png", cover)
        for number in range(RATE):
            frame = frame_of(card(number))
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return target.getvalue()


def two_videos_clip() -> bytes:
    """Encode an MKV with a small preview before the default video, which must be chosen."""
    target = BytesIO()
    with av.open(target, mode="w", format="matroska") as output:
        streams = []
        for size in ((48, 32), (WIDTH_PX, HEIGHT_PX)):
            stream = output.add_stream("libx264", rate=RATE)
            assert isinstance(stream, VideoStream)
            (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
            streams.append((stream, size))
        streams[0][0].disposition = Disposition(0)
        streams[1][0].disposition = Disposition.default
        for number in range(RATE):
            for stream, (width, height) in streams:
                frame = frame_of(
                    card(number if width == WIDTH_PX else 0, width=width, height=height)
                )
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                output.mux(stream.encode(frame))
        for stream, _ in streams:
            output.mux(stream.encode())
    return target.getvalue()


def still(codec: str, *, container: str = "image2pipe", pixels: str = "rgb24") -> bytes:
    """Encode one picture that is no video."""
    return encode(container, codec, pixels=pixels, numbers=(1,))


def audio_only(container: str, codec: str, *, cover: bool = False) -> bytes:
    """Encode a second of silence, if wanted with a cover picture."""
    target = BytesIO()
    with av.open(target, mode="w", format=container) as output:
        stream = add_audio(output, codec)
        if cover:
            output.add_attachment("cover.png", "image/png", still("png"))
        write_silence(output, stream, seconds=1)
    return target.getvalue()
