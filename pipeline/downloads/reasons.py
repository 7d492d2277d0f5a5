"""Why a download failed, in a few words, from what yt-dlp raised and warned."""

import re
from collections.abc import Iterator, Sequence

from yt_dlp.networking.exceptions import RequestError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
)

from signwrite.errors import InputError

# yt-dlp passes on what a site says; only these words tell some reasons apart. The first match wins.
_WORDS = (
    ("in your country", "geo-blocked"),
    ("in your location", "geo-blocked"),
    ("private video", "private"),
    ("video is private", "private"),
    ("confirm your age", "age-restricted"),
    ("not a bot", "sign-in demanded"),
    ("has been removed", "removed"),
    ("no longer available", "removed"),
    ("has been terminated", "removed"),
    ("video unavailable", "removed"),
    ("javascript runtime", "no JavaScript runtime"),
)
_BROKEN_OFF = "[download] got error"  # the downloader passes on no more than words
_NO_RUNTIME = "javascript runtime"
_GONE = (404, 410)
_REFUSED = (401, 403)


def reason(error: Exception, *, warnings: Sequence[str] = ()) -> str:
    """Name the reason a download failed for.

    Args:
        error: what ended it.
        warnings: what yt-dlp said before; without a JavaScript runtime it only warns, and fails
            later on something else.
    """
    chain = list(_chain(error))
    text = " ".join(str(each) for each in chain).lower()
    told = next((meaning for words, meaning in _WORDS if words in text), None)
    if any(isinstance(each, GeoRestrictedError) for each in chain):
        told = "geo-blocked"
    statuses = {int(status) for status in re.findall(r"http error (\d{3})", text)}
    if told is not None:
        return told
    no_format = "requested format is not available" in text
    if (no_format or statuses & set(_REFUSED)) and _NO_RUNTIME in " ".join(warnings).lower():
        return "no JavaScript runtime"
    if statuses & set(_GONE):
        return "removed"
    if statuses & set(_REFUSED):
        return "refused"
    return "network" if _BROKEN_OFF in text else _by_kind(chain, no_format=no_format)


def _by_kind(chain: Sequence[BaseException], *, no_format: bool) -> str:
    if any(isinstance(each, UnsupportedError) for each in chain):
        return "no video there"
    if no_format:
        return "no usable format"
    if any(isinstance(each, RequestError | ContentTooShortError) for each in chain):
        return "network"
    if any(isinstance(each, OSError) and each.filename is not None for each in chain):
        return "disk"
    if any(isinstance(each, OSError) for each in chain):
        return "network"
    return "unusable" if any(isinstance(each, InputError) for each in chain) else "other"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and, outermost first, those that yt-dlp or Python wrapped in it."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        inner = error.cause if isinstance(error, ExtractorError) else None
        if inner is None and isinstance(error, DownloadError | ExtractorError) and error.exc_info:
            inner = error.exc_info[1]
        error = inner or error.__cause__
