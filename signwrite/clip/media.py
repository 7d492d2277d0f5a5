"""The containers and codecs that are read: the allow-lists, and how a container begins."""

# Demuxers by FFmpeg's names: MP4/MOV/3GP, WebM/MKV, AVI, MPEG-TS, MPEG-PS, FLV, GIF.
DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "gif")

# Video decoders by FFmpeg's names. AV1 is decoded by dav1d; FFmpeg's own needs a graphics card.
DECODERS = (
    "h264",
    "hevc",
    "libdav1d",
    "vp8",
    "vp9",
    "mpeg4",
    "mpeg2video",
    "mpeg1video",
    "h263",
    "flv",
    "mjpeg",
    "prores",
    "gif",
)

CONTAINERS_IN_WORDS = "MP4, MOV, 3GP, WebM, MKV, AVI, MPEG-TS, MPEG-PS, FLV or GIF"
CODECS_IN_WORDS = (
    "H.264, HEVC, AV1, VP8, VP9, MPEG-4, MPEG-2, MPEG-1, H.263, FLV1, MJPEG, ProRes or GIF"
)

_BOX_NAMES = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_STILL_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
_TS_PACKET_BYTES = (188, 192, 204)
_TS_SYNC = 0x47


def begins_like_a_container(head: bytes) -> bool:
    """Say whether bytes begin like a container on the allow-list.

    It only tells a damaged clip from something that is no video at all; what is read is decided by
    the demuxers' own, stricter probes.

    Args:
        head: the first bytes of the file; a thousand are enough.
    """
    return (
        head[4:8] in _BOX_NAMES
        or head.startswith((b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"FLV\x01", b"GIF8"))
        or (head.startswith(b"RIFF") and head[8:11] == b"AVI")
        or _is_transport_stream(head)
    )


def is_still_picture_file(head: bytes) -> bool:
    """Say whether bytes begin like HEIF or AVIF, which the MP4 demuxer would take for a video."""
    return head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS


def _is_transport_stream(head: bytes) -> bool:
    # The 192-byte variant of cameras puts a 4-byte clock before each packet.
    return any(
        len(head) > start + 2 * size
        and all(head[start + number * size] == _TS_SYNC for number in range(3))
        for size in _TS_PACKET_BYTES
        for start in (0, 4)
    )
