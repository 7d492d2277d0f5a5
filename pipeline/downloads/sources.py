"""Which videos to download: names and addresses, from arguments or a list file."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pipeline.annotations.intervals import Faults
from signwrite.errors import InputError

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_YOUTUBE_ADDRESS = re.compile(
    r"https?://(?:www\.|m\.)?(?:youtube\.com/(?:watch\?(?:.*&)?v=|shorts/|embed/)|youtu\.be/)"
    r"([A-Za-z0-9_-]{11})(?:[?&#].*)?"
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class VideoSource:
    """A video to download: the name of its file, without the suffix, and its address."""

    name: str
    url: str


def read_sources(path: Path) -> list[VideoSource]:
    """Read a list of videos: on each line a name and an id or URL, or only an id or URL.

    A `#` at the start of a line or after a space begins a comment; empty lines mean nothing.

    Raises:
        InputError: the file cannot be read or holds faults; all of them are named.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: wanted a readable UTF-8 file; received {error}") from error
    entries = [(f"row {number}", _words(line)) for number, line in enumerate(lines, start=1)]
    return _sources([(place, words) for place, words in entries if words], file=path.name)


def parse_sources(arguments: Iterable[str]) -> list[VideoSource]:
    """Read videos from arguments, each an id, a URL, or `name=` and one of them.

    Raises:
        InputError: arguments are faulty; all of them are named.
    """
    entries = []
    for number, argument in enumerate(arguments, start=1):
        name, equals, address = argument.partition("=")
        named = equals and _NAME.fullmatch(name)
        entries.append((f"argument {number}", [name, address] if named else [argument]))
    return _sources(entries, file="videos")


def _words(line: str) -> list[str]:
    return re.sub(r"(^|\s)#.*", "", line).split()


def _sources(entries: Sequence[tuple[str, list[str]]], *, file: str) -> list[VideoSource]:
    faults = Faults(file)
    sources: dict[str, VideoSource] = {}
    for place, words in entries:
        url = _url(words[-1])
        if len(words) > 2 or url is None:  # noqa: PLR2004 - a name and an address
            wanted = "a name and a YouTube id or an http(s) URL, or only one of the latter"
            faults.add(place, wanted=wanted, received=" ".join(words))
            continue
        name = words[0] if len(words) > 1 else _name(url)
        if not _NAME.fullmatch(name):
            wanted = "a name of letters, digits, dot, dash or underscore"
            faults.add(place, wanted=wanted, received=name)
        elif name.casefold() in sources:
            faults.add(place, wanted="each name once", received=f"{name} again")
        sources[name.casefold()] = VideoSource(name=name, url=url)
    if not sources and not faults:
        faults.add("", wanted="at least one video", received="none")
    faults.raise_any()
    return list(sources.values())


def _url(address: str) -> str | None:
    if _YOUTUBE_ID.fullmatch(address):
        return f"https://www.youtube.com/watch?v={address}"
    parts = urlsplit(address)
    return address if parts.scheme in ("http", "https") and parts.hostname else None


def _name(url: str) -> str:
    """Name a video after its YouTube id, or the last part of its address."""
    youtube = _YOUTUBE_ADDRESS.fullmatch(url)
    return youtube[1].lstrip("-") if youtube else PurePosixPath(urlsplit(url).path).stem
