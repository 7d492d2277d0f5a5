"""Clips whose stored pictures are not what is displayed: turned, stretched, coloured otherwise."""

import struct
from fractions import Fraction
from functools import partial
from io import BytesIO

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from tests.clips.card import (
    HEIGHT_PX,
    QUIET_X265,
    RATE,
    WIDTH_PX,
    card,
    encode,
    frame_of,
)


def rotated_clip(degrees: int, *, mirrored: bool = False) -> bytes:
    """Encode an MP4 whose frames are stored turned, with a matrix that turns them back.

    Args:
        degrees: how far the player must turn the stored frame clockwise.
        mirrored: whether the player must also mirror it, left to right, after turning.
    """

    def draw(number: int, width: int, height: int) -> VideoFrame:
        upright = card(number)[:, :: -1 if mirrored else 1]
        stored = np.ascontiguousarray(np.rot90(upright, k=degrees // 90))
        assert stored.shape[:2] == (height, width)
        return frame_of(stored)

    size = (HEIGHT_PX, WIDTH_PX) if degrees % 180 else (WIDTH_PX, HEIGHT_PX)
    return encode(
        "mp4",
        "libx264",
        size=size,
        draw=draw,
        prepare=lambda stream: stream.set_display_rotation(-degrees, hflip=mirrored),
    )


def exif_clip() -> bytes:
    """Encode Motion JPEG stored on its side, each frame with Exif orientation 6: turn clockwise.

    FFmpeg attaches the Exif block to the frame, a kind of side data PyAV 18.1 cannot name.
    """
    tag = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    body = b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 8) + tag
    block = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    target = BytesIO()
    with av.open(target, mode="w", format="mov") as output:
        stream = output.add_stream("mjpeg", rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = HEIGHT_PX, WIDTH_PX, "yuvj420p"
        for number in range(RATE):
            frame = frame_of(np.ascontiguousarray(np.rot90(card(number))))
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            for packet in stream.encode(frame):
                jpeg = bytes(packet)
                oriented = Packet(jpeg[:2] + block + jpeg[2:])
                oriented.stream, oriented.time_base = stream, packet.time_base
                oriented.pts, oriented.dts, oriented.duration = number, number, packet.duration
                output.mux(oriented)
    return target.getvalue()


def non_square_clip() -> bytes:
    """Encode a clip whose pixels are shown twice as wide as high."""

    def prepare(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    return encode("mp4", "libx264", prepare=prepare)


def alpha_clip() -> bytes:
    """Encode ProRes 4444 whose lower-left quarter is transparent over white."""

    def draw(number: int, width: int, height: int) -> VideoFrame:
        picture = np.full((height, width, 4), 255, dtype=np.uint8)
        picture[..., :3] = card(number)
        picture[height // 4 : 3 * height // 4, : width // 4] = (255, 255, 255, 0)
        return VideoFrame.from_ndarray(picture, format="rgba")

    return encode("mov", "prores_ks", pixels="yuva444p10le", draw=draw)


def hd_colour_clip(*, tagged: bool) -> bytes:
    """Encode with the BT.709 matrix: tagged so, or large enough to be taken for it."""

    def draw(number: int, width: int, height: int) -> VideoFrame:
        return frame_of(card(number, width=width, height=height)).reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )

    def prepare(stream: VideoStream) -> None:
        if tagged:
            stream.codec_context.colorspace = 1
            stream.codec_context.color_range = 1

    size = (WIDTH_PX, HEIGHT_PX) if tagged else (1280, 720)
    numbers = range(RATE) if tagged else range(3)
    options = {"preset": "ultrafast"}
    return encode(
        "mp4", "libx264", size=size, numbers=numbers, options=options, prepare=prepare, draw=draw
    )


def grey_clip(codec: str = "libx264") -> bytes:
    """Encode luma only, in limited range: 16 is black, 235 is white."""

    def draw(number: int, width: int, height: int) -> VideoFrame:
        coloured = frame_of(card(number, width=width, height=height)).reformat(format="yuv420p")
        luma = np.ascontiguousarray(coloured.to_ndarray()[:height], dtype=np.uint8)
        return VideoFrame.from_ndarray(luma, format="gray")

    return encode("mp4", codec, pixels="gray", draw=draw, options=QUIET_X265)


def interlaced_clip() -> bytes:
    """Encode MPEG-2 with two interlaced fields in each frame."""
    return encode(
        "mpegts", "mpeg2video", options={"flags": "+ildct+ilme", "b": "2M"}, size=(96, 64)
    )


def shrinking_clip() -> bytes:
    """Join two transport streams; the second half is stored at half the size."""
    make = partial(encode, "mpegts", "libx264", options={"bf": "0", "crf": "10"})
    return make(numbers=range(15)) + make(numbers=range(15, 30), size=(48, 32))
