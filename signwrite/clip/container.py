"""The way into FFmpeg: bytes to a container, its video stream and that stream's packets.

Bytes reach FFmpeg through a nameless buffer with allow-lists for demuxers, decoders and protocols,
so that nothing in a clip can make it open a file or a socket.
"""

from collections import deque
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from signwrite.clip import media
from signwrite.clip.faults import FAULTS, faults_become
from signwrite.clip.limits import Limits
from signwrite.errors import ClipError, InputError, UnsupportedMediaError, UnusableClipError

if TYPE_CHECKING:
    from av.packet import Packet  # generic in its stub only

Source = bytes | Path | BinaryIO

_OPEN_TIMEOUT_S = 5
_HEAD_BYTES = 1024
_FFMPEG_INT_MAX = 2**31 - 1
_NOT_A_VIDEO = (
    Disposition.attached_pic.value
    | Disposition.still_image.value
    | Disposition.timed_thumbnails.value
)


def content_of(source: Source) -> bytes:
    """Return a clip's bytes.

    Raises:
        InputError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except OSError as error:
        raise InputError(f"a file that can be read; received {source}") from error


def open_container(content: bytes, *, limits: Limits) -> InputContainer:
    """Open a clip's bytes; the caller closes the container.

    Raises:
        UnsupportedMediaError: not a container on the allow-list.
        UnusableClipError: empty, or of a known kind but damaged.
    """
    if not content:
        raise UnusableClipError("a video; received 0 bytes")
    head = content[:_HEAD_BYTES]
    unsupported = UnsupportedMediaError(
        f"a video as {media.CONTAINERS_IN_WORDS}; received something else"
    )
    if media.is_still_picture_file(head):
        raise unsupported
    damaged = UnusableClipError("a whole video; received one whose structure is damaged")
    with faults_become(damaged if media.begins_like_a_container(head) else unsupported):
        return av.open(
            BytesIO(content),
            mode="r",
            metadata_errors="replace",
            timeout=_OPEN_TIMEOUT_S,
            options={
                "format_whitelist": ",".join(media.DEMUXERS),
                "protocol_whitelist": "none",
                "codec_whitelist": ",".join(media.DECODERS),  # while streams are probed
                "max_pixels": str(hard_pixel_limit(limits)),  # likewise
                # Some more than are wanted, so that they can be counted and named as the fault.
                "max_streams": str(4 * limits.max_streams),
            },
        )


def hard_pixel_limit(limits: Limits) -> int:
    """Return where the decoder itself gives up, before it takes memory for a frame.

    Decoders count their padding too, so this lies above what `Limits` allows; frames between the
    two are refused after decoding, with a message that names the limit.
    """
    return min(2 * limits.max_pixels_per_frame + 2**16, _FFMPEG_INT_MAX)


def choose_stream(container: InputContainer) -> VideoStream:
    """Return the moving picture: on the allow-list, the default one, then the largest.

    Raises:
        UnsupportedMediaError: no stream's codec is on the allow-list.
        UnusableClipError: there is no video stream.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & _NOT_A_VIDEO]
    if not moving:
        raise UnusableClipError("a clip with a video stream; received one without")
    readable = [
        stream
        for stream in moving
        if stream.codec_context is not None and stream.codec_context.name in media.DECODERS
    ]
    if not readable:
        raise UnsupportedMediaError(
            f"a video coded as {media.CODECS_IN_WORDS}; received another codec"
        )
    chosen = max(
        readable,
        key=lambda stream: (
            bool(stream.disposition & Disposition.default),
            stream.codec_context.width * stream.codec_context.height,
            -stream.index,
        ),
    )
    for stream in container.streams:
        if stream.index != chosen.index:
            stream.discard = Discard.all
    return chosen


def read_packets(
    container: InputContainer, stream: VideoStream, *, limits: Limits, most_bytes: int
) -> "deque[Packet[VideoStream]]":
    """Read the stream's packets, as far as they can be read.

    Raises:
        LimitExceededError: there are more than `max_frames`.
        UnusableClipError: they hold more bytes than the clip could (samples that share bytes).
    """
    packets: deque[Packet[VideoStream]] = deque()
    size = 0
    try:
        for packet in container.demux(stream):
            if not packet.size:  # a frame that was left out, or PyAV's mark of the end
                continue
            packets.append(packet)
            limits.check_frames(len(packets))
            size += packet.size
            if size > most_bytes:
                raise UnusableClipError("frames no larger than the clip; received more")
    except ClipError:
        raise
    except FAULTS as error:
        if not packets:
            raise UnusableClipError("frames that can be read; received none") from error
    return packets
