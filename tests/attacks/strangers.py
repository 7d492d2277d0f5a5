"""Files that are something else, or several things at once."""

import struct
import zipfile
from collections.abc import Callable
from functools import partial
from io import BytesIO

from tests.attacks.boxes import box, with_bytes
from tests.clips import audio_only, counter_clip, still
from tests.clips.card import encode

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://x)>>>>endobj\n%%EOF"
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(200)
SCRIPT = b"#!/bin/sh\ntouch /tmp/owned\n"
PICKLE = (
    b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."
)
HTML = b"<!doctype html><script>alert(1)</script>"
PHP = b"<?php system($_GET['c']); ?>"


def zipped(content: bytes) -> bytes:
    """An archive of one file."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../clip.mp4", content)
    return target.getvalue()


def after(head: bytes) -> bytes:
    """A clip after the bytes of something else."""
    return head + counter_clip()


def before(tail: bytes) -> bytes:
    """A clip before the bytes of something else."""
    return counter_clip() + tail


def hidden_in_free(content: bytes) -> bytes:
    """A clip with something else in a box that players skip."""
    clip = counter_clip()
    (size,) = struct.unpack_from(">I", clip)
    return clip[:size] + clip[size:] + box(b"free", content)


def encrypted() -> bytes:
    """An MP4 that says its frames are encrypted, as streaming services' are."""
    clip = counter_clip()
    place = clip.index(b"avc1", clip.index(b"stsd"))
    return clip[:place] + b"encv" + clip[place + 4 :]


def codec_tag(tag: bytes) -> bytes:
    """An MP4 that says its frames are of another codec."""
    clip = counter_clip()
    place = clip.index(b"avc1", clip.index(b"stsd"))
    return clip[:place] + tag + clip[place + 4 :]


def brand(name: bytes) -> bytes:
    """An MP4 of another brand."""
    return with_bytes(counter_clip(), b"ftyp", 0, name)


OTHERS: dict[str, Callable[[], bytes]] = {
    "pdf": lambda: PDF,
    "elf": lambda: ELF,
    "script": lambda: SCRIPT,
    "pickle": lambda: PICKLE,
    "html": lambda: HTML,
    "php": lambda: PHP,
    "zip": partial(zipped, b"x" * 1000),
    "zip-of-a-clip": lambda: zipped(counter_clip()),
    "one-byte": lambda: b"\0",
    "newline": lambda: b"\n",
    "utf16": lambda: "Ich bin kein Video".encode("utf-16"),
    "null-and-text": lambda: b"\0" * 512 + b"text",
    "riff-wave": lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(28),
    "riff-webp": lambda: b"RIFF\x1a\0\0\0WEBPVP8 " + bytes(20),
    "ebml-only": lambda: b"\x1a\x45\xdf\xa3\x80",
    "ts-sync-only": lambda: (b"\x47" + bytes(187)) * 20,
    "ps-start-only": lambda: b"\x00\x00\x01\xba" + bytes(400),
    "flv-head-only": lambda: b"FLV\x01\x05\0\0\0\x09\0\0\0\0",
    "gif-head-only": lambda: b"GIF89a",
    "h264-bare": partial(encode, "h264", "libx264"),
    "hevc-bare": partial(encode, "hevc", "libx265", options={"x265-params": "log-level=none"}),
    "mpeg2-bare": partial(encode, "mpeg2video", "mpeg2video"),
    "mjpeg-bare": partial(encode, "mjpeg", "mjpeg", pixels="yuvj420p"),
    "ivf": partial(encode, "ivf", "libvpx", options={"deadline": "realtime", "cpu-used": "8"}),
    "y4m": partial(encode, "yuv4mpegpipe", "rawvideo"),
    "ogg-audio": partial(audio_only, "ogg", "libopus"),
    "flac": partial(audio_only, "flac", "flac"),
    "aac-adts": partial(audio_only, "adts", "aac"),
    "aiff": partial(audio_only, "aiff", "pcm_s16be"),
    "ac3": partial(audio_only, "ac3", "ac3"),
    "mkv-audio": partial(audio_only, "matroska", "libopus"),
    "webm-audio": partial(audio_only, "webm", "libopus"),
    "mov-audio": partial(audio_only, "mov", "pcm_s16le"),
    "ts-audio": partial(audio_only, "mpegts", "aac"),
    "flv-audio": partial(audio_only, "flv", "aac"),
    "avi-audio": partial(audio_only, "avi", "pcm_s16le"),
    "png": partial(still, "png"),
    "apng": partial(encode, "apng", "apng", pixels="rgb24"),
    "bmp": partial(still, "bmp", pixels="bgr24"),
    "tiff": partial(still, "tiff"),
    "webp": partial(encode, "webp", "libwebp", pixels="yuv420p", numbers=(1,)),
    "webp-moving": partial(encode, "webp", "libwebp_anim", pixels="yuv420p"),
    "jpeg2000": partial(still, "jpeg2000"),
    "gif-still": partial(encode, "gif", "gif", pixels="rgb8", numbers=(1,)),
    "codec-ffv1": partial(encode, "matroska", "ffv1"),
    "codec-raw": partial(encode, "matroska", "rawvideo"),
    "codec-png": partial(encode, "mov", "png", pixels="rgb24"),
    "codec-qtrle": partial(encode, "mov", "qtrle", pixels="rgb24"),
    "codec-dnxhd": partial(
        encode,
        "mov",
        "dnxhd",
        pixels="yuv422p",
        size=(256, 128),
        options={"profile": "dnxhr_lb"},
    ),
    "codec-msmpeg4": partial(encode, "avi", "msmpeg4"),
    "codec-wmv1": partial(encode, "avi", "wmv1"),
    "codec-flashsv": partial(encode, "flv", "flashsv", pixels="bgr24"),
    "codec-cinepak": partial(encode, "avi", "cinepak", pixels="rgb24"),
    "codec-jpegls": partial(encode, "avi", "jpegls", pixels="bgr24"),
    "codec-unknown": partial(codec_tag, b"zzzz"),
    "codec-lies-hevc": partial(codec_tag, b"hvc1"),
    "codec-lies-av1": partial(codec_tag, b"av01"),
    "codec-lies-vp9": partial(codec_tag, b"vp09"),
    "codec-lies-prores": partial(codec_tag, b"apcn"),
    "codec-lies-mjpeg": partial(codec_tag, b"jpeg"),
    "encrypted": encrypted,
    "brand-heic": partial(brand, b"heic"),
    "brand-avif": partial(brand, b"avif"),
    "brand-unknown": partial(brand, b"zzzz"),
    "brand-m4a": partial(brand, b"M4A "),
    "after-text": partial(after, b"This is a video.\n"),
    "after-html": partial(after, HTML),
    "after-png": lambda: still("png") + counter_clip(),
    "after-pdf": partial(after, PDF),
    "after-zip": lambda: zipped(b"x") + counter_clip(),
    "after-elf": partial(after, ELF),
    "after-kilobyte-of-zeros": partial(after, bytes(1024)),
    "before-zip": lambda: before(zipped(b"x")),
    "before-php": partial(before, PHP),
    "before-noise": partial(before, bytes(range(256)) * 64),
    "hiding-html": partial(hidden_in_free, HTML),
    "hiding-elf": partial(hidden_in_free, ELF),
    "twice": lambda: counter_clip() + counter_clip(),
    "gif-script": lambda: b"GIF89a/*" + bytes(8) + b"*/=1;alert(1)",
}
"""By name."""
