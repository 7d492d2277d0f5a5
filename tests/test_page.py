"""The page as files: how they are sent, what they may not hold, and where they are packed."""

import gzip
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr
from starlette.types import ASGIApp

from pipeline.chart import CELL_PX, COLUMNS, draw_chart, write_chart
from service.access import guarded
from service.endpoints import endpoints
from service.pages import FOLDER, page_files
from service.settings import ServiceSettings
from signwrite.palette import PALETTE
from tests.asgi import ask
from tests.browser import tell

ROOT = Path(__file__).resolve().parent.parent
KEY = "anna-0123456789abcdef"
MODULES = sorted(path.name for path in FOLDER.glob("*.js"))
SOURCES = sorted(path for path in FOLDER.iterdir() if path.suffix != ".webp")


def application(**settings: object) -> ASGIApp:
    given = ServiceSettings.model_validate({"bundle": Path(), **settings})
    return guarded(endpoints(), settings=given)


def get(path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
    named = httpx.Headers({"Accept-Encoding": "identity"})
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    return ask(application(), path, method=method, headers=named)


# --- How they are sent ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", sorted({path.name for path in FOLDER.iterdir()} - {"index.html", "docs.html"})
)
def test_every_file_is_sent_as_what_it_is(name: str) -> None:
    response = get(f"/page/{name}")
    assert response.status_code == 200
    assert response.content == (FOLDER / name).read_bytes()
    kind = {
        ".js": "text/javascript",
        ".css": "text/css",
        ".svg": "image/svg+xml",
        ".webp": "image/webp",
    }
    assert response.headers["content-type"].startswith(kind[Path(name).suffix])
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_palette_is_that_of_the_reports() -> None:
    assert get("/page/palette.css").content == PALETTE.read_bytes()


@pytest.mark.parametrize("path", ["/", "/docs", "/page/main.js", "/page/hands.webp"])
def test_a_browser_that_has_a_file_is_told_so(path: str) -> None:
    first = get(path)
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = get(path, If_None_Match=known)
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    assert get(path, If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "deflate, gzip, br"])
def test_text_is_compressed_for_who_takes_that(accepted: str) -> None:
    plain, packed = get("/page/style.css"), get("/page/style.css", Accept_Encoding=accepted)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # the client unpacks it
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]  # RFC 9110: other bytes, another tag


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0"])
def test_text_is_plain_for_who_does_not(accepted: str) -> None:
    assert "content-encoding" not in get("/page/style.css", Accept_Encoding=accepted).headers


def test_a_picture_is_not_compressed_twice() -> None:
    assert "content-encoding" not in get("/page/hands.webp", Accept_Encoding="gzip").headers


@pytest.mark.parametrize("path", ["/", "/docs", "/page/main.js"])
def test_head_says_what_get_would(path: str) -> None:
    wanted, head = get(path), get(path, method="HEAD")
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "content-security-policy"):
        assert head.headers[name] == wanted.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/nothing.js",
        "/page/index.html",
        "/page/..%2fapp.py",
        "/page/%2e%2e/app.py",
        "/page/a/b",
    ],
)
def test_nothing_else_can_be_named(path: str) -> None:
    response = get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_the_page_can_only_be_read() -> None:
    response = get("/", method="POST")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


# --- What a browser is told to forbid it ---------------------------------------------------------


