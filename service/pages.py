"""What the service serves to people: its page at `/`, the API's description at `/docs`.

The files lie in `service/page/`, and are held in memory with a digest each: a browser that has one
is told so, and what is text goes out compressed. No other file can be named.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from signwrite.palette import PALETTE

FOLDER = Path(__file__).with_name("page")
PREFIX = "/page/"

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_PACKED_ALREADY = frozenset({".webp"})
# Nothing from elsewhere, nothing inline, and no text that becomes a script.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
# BentoML's copy of Swagger UI is script of others: it sets styles, and may not use the camera.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_NO_DEVICES = "microphone=(), geolocation=(), display-capture=()"


@dataclass(frozen=True)
class PageFile:
    """One file as it is sent.

    Attributes:
        media_type: its Content-Type.
        plain: its bytes.
        packed: the same by gzip, or None where that gains nothing.
        digest: names the content.
    """

    media_type: str
    plain: bytes
    packed: bytes | None
    digest: str

    @classmethod
    def read(cls, path: Path) -> "PageFile":
        """Read a file of a known kind."""
        plain = path.read_bytes()
        text = path.suffix not in _PACKED_ALREADY
        return cls(
            media_type=_MEDIA_TYPES[path.suffix],
            plain=plain,
            packed=gzip.compress(plain, mtime=0) if text else None,
            digest=hashlib.sha256(plain).hexdigest()[:24],
        )


@cache
def page_files() -> Mapping[str, PageFile]:
    """Read the page's files, by name."""
    paths = [PALETTE, *sorted(FOLDER.iterdir())]
    return {path.name: PageFile.read(path) for path in paths if path.suffix in _MEDIA_TYPES}


def page_routes() -> list[Route]:
    """Return the routes of what people look at."""
    return [
        Route("/", index, methods=["GET"]),
        Route("/docs", docs, methods=["GET"]),
        Route(PREFIX + "{name}", file, methods=["GET"]),
    ]


async def index(request: Request) -> Response:
    """Answer `GET /` with the page, which alone may use the camera."""
    return _answer(
        request,
        "index.html",
        policy=_PAGE_POLICY,
        permissions=f"camera=(self), {_NO_DEVICES}",
    )


async def docs(request: Request) -> Response:
    """Answer `GET /docs` with Swagger UI, without the tracker of BentoML's own page."""
    return _answer(
        request, "docs.html", policy=_DOCS_POLICY, permissions=f"camera=(), {_NO_DEVICES}"
    )


async def file(request: Request) -> Response:
    """Answer `GET /page/NAME`.

    Raises:
        HTTPException: 404; there is no such file.
    """
    name = request.path_params["name"]
    if name not in page_files() or PurePath(name).suffix == ".html":
        raise HTTPException(404)
    return _answer(request, name)


def _answer(request: Request, name: str, **guards: str) -> Response:
    found = page_files()[name]
    packs = found.packed is not None and "gzip" in _accepted(request)
    content = found.packed if packs and found.packed is not None else found.plain
    tag = f'"{found.digest}{"-gzip" if packs else ""}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",  # kept, and asked for again: never an old page on a new API
        "Cross-Origin-Resource-Policy": "same-origin",
        **_guards(**guards),
    }
    if found.packed is not None:
        headers["Vary"] = "Accept-Encoding"
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    if packs:
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(content))
    body = b"" if request.method == "HEAD" else content
    return Response(body, media_type=found.media_type, headers=headers)


def _guards(*, policy: str | None = None, permissions: str | None = None) -> dict[str, str]:
    if policy is None or permissions is None:
        return {}
    return {
        "Content-Security-Policy": policy,
        "Permissions-Policy": permissions,
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _accepted(request: Request) -> set[str]:
    """Return the codings that a client takes; one with q=0 it does not."""
    offers = (
        offer.partition(";") for offer in request.headers.get("accept-encoding", "").split(",")
    )
    return {
        coding.strip().lower()
        for coding, _, weight in offers
        if weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    }


def _has(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag in {
        each.strip().removeprefix("W/") for each in known.split(",")
    }
