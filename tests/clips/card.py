"""The test card every generated clip shows, and encoding a run of them into a video."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from io import BytesIO

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

Image = npt.NDArray[np.uint8]

RED = (200, 30, 30)
BLUE = (30, 30, 200)
WIDTH_PX, HEIGHT_PX = 96, 64
RATE = 30
BITS = 8
QUIET_X265 = {"x265-params": "log-level=none"}


def card(number: int, *, width: int = WIDTH_PX, height: int = HEIGHT_PX) -> Image:
    """Draw the test card of one frame: uint8 [height, width, 3], RGB."""
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:, : width // 2] = RED
    picture[:, width // 2 :] = BLUE
    picture[: height // 4, : width // 6] = 255
    for place in range(BITS):
        bit = number >> (BITS - 1 - place) & 1
        columns = slice(place * width // BITS, (place + 1) * width // BITS)
        picture[3 * height // 4 :, columns] = 255 * bit
    return picture


def read_number(picture: Image) -> int:
    """Read the number off a card that may have been scaled and compressed."""
    height, width = picture.shape[:2]
    row = picture[7 * height // 8]
    bits = [row[(2 * place + 1) * width // (2 * BITS)].mean() > 127 for place in range(BITS)]
    return sum(int(bit) << (BITS - 1 - place) for place, bit in enumerate(bits))


@dataclass(frozen=True)
class Silence:
    """An audio stream beside the video: before it or after it in the container."""

    codec: str
    first: bool = False


def encode(  # noqa: PLR0913 - a factory's knobs, all with defaults
    container: str,
    codec: str,
    *,
    pixels: str = "yuv420p",
    numbers: Sequence[int] = tuple(range(RATE)),
    ticks: Sequence[int] | None = None,
    rate: int = RATE,
    size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    silence: Silence | None = None,
    prepare: Callable[[VideoStream], None] = lambda _: None,
    draw: Callable[[int, int, int], VideoFrame] | None = None,
    into: BytesIO | None = None,
    title: str | None = None,
) -> bytes:
    """Encode test cards into a video.

    Args:
        container: FFmpeg's name of the muxer.
        codec: FFmpeg's name of the encoder.
        pixels: the encoder's pixel format.
        numbers: the frames' numbers, in order.
        ticks: when each frame shows, in ticks of 1/1000 s; at `rate` by default.
        rate: frames a second.
        size: width and height as stored, pixels.
        options: the encoder's.
        container_options: the muxer's.
        silence: an audio stream to add.
        prepare: changes the video stream before anything is written.
        draw: makes the frame of a number, width and height; the test card by default.
        into: where to write.
        title: the container's title, written as Latin-1.
    """
    target = into or BytesIO()
    with av.open(
        target,
        mode="w",
        format=container,
        container_options=container_options or {},
        metadata_encoding="latin-1",
    ) as output:
        if title is not None:
            output.metadata["title"] = title
        audio = add_audio(output, silence.codec) if silence and silence.first else None
        stream = output.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        if ticks is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        prepare(stream)
        if silence and not silence.first:
            audio = add_audio(output, silence.codec)
        if audio is not None:
            write_silence(output, audio, seconds=len(numbers) / rate)
        for place, number in enumerate(numbers):
            frame = (
                draw(number, *size)
                if draw
                else frame_of(card(number, width=size[0], height=size[1]))
            )
            frame.pts = place if ticks is None else ticks[place]
            frame.time_base = Fraction(1, rate if ticks is None else 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return target.getvalue()


def frame_of(picture: Image) -> VideoFrame:
    return VideoFrame.from_ndarray(picture, format="rgb24")


def add_audio(output: OutputContainer, codec: str) -> AudioStream:
    stream = output.add_stream(codec, rate=48_000)
    assert isinstance(stream, AudioStream)
    return stream


def write_silence(output: OutputContainer, stream: AudioStream, *, seconds: float) -> None:
    samples = 960
    for place in range(max(1, round(seconds * 48_000 / samples))):
        frame = AudioFrame(format="s16", layout="stereo", samples=samples)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48_000
        frame.pts = place * samples
        frame.time_base = Fraction(1, 48_000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


@cache
def built(build: Callable[[], bytes]) -> bytes:
    return build()
