"""From packets to frames in the order of display, each with its time, held against the limits.

Packets are read before any is decoded: their timestamps give the clip's span, and absurd clips are
refused early. Frames are handed out one by one and never kept here.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter
from typing import TYPE_CHECKING

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from signwrite.clip import media
from signwrite.clip.container import (
    Source,
    choose_stream,
    content_of,
    hard_pixel_limit,
    open_container,
    read_packets,
)
from signwrite.clip.faults import FAULTS, faults_become
from signwrite.clip.limits import Limits
from signwrite.clip.pixels import DecodedFrame, orientation_of_frame
from signwrite.errors import UnusableClipError
from signwrite.frames import displayed_size
from signwrite.sampling import Span, nearest, reset_offsets, span_of

if TYPE_CHECKING:
    from av.packet import Packet  # generic in its stub only
    from av.video.stream import VideoStream

# As many frames are under way while one is resized; more of them only take memory.
_DECODER_THREADS = 4
_SKIPPING = {"h264", "hevc"}  # decoders that pass over frames which no other refers to
_RESET_TOLERANCE_S = Fraction(1, 4)


@dataclass(frozen=True)
class ClipInfo:
    """What was learnt of a clip by reading it.

    Attributes:
        duration_s: from the first frame to the end of the last, from timestamps.
        width: as displayed: after pixel aspect and rotation, pixels.
        height: likewise.
        frames_decoded: how many frames were really decoded.
    """

    duration_s: float
    width: int
    height: int
    frames_decoded: int


class OpenClip:
    """A clip that is open for reading, once, from its first frame; `opened` makes it.

    Attributes:
        span: the time the clip takes, in ticks of `time_base`.
        time_base: seconds in a tick.
        frames_decoded: how many frames were decoded so far.
    """

    def __init__(self, container: InputContainer, *, limits: Limits, bytes_given: int) -> None:
        """Choose the video stream and read its packets.

        Raises:
            ClipError: as `opened`.
        """
        self._limits = limits
        with faults_become(UnusableClipError("a video stream; received damaged stream headers")):
            limits.check_streams(len(container.streams))
            self._stream = choose_stream(container)
            if self._stream.time_base is None:
                raise UnusableClipError("a video stream with a clock; received one without")
            self.time_base: Fraction = self._stream.time_base
            self._pixel_aspect = float(self._stream.sample_aspect_ratio or 1)
            declared = (self._stream.codec_context.width, self._stream.codec_context.height)
        limits.check_stored_size(*declared)
        self._packets = read_packets(
            container, self._stream, limits=limits, most_bytes=2 * bytes_given
        )
        # AVI keeps no times of display, only an order; FFmpeg's guesses are wrong with B-frames.
        self._timed_by_place = container.format.name == "avi" or any(
            packet.pts is None for packet in self._packets
        )
        self._timeline = self._run_on()
        if not self._timeline:
            raise UnusableClipError("at least one frame; received none")
        self.span: Span = span_of(self._timeline, last_duration=self._last_duration())
        limits.check_seconds(self.duration_s)
        self._reformatter = VideoReformatter()
        self._errors = 0
        self._pixels = 0
        self.frames_decoded = 0

    @property
    def duration_s(self) -> float:
        """The clip's length in seconds."""
        return float((self.span.end - self.span.start) * self.time_base)

    def seconds(self, pts: int) -> float:
        """Return a timestamp in ticks as seconds from the clip's first frame."""
        return float((pts - self.span.start) * self.time_base)

    def nearest_times(self, targets: Iterable[Fraction]) -> frozenset[int]:
        """Return when the frames show that are nearest to some times, all in ticks.

        Args:
            targets: times in ticks, never falling.
        """
        return frozenset(
            time for time, _ in nearest(((time, None) for time in self._timeline), targets)
        )

    def frames(self, wanted: frozenset[int] | None = None) -> Iterator[tuple[int, DecodedFrame]]:
        """Decode the clip; packets are let go as they are decoded.

        Args:
            wanted: when the frames show that are needed, in ticks; all by default. A frame that is
                not needed, neither here nor for decoding another, may be left out.

        Yields:
            (pts in ticks, frame) in the order of display, pts never falling.

        Raises:
            LimitExceededError: what was decoded is more than a limit allows.
            UnusableClipError: there is no frame, or too much is damaged.
        """
        context = self._stream.codec_context
        context.thread_type = "AUTO"
        context.thread_count = _DECODER_THREADS
        context.options = {
            "codec_whitelist": ",".join(media.DECODERS),
            "max_pixels": str(hard_pixel_limit(self._limits)),
        }
        latest = self.span.start
        skips = self._stream.codec_context.name in _SKIPPING and not self._timed_by_place
        for stored in self._stored_frames(wanted if skips else None):
            latest = max(latest, self._time_of(stored))
            yield latest, self._checked(stored, latest)
        if not self.frames_decoded:
            raise UnusableClipError("at least one frame that can be decoded; received none")

    def _run_on(self) -> list[int]:
        """Mend clocks that start anew, in the packets; return when frames show, sorted, ticks."""
        tolerance = int(_RESET_TOLERANCE_S / self.time_base)
        offsets = reset_offsets(
            [packet.dts for packet in self._packets],
            [packet.pts for packet in self._packets],
            tolerance=tolerance,
        )
        shown: list[int] = []
        for packet, offset in zip(self._packets, offsets, strict=True):
            if packet.pts is not None:
                packet.pts += offset
            if packet.dts is not None:
                packet.dts += offset
            time = packet.dts if packet.pts is None else packet.pts
            if not packet.is_discard:  # before an edit list's start: decoded, never shown
                shown.append(time if time is not None else self._guessed_time(len(shown)))
        return sorted(shown)

    def _guessed_time(self, place: int) -> int:
        rate = self._stream.guessed_rate or Fraction(25)
        return int(place / (rate * self.time_base))

    def _last_duration(self) -> int | None:
        timed = [(packet.pts, packet) for packet in self._packets if packet.pts is not None]
        return max(timed, key=itemgetter(0))[1].duration if timed else None

    def _stored_frames(self, wanted: frozenset[int] | None) -> Iterator[VideoFrame]:
        context = self._stream.codec_context
        while self._packets:
            packet = self._packets.popleft()
            if wanted is not None:
                needed = packet.pts in wanted or self._errors > 0  # where it is damaged, all may be
                context.skip_frame = "DEFAULT" if needed else "NONREF"
            yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        """Decode one packet, or with None what the decoder still holds."""
        try:
            return self._stream.codec_context.decode(packet)
        except FAULTS as error:
            self._errors += 1
            if self._errors > self._limits.max_decode_errors:
                raise UnusableClipError(
                    f"at most {self._limits.max_decode_errors} damaged packets; received more"
                ) from error
            return []

    def _time_of(self, stored: VideoFrame) -> int:
        """Return when a frame shows; where that is not known, when a frame at its place should."""
        if stored.pts is not None and not self._timed_by_place:
            return stored.pts
        return self._timeline[min(self.frames_decoded, len(self._timeline) - 1)]

    def _checked(self, stored: VideoFrame, pts: int) -> DecodedFrame:
        """Count a frame and hold it against every limit."""
        self.frames_decoded += 1
        self._limits.check_frames(self.frames_decoded)
        self._limits.check_seconds(self.seconds(pts))
        self._limits.check_stored_size(stored.width, stored.height)
        self._pixels += stored.width * stored.height
        self._limits.check_total_pixels(self._pixels)
        orientation = orientation_of_frame(stored)
        width, height = displayed_size(
            stored.width, stored.height, pixel_aspect=self._pixel_aspect, orientation=orientation
        )
        self._limits.check_displayed_size(width, height)
        return DecodedFrame(
            self.seconds(pts), width, height, stored, orientation, self._reformatter
        )


@contextmanager
def opened(source: Source, *, limits: Limits) -> Iterator[OpenClip]:
    """Open a clip and read its packets; nothing is decoded yet.

    Args:
        source: the clip's bytes, or a file to read them from.
        limits: how large it may be.

    Raises:
        InputError: the path cannot be read.
        LimitExceededError: the clip is too long, has too many frames or too large ones.
        UnsupportedMediaError: not a video container or codec on the allow-list.
        UnusableClipError: damaged, empty or without a video stream.
    """
    content = content_of(source)
    container = open_container(content, limits=limits)
    try:
        yield OpenClip(container, limits=limits, bytes_given=len(content))
    finally:
        container.close()


def decoded_frames(source: Source, *, limits: Limits | None = None) -> Iterator[DecodedFrame]:
    """Decode every frame of a video, one at a time.

    Args:
        source: as `opened`.
        limits: as `opened`; the defaults of `Limits` by default.

    Yields:
        Frames in the order of display.

    Raises:
        InputError: as `opened`.
        ClipError: as `opened` and `OpenClip.frames`.
    """
    with opened(source, limits=limits or Limits()) as clip:
        for _, frame in clip.frames():
            yield frame
