"""A really running server: `bentoml serve` in a process of its own, stopped for good at the end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_S = 120.0
STOP_S = 30.0
_NATIVE = re.compile(r"WARNING: All log messages before absl::|I\d{4} \S+ +\d+ \w+\.cc:\d+\] ")


@dataclass(frozen=True)
class Server:
    """A server that is ready.

    Attributes:
        url: where it listens.
        log: the file that its output goes to.
        pid: of the process that was started; `worker_of` finds the one that answers.
        statuses_before_ready: what `/livez` and `/readyz` answered while the model was loading.
    """

    url: str
    log: Path
    pid: int
    statuses_before_ready: tuple[tuple[int, int], ...]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for a plain socket."""
        url = httpx.URL(self.url)
        assert url.port is not None
        return url.host, url.port


def read_lines(log: str) -> list[dict[str, Any]]:
    """Read a log of JSON objects, one a line; TensorFlow's greetings on stderr are left out.

    Raises:
        json.JSONDecodeError: a line is neither.
    """
    return [json.loads(line) for line in log.splitlines() if not _NATIVE.match(line)]


@contextmanager
def running_server(
    folder: Path, *, bundle: Path, wait: bool = True, **settings: str
) -> Iterator[Server]:
    """Serve a bundle while the context is open.

    Args:
        folder: for the log and the server's temporary files.
        bundle: to serve.
        wait: until it is ready.
        settings: of the service, without their prefix, e.g. ``max_bytes="1000"``; a name in
            capitals is another environment variable.

    Raises:
        AssertionError: the server did not become ready, or left a process behind.
    """
    command = [sys.executable, "-m", "bentoml", "serve", "service.app:SignWrite"]
    environment = _environment(folder, settings=settings) | {"SIGNWRITE_BUNDLE": str(bundle)}
    with _running(folder, command=command, environment=environment, wait=wait) as server:
        yield server


@contextmanager
def signwrite_serving(folder: Path, *arguments: str, **settings: str) -> Iterator[Server]:
    """Serve with the project's own command while the context is open.

    Args:
        folder: for the log. BentoML's home is the tests' own, with what was put into its store.
        arguments: of `signwrite serve`, besides the port.
        settings: as `running_server`.

    Raises:
        AssertionError: as `running_server`.
    """
    program = "from pipeline.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", *arguments]
    environment = _environment(folder, settings=settings)
    environment["BENTOML_HOME"] = os.environ["BENTOML_HOME"]
    with _running(folder, command=command, environment=environment) as server:
        yield server


@contextmanager
def bento_serving(folder: Path, tag: str) -> Iterator[Server]:
    """Serve a Bento of the store, away from this repository, while the context is open.

    Args:
        folder: for the log. BentoML's home is the tests' own.
        tag: of the Bento.

    Raises:
        AssertionError: as `running_server`.
    """
    command = [sys.executable, "-m", "bentoml", "serve", tag]
    environment = _environment(folder, settings={})
    environment["BENTOML_HOME"] = os.environ["BENTOML_HOME"]
    with _running(folder, command=command, environment=environment, cwd=folder) as server:
        yield server


@contextmanager
def _running(
    folder: Path,
    *,
    command: list[str],
    environment: dict[str, str],
    wait: bool = True,
    cwd: Path = ROOT,
) -> Iterator[Server]:
    port = _free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [*command, "--port", str(port)],
            cwd=cwd,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        waited = _wait_until_ready(process, url=url, log=log) if wait else ()
        yield Server(url, log, process.pid, tuple(waited))
    finally:
        _stop(process)


def _environment(folder: Path, *, settings: dict[str, str]) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("SIGNWRITE_")
    }
    ours = {
        name if name.isupper() else f"SIGNWRITE_{name.upper()}": value
        for name, value in settings.items()
    }
    return {
        **inherited,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(folder / "bentoml"),
        **ours,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(
    process: subprocess.Popen[bytes], *, url: str, log: Path
) -> Iterator[tuple[int, int]]:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            alive = httpx.get(f"{url}/livez", timeout=5).status_code
            ready = httpx.get(f"{url}/readyz", timeout=5).status_code
        except httpx.TransportError:  # nobody listens yet
            time.sleep(0.1)
            continue
        if ready == 200:
            return
        yield alive, ready
        time.sleep(0.1)
    told = log.read_text()[-4000:] if log.is_file() else ""
    raise AssertionError(f"a server that becomes ready; its log:\n{told}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server; BentoML's worker and our decoders live in process groups of their own."""
    family = _descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline and (
        process.poll() is None or any(lives(pid) for pid in family)
    ):
        time.sleep(0.05)
    left = [pid for pid in family if lives(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()
    assert not left, f"no process after the server's end; {len(left)} had to be killed"


def processes_of(server: Server) -> list[int]:
    """List the server's processes."""
    return [server.pid, *_descendants(server.pid)]


def decoders_of(server: Server) -> list[int]:
    """List its decoder processes."""
    return [pid for pid in _descendants(server.pid) if b"service.decoder_process" in _command(pid)]


def worker_of(server: Server) -> int:
    """Return the process that answers requests: the one that started the decoders."""
    decoders = set(decoders_of(server))
    return next(pid for pid in _descendants(server.pid) if decoders & set(_descendants(pid)))


def workers_of(server: Server) -> list[int]:
    """List the processes that answer requests, those that load included: all started decoders."""
    decoders = set(decoders_of(server))
    return [
        pid
        for pid in _descendants(server.pid)
        if pid not in decoders and decoders & set(_descendants(pid))
    ]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""


def _descendants(pid: int) -> list[int]:
    found = []
    with suppress(OSError):  # it may end meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found


def lives(pid: int) -> bool:
    """Say whether a process is there, and not only its place in the table."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
