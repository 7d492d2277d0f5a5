"""A real browser, with a camera that films a drawn hand; Debian's Chromium, without a screen."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from av.video.frame import VideoFrame
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from pipeline.drawing.signer import Signer
from pipeline.example import EXAMPLE_SEED, draw_clip

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
_FILMED_S, _FPS = 1.2, 15

_PATIENCE_S = 120.0

ANSWER_MS = 60_000


def find_chromium() -> str:
    """Return the browser's path; where there is none, the test is skipped."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    return found


def film(path: Path, sign: str) -> Path:
    """Write what the camera films, again and again: a hand that holds a sign, as YUV4MPEG2."""
    signer = Signer.from_seed(EXAMPLE_SEED).resized(480)
    frames = draw_clip(sign, signer=signer, seconds=_FILMED_S, fps=_FPS).frames
    held = frames[len(frames) // 3 : 2 * len(frames) // 3]  # it comes before, and leaves after
    height, width = held.shape[1:3]
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F{_FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in (*held, *held[::-1]):  # there and back: no jump where it begins anew
            out.write(b"FRAME\n" + _planes(frame))
    return path


def _planes(frame: npt.NDArray[np.uint8]) -> bytes:
    stored = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return stored.reformat(format="yuv420p").to_ndarray().tobytes()


@contextmanager
def opened_browser(
    playwright: Playwright,
    *,
    camera: Path | None,
    allowed: bool = True,
    flags: Sequence[str] = (),
    patience_s: float = _PATIENCE_S,
) -> Iterator[Browser]:
    """Start a browser, which is killed in the end, or when patience has run out.

    Playwright waits without end for a script, or for a window to close; and an alarm that ends a
    test in the midst of that ends Playwright's own loop, after which nothing of it ever returns.

    Args:
        playwright: what drives it; there can be one at a time.
        camera: what its camera films; None for a machine without one.
        allowed: whether whoever sits before it allows the camera.
        flags: further ones.
        patience_s: how long a test may have it, in seconds.
    """
    flags = [*_QUIET, *flags]
    if camera is not None:
        flags += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ]
    flags.append("--use-fake-ui-for-media-stream" if allowed else "--deny-permission-prompts")
    patience = threading.Timer(patience_s, _kill_browsers)
    patience.start()
    try:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        try:
            yield browser
        finally:
            _kill_browsers()
            browser.close()
    finally:
        patience.cancel()


def _kill_browsers() -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended, perhaps with another
            if child.name().startswith("chrom"):
                child.kill()


def wait_for_model(page: Page) -> None:
    """Wait until the page knows which model it asks."""
    page.wait_for_selector("html[data-ready]", state="attached", timeout=ANSWER_MS)


@dataclass
class Visit:
    """A page that is open, and what the browser had against it.

    Attributes:
        page: the page.
        complaints: errors of scripts, of the console (where a policy forbade something, too), and
            requests to anywhere but the service.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)


def open_page(browser: Browser, url: str, *, path: str = "/", **options: object) -> Visit:
    """Open the page in a window of its own, until the browser ends; it remembers no other.

    Args:
        browser: where.
        url: of the service.
        path: on it.
        options: of Playwright's context, such as `viewport` and `color_scheme`.
    """
    context: BrowserContext = browser.new_context(**options)  # type: ignore[arg-type]  # one by one
    page = context.new_page()
    visit = Visit(page)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: visit.complaints.append(said.text) if said.type == "error" else None,
    )
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((url, "data:", "blob:"))
            else visit.complaints.append(f"asked {asked.url}")
        ),
    )
    page.goto(url + path)
    return visit


@dataclass(frozen=True)
class Judgement:
    """What axe-core says of a view."""

    passed: int
    violations: list[str]


def judge_access(page: Page) -> Judgement:
    """Hold a page, as it stands, against the rules of axe-core."""
    found = Axe().run(page)
    wrong = [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    return Judgement(len(found["passes"]), wrong)


def tell(figure: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Print a figure that a run's log is to show; it is held against nothing."""
    with capsys.disabled():
        print(f"\n{figure}")  # noqa: T201 - as said
