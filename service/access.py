"""Who may ask, and how often: API keys and a rate for each. Off until keys are given.

Keys are kept as SHA-256 digests, and a given one is compared with all of them in constant time, so
that neither memory nor timing tells a key.
"""

import hashlib
import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Self

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.edge import Edge, problem_of
from service.exchange import exchange
from service.faults import RateLimitedError, UnauthorisedError
from service.pages import PREFIX
from service.settings import ServiceSettings
from service.tracing import tracing

_OPEN = frozenset({"/livez", "/readyz", "/healthz"})  # an orchestrator has no key
# A browser cannot send one for a page either: it is open, and asks for a key itself.
_SHOWN = frozenset({"/", "/docs"})
_SHOWN_BELOW = (PREFIX, "/static_content/")  # Swagger UI lies at the latter
_FEWEST_CHARACTERS = 16


class KeyFileError(ValueError):
    """A file of keys that is not one."""


@dataclass
class _Bucket:
    """A token bucket: `level` requests could come at once, as of `at_s`."""

    level: float
    at_s: float


class Keys:
    """The keys that are let in, by the name of whose they are.

    Args:
        digests: SHA-256 of each key, by name.
        per_minute: requests that each may make on average; None for no limit.
        burst: how many of them at once.
        clock: seconds that never fall.
    """

    def __init__(
        self,
        digests: Mapping[str, bytes],
        *,
        per_minute: float | None,
        burst: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Start with every bucket full."""
        self._digests = dict(digests)
        self._per_second = None if per_minute is None else per_minute / 60.0
        self._burst = burst
        self._clock = clock
        self._buckets = {name: _Bucket(float(burst), clock()) for name in digests}

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self | None:
        """Read the keys that the settings name; None where they name none.

        Raises:
            KeyFileError: the file cannot be read, or a line is no `name key`.
        """
        lines: list[str] = []
        if settings.api_keys is not None:
            lines += settings.api_keys.get_secret_value().split(",")
        if settings.api_keys_file is not None:
            try:
                lines += settings.api_keys_file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise KeyFileError(f"a file of keys that can be read; {error}") from error
        elif settings.api_keys is None:
            return None
        return cls(
            parse_keys(lines),
            per_minute=settings.requests_per_minute,
            burst=settings.requests_burst,
        )

    def name_of(self, headers: Headers) -> str:
        """Return whose key a request brings.

        Raises:
            UnauthorisedError: it brings none, or one that is not known.
        """
        given = _key_in(headers)
        digest = hashlib.sha256(given.encode()).digest()
        found = [
            name for name, known in self._digests.items() if hmac.compare_digest(known, digest)
        ]
        if not given or not found:
            raise UnauthorisedError(
                "a known key as Authorization: Bearer KEY or X-API-Key: KEY; received "
                + ("another" if given else "none")
            )
        return found[0]

    def spend(self, name: str) -> None:
        """Take one request out of a key's bucket.

        Raises:
            RateLimitedError: it is empty; says when it will not be.
        """
        if self._per_second is None:
            return
        bucket, now = self._buckets[name], self._clock()
        grown = bucket.level + (now - bucket.at_s) * self._per_second
        bucket.level, bucket.at_s = min(grown, float(self._burst)), now
        if bucket.level < 1.0:
            wait_s = (1.0 - bucket.level) / self._per_second
            raise RateLimitedError(
                f"at most {self._per_second * 60:g} requests a minute with one key; received more",
                retry_after_s=math.ceil(wait_s),
            )
        bucket.level -= 1.0


def parse_keys(lines: list[str]) -> dict[str, bytes]:
    """Read lines of `name key`; empty ones and those that begin with # are skipped.

    Returns:
        The SHA-256 of each key by name.

    Raises:
        KeyFileError: a line is something else, a key is short, or a name comes twice; says which
            line, and nothing of a key.
    """
    digests: dict[str, bytes] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or len(words[1]) < _FEWEST_CHARACTERS or words[0] in digests:  # noqa: PLR2004 - name and key
            raise KeyFileError(
                f"API key {number}: a name that comes once and a key of at least "
                f"{_FEWEST_CHARACTERS} characters wanted"
            )
        digests[words[0]] = hashlib.sha256(words[1].encode()).digest()
    if not digests:
        raise KeyFileError("at least one API key wanted; received none")
    return digests


def _key_in(headers: Headers) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-api-key", "").strip()


def _is_open(path: str) -> bool:
    return path in _OPEN or path in _SHOWN or path.startswith(_SHOWN_BELOW)


class Gate:
    """ASGI middleware that lets in only who brings a key, and counts what each asks of the model.

    Args:
        app: what lies behind.
        keys: who is let in.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys) -> None:
        """Stand in front of `app`."""
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer 401 or 429 without reading its body."""
        if scope["type"] == "http" and not _is_open(scope["path"]):
            try:
                name = exchange().key = self._keys.name_of(Headers(scope=scope))
                if scope["path"] == "/predict":
                    self._keys.spend(name)
            except (UnauthorisedError, RateLimitedError) as error:
                await problem_of(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def guarded(app: ASGIApp, *, settings: ServiceSettings) -> ASGIApp:
    """Stand in front of an application: the edge, then other origins' pages, then the keys."""
    keys = Keys.of(settings)
    inner = app if keys is None else Gate(app, keys=keys)
    if settings.cors_origins:
        inner = CORSMiddleware(
            inner,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID", "X-Request-Timeout"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    return Edge(inner, tracing=tracing())
