"""Files that name other files or addresses: nothing of it may be opened.

Each is made for one canary: a file on disk and a listener on loopback, `Canary`, which a test sets
up and looks at afterwards.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.attacks.boxes import box, with_body
from tests.clips import counter_clip


@dataclass(frozen=True)
class Canary:
    """What must not be touched.

    Attributes:
        path: of a file.
        url: of a listener.
    """

    path: str
    url: str

    @property
    def names(self) -> dict[str, str]:
        """What a reference may say, by a word for it."""
        return {"file": f"file://{self.path}", "path": self.path, "url": self.url}


def _hls(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n".encode()


def _hls_master(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n".encode()


def _hls_key(target: str) -> bytes:
    return f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:1,\n{target}\n'.encode()


def _hls_concat(target: str) -> bytes:
    return f"#EXTM3U\n#EXTINF:1,\nconcat:{target}|{target}\n".encode()


def _concat(target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def _dash(target: str) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        f"<Period><AdaptationSet><Representation><BaseURL>{target}</BaseURL></Representation>"
        "</AdaptationSet></Period></MPD>"
    ).encode()


def _smooth(target: str) -> bytes:
    return (
        '<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2"><StreamIndex '
        f'Url="{target}"/></SmoothStreamingMedia>'
    ).encode()


def _smil(target: str) -> bytes:
    return f'<smil><body><video src="{target}"/></body></smil>'.encode()


def _xspf(target: str) -> bytes:
    return f"<playlist><trackList><track><location>{target}</location></track></trackList></playlist>".encode()  # noqa: E501 - one document


def _asx(target: str) -> bytes:
    return f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'.encode()


def _pls(target: str) -> bytes:
    return f"[playlist]\nFile1={target}\nNumberOfEntries=1\nVersion=2\n".encode()


def _sdp(target: str) -> bytes:
    return (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video 5004 RTP/AVP 96\na=control:{target}\n"
    ).encode()


def _svg(target: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>'.encode()


def _xxe(target: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{target}">]><x>&e;</x>'.encode()


def _html(target: str) -> bytes:
    return f'<html><body><video src="{target}"></video></body></html>'.encode()


def _strm(target: str) -> bytes:
    return target.encode()


def _wpl(target: str) -> bytes:
    return f'<?wpl version="1.0"?><smil><body><seq><media src="{target}"/></seq></body></smil>'.encode()  # noqa: E501 - one document


def _rtsp_text(target: str) -> bytes:
    return f"rtsptext {target}\n[Reference]\nRef1={target}\n".encode()


def _data_reference(target: str) -> bytes:
    """An MP4 whose samples lie elsewhere, by a url box that is not "in this file"."""
    entry = box(b"url ", struct.pack(">I", 0) + target.encode() + b"\0")
    return with_body(counter_clip(), b"dref", struct.pack(">II", 0, 1) + entry)


def _alias(target: str) -> bytes:
    """A MOV whose samples lie elsewhere, by an alias record as old Macintoshes wrote."""
    path = target.encode()
    record = struct.pack(">IHH", 0, 0, 2) + bytes(142) + struct.pack(">HH", 2, len(path)) + path
    record += b"\0" * (len(path) % 2) + struct.pack(">HH", 0xFFFF, 0)
    entry = box(b"alis", struct.pack(">I", 0) + record)
    return with_body(counter_clip(), b"dref", struct.pack(">II", 0, 1) + entry)


def _movie_reference(target: str) -> bytes:
    """A MOV that is only a reference to another one."""
    data = box(b"rdrf", struct.pack(">I4sI", 0, b"url ", len(target) + 1) + target.encode() + b"\0")
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", data)))


DOCUMENTS: dict[str, Callable[[str], bytes]] = {
    "hls": _hls,
    "hls-master": _hls_master,
    "hls-key": _hls_key,
    "hls-concat": _hls_concat,
    "concat": _concat,
    "dash": _dash,
    "smooth": _smooth,
    "smil": _smil,
    "xspf": _xspf,
    "asx": _asx,
    "pls": _pls,
    "sdp": _sdp,
    "svg": _svg,
    "xxe": _xxe,
    "html": _html,
    "bare": _strm,
    "wpl": _wpl,
    "rtsp-text": _rtsp_text,
}
"""Texts that name a target; none is a video."""

CONTAINERS: dict[str, Callable[[str], bytes]] = {
    "mp4-url": _data_reference,
    "mov-alias": _alias,
    "mov-reference": _movie_reference,
}
"""Videos whose frames lie in a target."""
