"""Downloading: from a real server on the loopback, through yt-dlp itself."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner
from yt_dlp import YoutubeDL
from yt_dlp.networking.exceptions import TransportError
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError

from pipeline.cli import app
from pipeline.downloads.download import DownloadReport, download_videos, ytdlp_options
from pipeline.downloads.ledger import read_ledger
from pipeline.downloads.reasons import reason
from pipeline.downloads.sources import VideoSource, parse_sources, read_sources
from signwrite.bundle import sha256_of
from signwrite.errors import InputError
from tests.clips import counter_clip


@cache
def video() -> bytes:
    return counter_clip(120)


@dataclass
class Site:
    """What the server serves and what it was asked.

    Attributes:
        files: content by path.
        statuses: statuses to answer with instead, by path.
        cuts: how many more answers for a path break off half-way.
        ranges: the path and Range header of every GET for a file, in order.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    ranges: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    def source(self, name: str, path: str = "/v.mp4") -> VideoSource:
        return VideoSource(name=name, url=f"http://127.0.0.1:{self.port}{path}")


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            status = site.statuses.get(self.path, 200 if self.path in site.files else 404)
            content = site.files.get(self.path, b"") if status == 200 else b"no"
            asked = self.headers.get("Range")
            start = 0
            if status == 200 and asked and (match := re.fullmatch(r"bytes=(\d+)-(\d*)", asked)):
                start = int(match[1])
                status = 206
            if body and status < 300:
                site.ranges.append((self.path, asked))
            rest = content[start:]
            self.send_response(status)
            video = status < 300 and self.path.endswith(".mp4")
            self.send_header("Content-Type", "video/mp4" if video else "text/html")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(rest)))
            if status == 206:
                end = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
            self.end_headers()
            if body and site.cuts.get(self.path, 0) > 0 and len(rest) > 2000:
                site.cuts[self.path] -= 1
                self.wfile.write(rest[: len(rest) // 2])
                self.close_connection = True
            elif body:
                self.wfile.write(rest)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Site(files={"/v.mp4": video()})) as served:
        yield served


class Clock:
    """Counts the waiting instead of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def fetch(
    out: Path, *sources: VideoSource, retries: int = 3, clock: Clock | None = None
) -> DownloadReport:
    return download_videos(sources, out=out, retries=retries, sleep=(clock or Clock()).sleep)


def test_video_arrives_whole_and_is_in_the_ledger(site: Site, tmp_path: Path) -> None:
    report = fetch(tmp_path, site.source("abc7"))
    assert (report.downloaded, report.failed) == (("abc7",), ())
    assert (tmp_path / "abc7.mp4").read_bytes() == video()
    row = read_ledger(tmp_path)["abc7"]
    assert (row.id, row.title, row.url) == ("v", "v", site.source("abc7").url)
    assert row.sha256 == sha256_of(tmp_path / "abc7.mp4")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", row.date)
    assert {path.name for path in tmp_path.iterdir()} == {"abc7.mp4", "ledger.csv"}


def test_connection_cut_half_way_is_resumed_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.cuts["/v.mp4"] = 3
    clock = Clock()
    report = fetch(tmp_path, site.source("abc1"), clock=clock)
    assert report.downloaded == ("abc1",)
    assert (tmp_path / "abc1.mp4").read_bytes() == video()
    resumed = [asked for _, asked in site.ranges if asked and asked != "bytes=0-"]
    assert len(resumed) >= 1
    assert clock.waits == sorted(clock.waits)
    assert clock.waits


def test_failed_download_is_resumed_by_the_next_run(site: Site, tmp_path: Path) -> None:
    """The kill of a run looks the same: a part on the disk, and nothing in its place."""
    site.cuts["/v.mp4"] = 99
    report = fetch(tmp_path, site.source("abc1"), retries=0)
    assert [failure.reason for failure in report.failed] == ["network"]
    assert not (tmp_path / "abc1.mp4").exists()
    part = next((tmp_path / ".partial").iterdir())
    size = part.stat().st_size
    assert 0 < size < len(video())
    site.cuts.clear()
    site.ranges.clear()
    assert fetch(tmp_path, site.source("abc1")).downloaded == ("abc1",)
    assert ("/v.mp4", f"bytes={size}-") in site.ranges
    assert (tmp_path / "abc1.mp4").read_bytes() == video()


def test_part_of_another_address_is_not_continued(site: Site, tmp_path: Path) -> None:
    site.files["/w.mp4"] = counter_clip(90)
    site.cuts["/v.mp4"] = 99
    fetch(tmp_path, site.source("abc1"), retries=0)
    assert fetch(tmp_path, site.source("abc1", "/w.mp4")).downloaded == ("abc1",)
    assert (tmp_path / "abc1.mp4").read_bytes() == site.files["/w.mp4"]


def test_what_is_there_and_verified_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    fetch(tmp_path, site.source("a"), site.source("b"))
    site.ranges.clear()
    assert fetch(tmp_path, site.source("a"), site.source("b")).kept == ("a", "b")
    assert site.ranges == []
    (tmp_path / "b.mp4").write_bytes(b"damaged")
    report = fetch(tmp_path, site.source("a"), site.source("b"))
    assert (report.kept, report.downloaded) == (("a",), ("b",))
    assert (tmp_path / "b.mp4").read_bytes() == video()


def test_one_failure_does_not_stop_the_rest(site: Site, tmp_path: Path) -> None:
    site.statuses = {"/gone.mp4": 404, "/forbidden.mp4": 403}
    site.files["/broken.mp4"] = video()[: len(video()) // 2]
    site.files["/page"] = b"<html><body>no video</body></html>"
    clock = Clock()
    paths = ("/gone.mp4", "/forbidden.mp4", "/broken.mp4", "/page")
    sources = [site.source(Path(path).stem, path) for path in paths]
    report = fetch(tmp_path, *sources, site.source("good"), clock=clock, retries=0)
    assert report.downloaded == ("good",)
    assert [(failure.name, failure.reason) for failure in report.failed] == [
        ("gone", "removed"),
        ("forbidden", "refused"),
        ("broken", "unusable"),
        ("page", "no video there"),
    ]
    table = report.failures().split("\n")
    assert table[0].split() == ["name", "why", "detail"]
    assert table[1].split()[:2] == ["gone", "removed"]
    assert (
        len({line.index(word) for line, word in zip(table, ("why", "removed"), strict=False)}) == 1
    )
    assert clock.waits == [5.0] * 4
    assert {path.name for path in tmp_path.iterdir()} == {"good.mp4", "ledger.csv"}


def test_the_command_ends_with_a_table_of_what_failed_and_why(site: Site, tmp_path: Path) -> None:
    site.statuses["/gone.mp4"] = 410
    address = site.source("x").url
    listed = tmp_path / "videos.txt"
    listed.write_text(f"abc1 {address}\nabc2 {address.replace('/v.', '/gone.')}  # removed\n")
    command = ["download", "--list", str(listed), "--out", str(tmp_path / "data"), "--pause-s", "0"]
    done = CliRunner().invoke(app, [*command, f"abc3={address}"])
    assert done.exit_code == 1
    assert "2 downloaded, 0 kept" in done.output
    (row,) = (line for line in done.output.splitlines() if line.startswith("abc2"))
    assert row.split()[1] == "removed"
    again = CliRunner().invoke(
        app, ["download", f"abc1={address}", "--out", str(tmp_path / "data")]
    )
    assert again.exit_code == 0
    assert "0 downloaded, 1 kept" in again.output


def test_page_with_several_videos_is_refused(site: Site, tmp_path: Path) -> None:
    site.files["/page"] = b"<html><video src='/v.mp4'></video><video src='/w.mp4'></video></html>"
    site.files["/w.mp4"] = video()
    report = fetch(tmp_path, site.source("a", "/page"))
    assert [failure.detail for failure in report.failed] == [
        "wanted one video; received a list of them"
    ]
    assert list(tmp_path.iterdir()) == []


def test_nothing_listens(tmp_path: Path) -> None:
    with serving(Site()) as site:
        source = site.source("a")
    report = fetch(tmp_path, source, retries=0)
    assert [failure.reason for failure in report.failed] == ["network"]


def test_own_file_is_not_overwritten(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"mine")
    report = fetch(tmp_path, site.source("a"))
    assert [failure.reason for failure in report.failed] == ["in the way"]
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"


def test_folder_with_a_percent_sign(site: Site, tmp_path: Path) -> None:
    """Hazard: yt-dlp fills in `%(...)s` wherever it stands in a path."""
    out = tmp_path / "100%(id)s"
    assert fetch(out, site.source("a")).downloaded == ("a",)
    assert (out / "a.mp4").read_bytes() == video()


@pytest.mark.parametrize(
    ("error", "warnings", "why"),
    [
        (ExtractorError("Private video. Sign in if you've been granted access"), [], "private"),
        (ExtractorError("This video has been removed by the uploader"), [], "removed"),
        (ExtractorError("Video unavailable"), [], "removed"),
        (GeoRestrictedError("not here"), [], "geo-blocked"),
        (
            ExtractorError("The uploader has not made this video available in your country"),
            [],
            "geo-blocked",
        ),
        (ExtractorError("Sign in to confirm you're not a bot"), [], "sign-in demanded"),
        (ExtractorError("x", cause=TransportError("connection reset")), [], "network"),
        (
            ExtractorError("Requested format is not available"),
            ["No supported JavaScript runtime could be found."],
            "no JavaScript runtime",
        ),
        (ExtractorError("Requested format is not available"), [], "no usable format"),
        (ExtractorError("who knows"), ["No supported JavaScript runtime"], "other"),
    ],
)
def test_reason_is_told_from_what_yt_dlp_raises(
    error: ExtractorError, warnings: list[str], why: str
) -> None:
    wrapped = DownloadError(f"ERROR: {error}", (type(error), error, None))
    assert reason(wrapped, warnings=warnings) == why


def test_list_gives_names_and_addresses(tmp_path: Path) -> None:
    path = tmp_path / "videos.txt"
    path.write_text(
        "# tutorials\n\nabc7 39kghfhXtF4   # seven\nabc8\thttps://example.org/a.mp4#t=1\n"
        "39kghfhXtF5\nhttps://youtu.be/39kghfhXtF6?t=2\n",
        encoding="utf-8",
    )
    assert read_sources(path) == [
        VideoSource(name="abc7", url="https://www.youtube.com/watch?v=39kghfhXtF4"),
        VideoSource(name="abc8", url="https://example.org/a.mp4#t=1"),
        VideoSource(name="39kghfhXtF5", url="https://www.youtube.com/watch?v=39kghfhXtF5"),
        VideoSource(name="39kghfhXtF6", url="https://youtu.be/39kghfhXtF6?t=2"),
    ]


def test_arguments_give_names_and_addresses() -> None:
    url = "https://www.youtube.com/watch?v=39kghfhXtF4&list=x"
    assert parse_sources(["abc7=39kghfhXtF5", url, "https://example.org/x/b.webm"]) == [
        VideoSource(name="abc7", url="https://www.youtube.com/watch?v=39kghfhXtF5"),
        VideoSource(name="39kghfhXtF4", url=url),
        VideoSource(name="b", url="https://example.org/x/b.webm"),
    ]


def test_faults_of_a_list_are_named_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "videos.txt"
    path.write_text(
        "a 39kghfhXtF4\nA 39kghfhXtF5\nb short\n../c 39kghfhXtF6\nfile:///etc/passwd\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        read_sources(path)
    address = "a name and a YouTube id or an http(s) URL, or only one of the latter"
    assert str(caught.value).split("\n") == [
        "videos.txt, row 2: wanted each name once; received A again",
        f"videos.txt, row 3: wanted {address}; received b short",
        (
            "videos.txt, row 4: wanted a name of letters, digits, dot, dash or underscore; "
            "received ../c"
        ),
        f"videos.txt, row 5: wanted {address}; received file:///etc/passwd",
    ]


@pytest.mark.parametrize(
    ("formats", "best"),
    [
        ([("mp4", 1920, 1080, "avc1"), ("webm", 1280, 720, "vp9"), ("mp4", 640, 360, "avc1")], 1),
        ([("mp4", 1280, 720, "av01"), ("webm", 1280, 720, "vp9"), ("mp4", 1280, 720, "avc1")], 2),
        ([("mp4", 720, 1280, "avc1"), ("mp4", 480, 854, "avc1"), ("mp4", 1080, 1920, "avc1")], 0),
    ],
    ids=["720p before MP4", "H.264 before others", "portrait"],
)
def test_the_largest_format_up_to_720p_is_taken(
    formats: list[tuple[str, int, int, str]], best: int
) -> None:
    """Through yt-dlp's own choice, from lists such as sites give."""
    offered = [
        {
            "format_id": str(number),
            "url": "http://127.0.0.1/",
            "ext": ext,
            "width": width,
            "height": height,
            "vcodec": codec,
            "acodec": "none",
        }
        for number, (ext, width, height, codec) in enumerate(formats)
    ]
    options = ytdlp_options(pause_s=0, rate_limit=None, retries=0, sleep=Clock().sleep)
    video = {"id": "x", "title": "x", "extractor": "x", "webpage_url": "x", "formats": offered}
    with YoutubeDL(options | {"simulate": True}) as downloader:
        chosen = downloader.process_ie_result(video, download=False)
    assert chosen["format_id"] == str(best)


@pytest.mark.parametrize("content", [b"# nothing yet\n", b"\xff", None])
def test_list_without_videos_is_bad_input(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "videos.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"videos\.txt: wanted"):
        read_sources(path)


def test_senseless_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="received pause -1 s, 5 retries, rate None"):
        download_videos([], out=tmp_path, pause_s=-1)
