"""The download stage: videos from the net into one folder, each whole or not there, with a ledger.

Uses yt-dlp. Videos are taken whole: its ranges would be cut at key frames. YouTube also needs a
JavaScript runtime (deno, node, bun or quickjs) on the PATH.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.utils import YoutubeDLError

from pipeline.clips.cut import describe
from pipeline.clips.footage import inspect_video
from pipeline.downloads.ledger import LedgerRow, read_ledger, write_ledger
from pipeline.downloads.reasons import reason
from pipeline.downloads.sources import VideoSource
from pipeline.jobs import Progress, no_progress
from signwrite.bundle import sha256_of
from signwrite.errors import InputError

MAX_SIDE_PX = 720  # the shorter side
PARTIAL_FOLDER = ".partial"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A video that was not downloaded: a reason from a short list, and yt-dlp's own words."""

    name: str
    url: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class DownloadReport:
    """Names of videos downloaded now, of those that were there and verified, and the failures."""

    downloaded: tuple[str, ...]
    kept: tuple[str, ...]
    failed: tuple[Failure, ...]

    def failures(self) -> str:
        """Lay the failures out as a table; empty when there are none."""
        rows = [("name", "why", "detail"), *((f.name, f.reason, f.detail) for f in self.failed)]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines = [f"{name:{widths[0]}}  {why:{widths[1]}}  {detail}" for name, why, detail in rows]
        return "\n".join(lines) if self.failed else ""


@dataclass(frozen=True)
class _Arrival:
    """A whole video, not yet in its place, and what the ledger will say of it."""

    received: Path
    row: LedgerRow


class _Log:
    """Takes yt-dlp's messages; its warnings tell why a later step fails."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        """Pass over what yt-dlp would print on a terminal."""

    def warning(self, message: str) -> None:
        """Keep a warning."""
        self.warnings.append(message)

    def error(self, message: str) -> None:
        """Pass over what is raised as well."""


def download_videos(
    sources: Sequence[VideoSource],
    *,
    out: Path,
    pause_s: float = 5.0,
    rate_limit_bytes_s: int | None = None,
    retries: int = 5,
    sleep: Callable[[float], None] = time.sleep,
    progress: Progress = no_progress,
) -> DownloadReport:
    """Download videos, at most 720p, to `out/<name>.mp4`; one that fails does not stop the rest.

    What is there and verified against the ledger is kept. A download that was broken off goes on
    where it stopped. Where a site has no MP4, the file holds what there is (WebM), for FFmpeg goes
    by content. One run at a time may use a folder.

    Args:
        sources: what to download.
        out: the folder.
        pause_s: seconds to wait between two videos, and (doubled each time) before a retry.
        rate_limit_bytes_s: bytes a second at most.
        retries: of one video after a broken connection.
        sleep: waits a number of seconds.
        progress: called after each video.

    Raises:
        InputError: the ledger is damaged, or an option is out of range.
    """
    if pause_s < 0 or retries < 0 or (rate_limit_bytes_s is not None and rate_limit_bytes_s <= 0):
        raise InputError(
            "download: wanted a pause and retries of 0 or more, and a rate above 0; received "
            f"pause {pause_s:g} s, {retries} retries, rate {rate_limit_bytes_s}"
        )
    ledger = read_ledger(out)
    downloaded: list[str] = []
    kept: list[str] = []
    failed: list[Failure] = []
    options = ytdlp_options(
        pause_s=pause_s, rate_limit=rate_limit_bytes_s, retries=retries, sleep=sleep
    )
    for count, source in enumerate(sources, start=1):
        if _verified(out, source, ledger.get(source.name)):
            kept.append(source.name)
        else:
            if downloaded or failed:
                sleep(pause_s)
            result = _fetch(source, out=out, options=options, known=source.name in ledger)
            if isinstance(result, Failure):
                failed.append(result)
            else:
                # The ledger first: after a kill in between, the file is only fetched again.
                ledger[source.name] = result.row
                write_ledger(out, ledger.values())
                result.received.replace(out / f"{source.name}.mp4")
                downloaded.append(source.name)
        progress(count, len(sources))
    with suppress(OSError):  # it stays while it holds parts of failed downloads
        (out / PARTIAL_FOLDER).rmdir()
    return DownloadReport(downloaded=tuple(downloaded), kept=tuple(kept), failed=tuple(failed))


def _verified(out: Path, source: VideoSource, row: LedgerRow | None) -> bool:
    path = out / f"{source.name}.mp4"
    return (
        row is not None
        and row.url == source.url
        and path.is_file()
        and sha256_of(path) == row.sha256
    )


def ytdlp_options(
    *, pause_s: float, rate_limit: int | None, retries: int, sleep: Callable[[float], None]
) -> dict[str, Any]:
    """Choose yt-dlp's options: format, politeness, resuming; see `download_videos`."""

    def before_retry(n: int) -> float:
        sleep(min(pause_s * 2**n, 60.0))
        return 0.0

    return {
        # With or without sound: `cut` leaves it out. "res" is the shorter side; this order takes
        # the largest up to the limit, and among its equals MP4 before WebM.
        "format": "bv*",
        "format_sort": [f"res:{MAX_SIDE_PX}", "ext:mp4", "vcodec:h264", "proto"],
        "noplaylist": True,
        "playlist_items": "1",
        "retries": retries,
        "fragment_retries": retries,
        "retry_sleep_functions": {"http": before_retry, "fragment": before_retry},
        "ratelimit": rate_limit,
        "socket_timeout": 30,
        "continuedl": True,
        "overwrites": True,
        "fixup": "never",  # would need the ffmpeg program
        "cachedir": False,
        "updatetime": False,
        "js_runtimes": {name: {} for name in ("deno", "node", "bun", "quickjs")},
        "quiet": True,
        "noprogress": True,
    }


