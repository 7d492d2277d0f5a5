"""Reads videos for the pipeline: their duration, and every frame in order with its own time.

With `signwrite.clip`, the place that decodes. Videos are opened as what strangers sent.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.annotations.intervals import TIME_SLACK_S
from signwrite.bundle import sha256_of
from signwrite.clip import media
from signwrite.clip.container import choose_stream
from signwrite.errors import InputError

SLACK_S = Fraction(str(TIME_SLACK_S))
_HEADER_SLACK_S = 1.0  # a header may promise this much more than the file holds
# The videos come from strangers: no playlists, no other files, no network.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(media.DEMUXERS),
    "codec_whitelist": ",".join(media.DECODERS),
}


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What is read of a video before it is cut: its content's hash and its duration in seconds."""

    sha256: str
    duration_s: float


@dataclass(frozen=True)
class TimedFrame:
    """A decoded frame, its index in the video, and its time in seconds as a player shows it."""

    index: int
    time_s: Fraction
    frame: VideoFrame


def inspect_video(video: Path) -> VideoFacts:
    """Read every packet of a video, without decoding it.

    Raises:
        InputError: the file ends before its header says, or holds no frame.
        ClipError: there is no video stream, or none that can be read.
        av.FFmpegError: it cannot be read.
    """
    with opened(video) as container:
        stream = choose_stream(container)
        rate = stream.average_rate or Fraction(25)
        end_s = Fraction(-1)
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue  # the demuxer's closing packet, which is empty
            duration = (packet.duration or 0) * packet.time_base or 1 / rate
            end_s = max(end_s, packet.pts * packet.time_base + duration - _offset_s(container))
        header_s = _duration_s_from_header(container, stream)
    if end_s <= 0:
        raise InputError(f"{video.name}: wanted frames; received none")
    if header_s > end_s + _HEADER_SLACK_S:
        raise InputError(
            f"{video.name}: wanted {header_s:.3f} s, as its header says; "
            f"received {float(end_s):.3f} s"
        )
    return VideoFacts(sha256=sha256_of(video), duration_s=max(float(end_s), header_s))


def _duration_s_from_header(container: InputContainer, stream: VideoStream) -> float:
    """Return what the header says of the stream, or of a file that holds nothing else; or 0."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1
    return max(container.duration or 0, 0) / av.time_base if alone else 0.0


def opened(video: Path) -> InputContainer:
    """Open a video file as untrusted input; the caller closes it.

    Raises:
        av.FFmpegError: it is no video of an allowed kind, or cannot be read.
    """
    # Absolute: a relative path such as "a:b.mp4" would name a protocol.
    return av.open(
        str(video.absolute()), mode="r", metadata_errors="replace", options=dict(_OPEN_OPTIONS)
    )


@contextmanager
def frame_run(video: Path) -> Iterator["FrameRun"]:
    """Open a video and decode it from its first frame on.

    Raises:
        InputError: while frames are taken: as `timed_frames`.
        ClipError: there is no video stream, or none that can be read.
        av.FFmpegError: it cannot be opened, or, while frames are taken, decoded.
    """
    with opened(video) as container, closing(timed_frames(container)) as frames:
        yield FrameRun(frames, choose_stream(container))


def _offset_s(container: InputContainer) -> Fraction:
    """Return the time that a player shows as 0."""
    return Fraction(container.start_time or 0, av.time_base)


def timed_frames(container: InputContainer) -> Generator[TimedFrame, None, None]:
    """Decode every frame, in order of display.

    Raises:
        InputError: a frame is damaged, or its time does not follow the time before.
        ClipError: there is no video stream, or none that can be read.
        av.FFmpegError: the video cannot be decoded.
    """
    offset_s = _offset_s(container)
    stream = choose_stream(container)
    stream.thread_type = "AUTO"
    latest_s = None
    for index, frame in enumerate(container.decode(stream)):
        if frame.pts is None or frame.time_base is None or frame.is_corrupt:
            raise InputError(f"frame {index}: wanted a whole frame with a timestamp; received none")
        time_s = frame.pts * frame.time_base - offset_s
        if latest_s is not None and time_s <= latest_s:
            raise InputError(
                f"frame {index}: wanted a time after {float(latest_s):.3f} s; "
                f"received {float(time_s):.3f} s"
            )
        latest_s = time_s
        yield TimedFrame(index, time_s, frame)


class FrameRun:
    """A video's frames, handed out interval by interval in one pass.

    Attributes:
        stream: where the frames come from.
    """

    def __init__(self, frames: Iterator[TimedFrame], stream: VideoStream) -> None:
        """Start before the first frame."""
        self.stream = stream
        self._frames = frames
        self._next: TimedFrame | None = None

    def take(self, start_s: float, end_s: float) -> Iterator[TimedFrame]:
        """Yield the frames with start_s <= time < end_s; intervals must come in order of time."""
        start, end = Fraction(start_s) - SLACK_S, Fraction(end_s) - SLACK_S
        while (timed := self._next or next(self._frames, None)) is not None:
            self._next = timed
            if timed.time_s >= end:
                return
            self._next = None
            if timed.time_s >= start:
                yield timed
