"""Servers that run while they are measured."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

_ROOT = Path(__file__).resolve().parents[1]
_START_S = 300.0
_STOP_S = 30.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str], *, port: int, environment: dict[str, str], ready: str = "/readyz"
) -> Iterator[int]:
    """Run a server; yield its port once `ready` answers, with whatever it is but a 503.

    Raises:
        RuntimeError: it never answers.
    """
    told = os.environ | {"BENTOML_DO_NOT_TRACK": "True", "TF_CPP_MIN_LOG_LEVEL": "2"} | environment
    process = subprocess.Popen(  # noqa: S603 - our own programs
        command, cwd=_ROOT, env=told, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + _START_S
        while not _answers(f"http://127.0.0.1:{port}{ready}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"a server that becomes ready wanted: {' '.join(command)}")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        with suppress(ProcessLookupError):  # what a server started may outlive it
            os.killpg(process.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):  # noqa: S310 - http, on this machine
            return True
    except HTTPError as error:
        return error.code < 500  # noqa: PLR2004 - a page it does not have is an answer
    except (URLError, OSError):
        return False


@contextmanager
def signwrite_serving(
    bundle: Path,
    *,
    backend: str = "auto",
    variables: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Serve a bundle with this project's service; yield its port.

    Args:
        bundle: its folder.
        backend: what runs it.
        variables: of the environment, beside these.
    """
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", "service.app:SignWrite"]
    environment = {
        "SIGNWRITE_BUNDLE": str(bundle.absolute()),
        "SIGNWRITE_BACKEND": backend,
        **(variables or {}),
    }
    with serving([*command, "--port", str(port)], port=port, environment=environment) as there:
        yield there
