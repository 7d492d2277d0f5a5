"""The clips that must be read, each naming its hazard."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tests.clips.card import HEIGHT_PX, QUIET_X265, RATE, WIDTH_PX, Silence, built, encode
from tests.clips.damage import cut_off, declared_size_clip, scribbled
from tests.clips.pictures import (
    alpha_clip,
    exif_clip,
    grey_clip,
    hd_colour_clip,
    interlaced_clip,
    non_square_clip,
    rotated_clip,
    shrinking_clip,
)
from tests.clips.structures import (
    browser_recording,
    counter_clip,
    covered_clip,
    edited_clip,
    index_first,
    latin1_clip,
    restarted_clip,
    two_videos_clip,
    variable_rate_clip,
)


@dataclass(frozen=True)
class GoodClip:
    """A clip that must be read, and what must be seen in it.

    Attributes:
        hazard: what is unusual about it.
        build: makes the bytes; `content` calls it once.
        width: as displayed, pixels.
        height: as displayed, pixels.
        numbers: the frames' numbers in the order of display.
        duration_s: within 0.05 s.
        at_least: how many of `numbers`, from the first, must be right, in a clip that lost some
            later ones; its duration is not known. All by default.
        look: whether colours, and not only the number, can be checked.
    """

    hazard: str
    build: Callable[[], bytes]
    width: int = WIDTH_PX
    height: int = HEIGHT_PX
    numbers: tuple[int, ...] = tuple(range(RATE))
    duration_s: float = 1.0
    at_least: int | None = None
    look: Literal["colour", "grey", "number"] = "colour"

    @property
    def content(self) -> bytes:
        """The clip's bytes."""
        return built(self.build)


_FAST_VP = {"deadline": "realtime", "cpu-used": "8", "b": "400k"}
_SHARP_AV1 = {"preset": "8", "crf": "8"}
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


_fragmented = partial(encode, "mp4", "libx264", options={"g": "5"}, container_options=_FRAGMENTS)
_indexed = partial(index_first, partial(encode, "mp4", "libx264", options={"g": "5"}))
_streamed = partial(encode, "mpegts", "libx264", options={"g": "5"})
_matroska = partial(encode, "matroska", "libx264", options={"g": "5"})

