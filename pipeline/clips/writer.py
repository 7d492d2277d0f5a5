"""Writes clips from decoded frames, without a detour over RGB: planes go in as they came out."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from pipeline.clips.footage import TimedFrame, opened
from signwrite.clip.container import choose_stream
from signwrite.clip.pixels import orientation_of_frame
from signwrite.errors import InputError
from signwrite.frames import UPRIGHT, Orientation

CODEC = "libx264"
CRF = 16  # nearly without loss: 53 dB of luma PSNR to the source, measured on webcam footage
PRESET = "veryfast"  # half the time of "fast" for the same quality and a tenth more bytes


def encoding(fps: Fraction | None) -> str:
    """Name how clips are written; part of the manifest, so that a change cuts them anew."""
    rate = "source timestamps" if fps is None else f"{fps} fps"
    return f"{CODEC} crf {CRF} {PRESET}, {rate}"


class ClipWriter:
    """Encodes the frames of one clip, upright, from timestamp 0 on.

    Attributes:
        first: the clip's first frame; None before it came.
        frames: frames written.
        width: in pixels, once the first frame came.
        height: likewise.
    """

    def __init__(self, partial: Path, source: VideoStream, *, fps: Fraction | None) -> None:
        """Open the file.

        Args:
            partial: where to write.
            source: the stream the frames will come from.
            fps: constant frame rate; None keeps the frames' own times.
        """
        self.first: TimedFrame | None = None
        self.frames = self.width = self.height = 0
        self._source = source
        self._fps = fps
        self._held: VideoFrame | None = None
        self._orientation = UPRIGHT
        self._upright: Graph | None = None
        # bitexact: no version or date in the file, so that the same frames give the same bytes.
        self._container = av.open(
            str(partial), mode="w", format="mp4", options={"fflags": "+bitexact"}
        )
        self._stream: VideoStream | None = None
        self._time_base = Fraction(1, 90_000)

    def add(self, timed: TimedFrame) -> None:
        """Take the next frame; at a constant rate it stays on screen until the one after it."""
        if self._fps is not None:
            self._fill(timed.time_s)
        if self.first is None:
            self._orientation = orientation_of_frame(timed.frame)
        frame = self._turned(timed.frame)
        if self.first is None:
            self.first = timed
            self._start(frame, timed.frame)
        elif (frame.width, frame.height) != (self.width, self.height):
            raise InputError(
                f"frame {timed.index}: wanted {self.width}x{self.height}; "
                f"received {frame.width}x{frame.height}"
            )
        self._held = frame
        if self._fps is None:
            self._encode(frame, at_s=timed.time_s - self.first.time_s)

    def finish(self, end_s: Fraction) -> None:
        """Write what is due until the end of the interval, and the encoder's remainder."""
        if self._fps is not None:
            self._fill(end_s)
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _fill(self, until_s: Fraction) -> None:
        """Write the held frame into every slot of the constant rate that begins before a time."""
        while (
            self._held is not None
            and self.first is not None
            and self._fps is not None
            and self.first.time_s + self.frames / self._fps < until_s
        ):
            self._encode(self._held, at_s=self.frames / self._fps)

    def _encode(self, frame: VideoFrame, *, at_s: Fraction) -> None:
        if self._stream is None:
            raise AssertionError  # `add` starts the stream with the first frame
        frame.time_base = self._time_base
        frame.pts = round(at_s / self._time_base)
        if self._fps is not None:
            frame.duration = 1
        frame.pict_type = PictureType.NONE  # else x264 repeats the source's choice of key frames
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def _start(self, frame: VideoFrame, source_frame: VideoFrame) -> None:
        rate = self._fps or self._source.average_rate or Fraction(25)
        # One thread and no macroblock tree: the same bytes on each run (with the tree, one in some
        # hundred encodings of the same small frames differed). No reordering: timestamps from 0.
        options = {"crf": str(CRF), "preset": PRESET, "bf": "0", "mbtree": "0"}
        stream = cast("VideoStream", self._container.add_stream(CODEC, rate=rate, options=options))
        context = stream.codec_context
        context.thread_count = 1
        context.width, context.height = self.width, self.height = frame.width, frame.height
        context.pix_fmt = "yuv420p"
        if self._fps is not None:
            self._time_base = 1 / self._fps
        elif source_frame.time_base is not None:
            self._time_base = source_frame.time_base
        context.time_base = self._time_base
        aspect = self._source.sample_aspect_ratio
        if aspect:
            context.sample_aspect_ratio = 1 / aspect if self._orientation.transposed else aspect
        context.color_range, context.colorspace = frame.color_range, frame.colorspace
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
        self._stream = stream

    def _turned(self, frame: VideoFrame) -> VideoFrame:
        """Apply the display rotation; make the sides even and the pixels 8-bit 4:2:0."""
        odd = frame.width % 2 or frame.height % 2
        if not (self._orientation != UPRIGHT or odd or frame.format.name != "yuv420p"):
            return frame
        if self._upright is None:
            self._upright = _upright(frame, self._orientation)
        self._upright.vpush(frame)
        return self._upright.vpull()


def _upright(frame: VideoFrame, orientation: Orientation) -> Graph:
    """Build FFmpeg's filters for `ClipWriter._turned`; an odd last row or column is cropped."""
    turns = [
        step
        for step, wanted in (
            ("transpose=cclock_flip", orientation.transposed),  # rows become columns
            ("hflip", orientation.flipped_x),
            ("vflip", orientation.flipped_y),
        )
        if wanted
    ]
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    for step in (*turns, "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0", "format=yuv420p"):
        name, _, arguments = step.partition("=")
        node = graph.add(name, arguments or None)
        last.link_to(node)
        last = node
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def verify_clip(partial: Path, writer: ClipWriter) -> Fraction:
    """Read the clip back: its packets must be the frames written. Return its mean frame rate."""
    with opened(partial) as container:
        stream = choose_stream(container)
        packets = sum(packet.pts is not None for packet in container.demux(stream))
        found = (packets, stream.codec_context.width, stream.codec_context.height)
        rate = stream.average_rate
    wanted = (writer.frames, writer.width, writer.height)
    if found != wanted or rate is None:
        raise InputError(
            f"{partial.name}: wanted frames, width, height {wanted} on disk; received {found}"
        )
    return rate