def _fetch(
    source: VideoSource, *, out: Path, options: dict[str, Any], known: bool
) -> _Arrival | Failure:
    """Download one video beside its place and check it."""
    path = out / f"{source.name}.mp4"
    log = _Log()
    if path.exists() and not known:
        return Failure(
            name=source.name,
            url=source.url,
            reason="in the way",
            detail=f"{path} is there but not in the ledger",
        )
    # Named after the address too: a part of another video must never be continued.
    address = hashlib.sha256(source.url.encode()).hexdigest()[:8]
    partial = str(out / PARTIAL_FOLDER / f"{source.name}-{address}").replace("%", "%%")
    settings = options | {"logger": log, "outtmpl": {"default": f"{partial}.%(ext)s"}}
    try:
        with YoutubeDL(settings) as downloader:
            info = downloader.extract_info(source.url, download=True)
        return _checked(source, _single(info))
    except InputError as error:
        for useless in (out / PARTIAL_FOLDER).glob(f"{source.name}-{address}.*"):
            useless.unlink()  # going on from there would never mend it
        return _failure(source, reason(error), error)
    except (YoutubeDLError, OSError, ValueError) as error:
        return _failure(source, reason(error, warnings=log.warnings), error)
    except Exception as error:  # noqa: BLE001 - yt-dlp's extractors raise anything; the rest goes on
        return _failure(source, "not understood by yt-dlp", error)


def _checked(source: VideoSource, info: dict[str, Any]) -> _Arrival:
    received = Path(info["requested_downloads"][0]["filepath"])
    try:
        facts = inspect_video(received)
    except Exception as error:
        raise InputError(f"wanted a whole video; received {describe(error)}") from error
    side = min(info.get("width") or 0, info.get("height") or 0)
    if side > MAX_SIDE_PX:
        raise InputError(f"wanted at most {MAX_SIDE_PX}p; received only {side}p")
    described = (info.get("ext"), info.get("vcodec"), info.get("resolution"), info.get("format_id"))
    row = LedgerRow(
        name=source.name,
        url=source.url,
        id=str(info.get("id") or ""),
        title=str(info.get("title") or ""),
        licence=str(info.get("license") or ""),
        uploader=str(info.get("uploader") or info.get("channel") or ""),
        format=" ".join(str(part) for part in described if part),
        sha256=facts.sha256,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return _Arrival(received, row)


def _single(info: dict[str, Any]) -> dict[str, Any]:
    entries = list(info.get("entries") or []) if "entries" in info else [info]
    if len(entries) != 1 or (info.get("playlist_count") or 1) > 1:
        raise InputError("wanted one video; received a list of them")
    return entries[0]


def _failure(source: VideoSource, why: str, error: Exception) -> Failure:
    detail = " ".join(describe(error).split())
    for noise in ("DownloadError: ", "ERROR: "):
        detail = detail.removeprefix(noise)
    return Failure(name=source.name, url=source.url, reason=why, detail=detail)