GOOD: dict[str, GoodClip] = {
    "mp4-h264": GoodClip("the plain case: MP4, H.264, B-frames", counter_clip),
    "mp4-fragmented": GoodClip("MP4 in fragments, no sample table", _fragmented),
    "mp4-index-first": GoodClip("MP4 with its index before the frames", _indexed),
    "mov-h264": GoodClip("MOV", partial(encode, "mov", "libx264")),
    "mkv-h264": GoodClip("MKV; times in whole milliseconds", _matroska),
    "avi-h264": GoodClip(
        "B-frames in AVI, which keeps no times of display", partial(encode, "avi", "libx264")
    ),
    "ts-h264": GoodClip("MPEG-TS; the clock does not start at 0", _streamed),
    "flv-h264": GoodClip("FLV with H.264", partial(encode, "flv", "libx264")),
    "flv-flv1": GoodClip("FLV with Sorenson's H.263", partial(encode, "flv", "flv")),
    "3gp-h264": GoodClip("3GP with H.264", partial(encode, "3gp", "libx264")),
    "3gp-h263": GoodClip(
        "3GP with H.263, whose pixels are 12:11",
        partial(encode, "3gp", "h263", size=(128, 96)),
        width=140,
        height=96,
    ),
    "mp4-hevc": GoodClip("HEVC", partial(encode, "mp4", "libx265", options=QUIET_X265)),
    "mp4-hevc-10bit": GoodClip(
        "10 bits a sample",
        partial(encode, "mp4", "libx265", pixels="yuv420p10le", options=QUIET_X265),
    ),
    "mp4-h264-10bit": GoodClip(
        "10-bit H.264", partial(encode, "mp4", "libx264", pixels="yuv420p10le")
    ),
    "mp4-h264-444": GoodClip(
        "full-resolution chroma", partial(encode, "mp4", "libx264", pixels="yuv444p")
    ),
    "mp4-h264-full-range": GoodClip(
        "full-range YUV, as phones record", partial(encode, "mp4", "libx264", pixels="yuvj420p")
    ),
    "webm-av1": GoodClip("AV1 in WebM", partial(encode, "webm", "libsvtav1", options=_SHARP_AV1)),
    "mp4-av1": GoodClip("AV1 in MP4", partial(encode, "mp4", "libsvtav1", options=_SHARP_AV1)),
    "webm-vp8": GoodClip("VP8", partial(encode, "webm", "libvpx", options=_FAST_VP)),
    "webm-vp9": GoodClip("VP9", partial(encode, "webm", "libvpx-vp9", options=_FAST_VP)),
    "webm-vp9-hidden-frames": GoodClip(
        "VP9 with frames that are decoded but never shown",
        partial(
            encode,
            "webm",
            "libvpx-vp9",
            options={"auto-alt-ref": "1", "lag-in-frames": "16", "b": "400k"},
        ),
    ),
    "webm-browser-vp8": GoodClip(
        "a browser's recording: no duration, no index, audio beside it", browser_recording
    ),
    "webm-browser-vp9": GoodClip(
        "a browser's recording in VP9", partial(browser_recording, "libvpx-vp9")
    ),
    "avi-mpeg4": GoodClip("MPEG-4 part 2 in AVI", partial(encode, "avi", "mpeg4")),
    "avi-mpeg4-packed": GoodClip(
        "MPEG-4 part 2 with B-frames in AVI",
        partial(encode, "avi", "mpeg4", options={"bf": "2", "mpeg_quant": "0", "b": "1M"}),
    ),
    "avi-mjpeg": GoodClip(
        "Motion JPEG: each frame a still, yet a video",
        partial(encode, "avi", "mjpeg", pixels="yuvj420p"),
    ),
    "mov-mjpeg": GoodClip(
        "Motion JPEG in MOV, as cameras write", partial(encode, "mov", "mjpeg", pixels="yuvj420p")
    ),
    "ps-mpeg2": GoodClip("MPEG-2 in a program stream", partial(encode, "vob", "mpeg2video")),
    "ps-mpeg1": GoodClip("MPEG-1 in a program stream", partial(encode, "mpeg", "mpeg1video")),
    "ts-mpeg2": GoodClip("MPEG-2 in a transport stream", partial(encode, "mpegts", "mpeg2video")),
    "mov-prores": GoodClip(
        "ProRes 422, 10 bits", partial(encode, "mov", "prores_ks", pixels="yuv422p10le")
    ),
    "mov-alpha": GoodClip("ProRes 4444 with a transparent part", alpha_clip, look="number"),
    "gif": GoodClip(
        "GIF: a palette, times in hundredths of a second",
        partial(encode, "gif", "gif", pixels="rgb8"),
        look="number",
    ),
    "mp4-grey": GoodClip("no colour planes", grey_clip, look="grey"),
    "mp4-hevc-grey": GoodClip(
        "no colour planes, and a decoder that says so", partial(grey_clip, "libx265"), look="grey"
    ),
    "ts-interlaced": GoodClip("interlaced MPEG-2", interlaced_clip),
    "mp4-rotated-90": GoodClip(
        "stored on its side, to be turned 90 degrees clockwise", partial(rotated_clip, 90)
    ),
    "mp4-rotated-180": GoodClip("stored upside down", partial(rotated_clip, 180)),
    "mp4-rotated-270": GoodClip("stored on its other side", partial(rotated_clip, 270)),
    "mp4-mirrored": GoodClip(
        "stored mirrored, as front cameras do", partial(rotated_clip, 0, mirrored=True)
    ),
    "mp4-mirrored-90": GoodClip(
        "stored mirrored and on its side", partial(rotated_clip, 90, mirrored=True)
    ),
    "mp4-mirrored-180": GoodClip(
        "stored mirrored and upside down", partial(rotated_clip, 180, mirrored=True)
    ),
    "mp4-mirrored-270": GoodClip(
        "stored mirrored and on its other side", partial(rotated_clip, 270, mirrored=True)
    ),
    "mov-exif-rotated": GoodClip("Motion JPEG turned by its Exif block", exif_clip),
    "mp4-non-square": GoodClip("pixels twice as wide as high", non_square_clip, width=192),
    "mp4-bt709-tagged": GoodClip("the BT.709 matrix, tagged", partial(hd_colour_clip, tagged=True)),
    "mp4-bt709-hd": GoodClip(
        "the BT.709 matrix, known only from the size",
        partial(hd_colour_clip, tagged=False),
        width=1280,
        height=720,
        numbers=(0, 1, 2),
        duration_s=0.1,
    ),
    "mp4-variable-rate": GoodClip(
        "20 frames a second, then 5", variable_rate_clip, numbers=tuple(range(25)), duration_s=2.0
    ),
    "mkv-variable-rate": GoodClip(
        "20 frames a second, then 5, in MKV, which does not say how long the last one shows",
        partial(variable_rate_clip, "matroska"),
        numbers=tuple(range(25)),
        duration_s=1.833,
    ),
    "mp4-edit-list": GoodClip(
        "an edit list that hides the first ten frames",
        edited_clip,
        numbers=tuple(range(10, 30)),
        duration_s=2 / 3,
    ),
    "mp4-audio-first": GoodClip(
        "the audio stream comes first",
        partial(encode, "mp4", "libx264", silence=Silence("aac", first=True)),
    ),
    "ts-audio": GoodClip(
        "audio beside the video in a transport stream",
        partial(encode, "mpegts", "libx264", silence=Silence("aac")),
    ),
    "mkv-cover": GoodClip("a cover picture larger than the video", covered_clip),
    "mkv-two-videos": GoodClip("a small preview before the default video", two_videos_clip),
    "ts-restarted": GoodClip("two recordings joined: the clock starts anew", restarted_clip),
    "one-frame": GoodClip(
        "a video of one frame", partial(counter_clip, 1), numbers=(0,), duration_s=1 / 30
    ),
    "two-frames": GoodClip(
        "fewer frames than the model looks at",
        partial(counter_clip, 2),
        numbers=(0, 1),
        duration_s=2 / 30,
    ),
    "mp4-latin1-title": GoodClip("a title that is not UTF-8", latin1_clip),
    "avi-lying-size": GoodClip(
        "headers that declare 30,000 x 30,000 pixels", partial(declared_size_clip, 30_000, 30_000)
    ),
    "ts-size-changes": GoodClip(
        "the frames become smaller half way, as in calls over a poor line", shrinking_clip
    ),
    "ts-damaged": GoodClip(
        "a tenth of the bytes lost in the middle",
        partial(scribbled, _streamed, start=0.45, stop=0.55),
        look="number",
        at_least=8,
    ),
    "mp4-truncated": GoodClip(
        "an upload that broke off: the index is whole, the frames are not",
        partial(cut_off, _indexed, keep=0.7),
        at_least=5,
    ),
    "fragments-truncated": GoodClip(
        "a fragmented MP4 that broke off", partial(cut_off, _fragmented, keep=0.7), at_least=8
    ),
    "mkv-truncated": GoodClip(
        "an MKV that broke off", partial(cut_off, _matroska, keep=0.7), at_least=8
    ),
    "ts-truncated": GoodClip(
        "a transport stream that broke off", partial(cut_off, _streamed, keep=0.7), at_least=8
    ),
}