def test_the_policy_of_the_page_is_strict() -> None:
    headers = get("/").headers
    policy = dict(
        each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    for kind in ("script-src", "style-src", "connect-src"):
        assert policy[kind] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
    assert headers["referrer-policy"] == "no-referrer"


def test_the_description_may_not_use_the_camera() -> None:
    headers = get("/docs").headers
    assert headers["permissions-policy"].startswith("camera=()")
    assert "script-src 'self';" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/page/main.js", "/page/nothing.js"])
def test_what_is_no_page_is_forbidden_everything(path: str) -> None:
    assert get(path).headers["content-security-policy"].startswith("default-src 'none'; frame")


def test_the_page_is_open_where_keys_are_asked_for_and_the_model_is_not() -> None:
    app = application(api_keys=SecretStr(f"anna {KEY}"))
    opened = ("/", "/docs", "/page/main.js", "/page/palette.css", "/page/hands.webp")
    assert {ask(app, path).status_code for path in opened} == {200}
    closed = ("/model", "/predict", "/metrics", "/docs.json", "/page", "/docs/x", "/pages")
    assert {ask(app, path).status_code for path in closed} == {401}


# --- What they hold ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*SOURCES, PALETTE], ids=lambda path: path.name)
def test_a_file_names_no_other_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(?:https?:)?//[\w.-]+\.\w{2,}", text)


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_nothing_is_inline(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|javascript:", text)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_never_parses_markup_or_code(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.cssText"
    )
    assert not re.search(forbidden, text)
    assert len(text.splitlines()) <= 250


def test_the_page_asks_for_its_modules_at_once() -> None:
    """Else each would be found only when the one that wants it has come."""
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    preloaded = set(re.findall(r'modulepreload" href="page/([\w.]+)"', html)) | {"main.js"}
    wanted, todo = set(), ["main.js"]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += re.findall(r'from "\./([\w.]+)"', (FOLDER / name).read_text(encoding="utf-8"))
    assert preloaded == wanted


def test_every_element_that_a_module_looks_for_is_there() -> None:
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    wanted = {
        found
        for name in MODULES
        for found in re.findall(r'find\("([\w-]+)"\)', (FOLDER / name).read_text(encoding="utf-8"))
    }
    assert len(wanted) > 10
    assert wanted <= set(re.findall(r'\bid="([\w-]+)"', html))


def test_the_page_is_light(capsys: pytest.CaptureFixture[str]) -> None:
    page = {name: each for name, each in page_files().items() if not name.startswith("docs.")}
    plain = sum(len(each.plain) for each in page.values())
    sent = sum(len(each.packed or each.plain) for each in page.values())
    tell(f"{len(page)} files, {plain / 1000:.0f} kB, {sent / 1000:.0f} kB as sent", capsys)
    assert sent < 120_000
    for each in page.values():
        assert each.packed is None or gzip.decompress(each.packed) == each.plain


def test_the_chart_is_what_the_command_draws(tmp_path: Path) -> None:
    committed = Image.open(FOLDER / "hands.webp")
    write_chart(tmp_path / "hands.webp")
    drawn = Image.open(tmp_path / "hands.webp")
    assert committed.size == drawn.size == (COLUMNS * CELL_PX, 4 * CELL_PX)
    one, other = (np.asarray(each.convert("RGBA"), np.int16) for each in (committed, drawn))
    # Not bit for bit: another processor may round a pixel otherwise, and the coder follows it.
    assert np.abs(one - other)[one[..., 3] > 0].mean() < 1.0


def test_a_hand_in_another_place_is_another_chart() -> None:
    committed = np.asarray(Image.open(FOLDER / "hands.webp").convert("RGBA"), np.int16)
    swapped = np.asarray(draw_chart("BACDEFGHIJKLMNOPQRSTUVWXYZ"), np.int16)
    assert np.abs(committed - swapped)[committed[..., 3] > 0].mean() > 1.0


def test_every_letter_has_a_hand_within_its_cell() -> None:
    chart = np.asarray(draw_chart())[..., 3] > 128
    cells = chart.reshape(4, CELL_PX, COLUMNS, CELL_PX).swapaxes(1, 2).reshape(28, CELL_PX, CELL_PX)
    shares = cells.mean(axis=(1, 2))
    assert (shares[:26] > 0.05).all()
    assert (shares[26:] == 0).all()
    assert not cells[:26, 0].any()  # no finger is cut off at the top


# --- Where they are packed -----------------------------------------------------------------------


def test_the_wheel_carries_the_page(tmp_path: Path) -> None:
    for package in ("signwrite", "pipeline", "service"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / "source" / package, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / "source")
    program = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program],
        cwd=tmp_path / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    assert {f"service/page/{path.name}" for path in FOLDER.iterdir()} <= carried
    assert "signwrite/palette.css" in carried
