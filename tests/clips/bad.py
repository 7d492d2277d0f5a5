"""The clips that must be refused, each naming what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from signwrite.errors import (
    ClipError,
    LimitExceededError,
    UnsupportedMediaError,
    UnusableClipError,
)
from tests.clips.card import built, encode
from tests.clips.damage import cut_off, scribbled
from tests.clips.structures import audio_only, counter_clip, still


@dataclass(frozen=True)
class BadClip:
    """A clip that must be refused.

    Attributes:
        hazard: what is wrong with it.
        build: makes the bytes; `content` calls it once.
        error: what must be raised, exactly.
    """

    hazard: str
    build: Callable[[], bytes]
    error: type[ClipError] = UnusableClipError

    @property
    def content(self) -> bytes:
        """The clip's bytes."""
        return built(self.build)


_matroska = partial(encode, "matroska", "libx264", options={"g": "5"})

_PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
_CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
_SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
_DASH = b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>'
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'

BAD: dict[str, BadClip] = {
    "empty": BadClip("no byte at all", bytes),
    "text": BadClip("plain text", lambda: b"This is no video. " * 100, UnsupportedMediaError),
    "zeros": BadClip("a file of zeros", lambda: bytes(4096), UnsupportedMediaError),
    "noise": BadClip("noise", lambda: np.random.default_rng(1).bytes(4096), UnsupportedMediaError),
    "png": BadClip("a still PNG", partial(still, "png"), UnsupportedMediaError),
    "jpeg": BadClip(
        "a still JPEG", partial(still, "mjpeg", pixels="yuvj420p"), UnsupportedMediaError
    ),
    "avif": BadClip(
        "a still AVIF, which is built like an MP4",
        partial(still, "libsvtav1", container="avif", pixels="yuv420p"),
        UnsupportedMediaError,
    ),
    "svg": BadClip("an SVG that names a file", lambda: _SVG, UnsupportedMediaError),
    "playlist-hls": BadClip(
        "an HLS playlist that names a file", lambda: _PLAYLIST, UnsupportedMediaError
    ),
    "playlist-concat": BadClip(
        "a concat script that names a file", lambda: _CONCAT, UnsupportedMediaError
    ),
    "playlist-dash": BadClip("a DASH manifest", lambda: _DASH, UnsupportedMediaError),
    "sdp": BadClip(
        "a session description that would open a socket", lambda: _SDP, UnsupportedMediaError
    ),
    "wav": BadClip("audio: WAV", partial(audio_only, "wav", "pcm_s16le"), UnsupportedMediaError),
    "mp3": BadClip("audio: MP3", partial(audio_only, "mp3", "libmp3lame"), UnsupportedMediaError),
    "mp4-audio-only": BadClip("an MP4 with audio only", partial(audio_only, "mp4", "aac")),
    "mkv-cover-only": BadClip(
        "audio with a cover picture, which is no video",
        partial(audio_only, "matroska", "aac", cover=True),
    ),
    "codec-off-list": BadClip(
        "a codec that is not on the list",
        partial(encode, "matroska", "ffv1"),
        UnsupportedMediaError,
    ),
    "mp4-cut-before-index": BadClip(
        "an MP4 that broke off before its index", partial(cut_off, counter_clip, keep=0.5)
    ),
    "mp4-head-only": BadClip(
        "the first bytes of an MP4", partial(cut_off, counter_clip, keep=0.01)
    ),
    "mkv-head-only": BadClip("the first bytes of an MKV", partial(cut_off, _matroska, keep=0.02)),
    "mp4-frames-destroyed": BadClip(
        "the index is whole, every frame is noise",
        partial(scribbled, counter_clip, start=0.02, stop=0.55),
    ),
    "avi-frames-destroyed": BadClip(
        "Motion JPEG whose frames are noise",
        partial(scribbled, partial(encode, "avi", "mjpeg", pixels="yuvj420p"), start=0.2, stop=1.0),
    ),
    "too-long": BadClip(
        "one frame a second for 61 s",
        partial(encode, "mp4", "libx264", numbers=tuple(range(61)), rate=1),
        LimitExceededError,
    ),
    "too-many-frames": BadClip(
        "7,201 frames in 30 s",
        partial(encode, "mp4", "mpeg4", numbers=(0,) * 7_201, rate=240, size=(16, 16)),
        LimitExceededError,
    ),
    "too-wide": BadClip(
        "4,112 pixels wide",
        partial(encode, "avi", "mjpeg", pixels="yuvj420p", numbers=(0,), size=(4112, 1024)),
        LimitExceededError,
    ),
    "too-elongated": BadClip(
        "sixteen times as wide as high",
        partial(encode, "mp4", "libx264", numbers=(0,), size=(1024, 64)),
        LimitExceededError,
    ),
}
