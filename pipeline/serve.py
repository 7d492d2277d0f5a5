"""Starting the service: `bentoml serve` as a child, and a line to try once it is ready."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from signwrite.bundle import read_manifest
from signwrite.errors import InputError

_SERVICE = "service.app:SignWrite"
_PATIENCE_S = 300.0
_PAUSE_S = 0.3


def serve_bundle(
    model: Path, *, host: str, port: int, example: Path | None, say: Callable[[str], None]
) -> int:
    """Serve a bundle until the service ends or this process is told to.

    Args:
        model: the bundle's folder.
        host: address to listen on.
        port: where to listen.
        example: a clip to show in the line to try.
        say: prints a line.

    Returns:
        The exit status of the service; 0 when it was stopped by a signal sent to us.

    Raises:
        BundleError: the folder is not a bundle; found before anything starts.
        InputError: the service did not become ready.
    """
    manifest = read_manifest(model)
    environment = os.environ | {
        "SIGNWRITE_BUNDLE": str(model.resolve()),
        "BENTOML_DO_NOT_TRACK": "True",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }
    command = [sys.executable, "-m", "bentoml", "serve", _SERVICE, "--host", host]
    started = time.monotonic()
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [*command, "--port", str(port)],
        env=environment,
        cwd=Path(__file__).resolve().parents[1],
        start_new_session=True,
    )
    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        child.send_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    url = f"http://{'localhost' if host in {'127.0.0.1', '0.0.0.0'} else host}:{port}"  # noqa: S104 - compared, not bound
    if _wait_until_ready(child, url=url, deadline=started + _PATIENCE_S, stopped=stopped):
        say(
            f"\n{manifest.name} {manifest.version} is ready on {url} "
            f"after {time.monotonic() - started:.1f} s; try:\n"
            f"curl -F clip=@{example or 'CLIP.mp4'} {url}/predict"
        )
    status = child.wait()
    return 0 if stopped else status


def _wait_until_ready(
    child: "subprocess.Popen[bytes]", *, url: str, deadline: float, stopped: list[int]
) -> bool:
    """Wait for /readyz; False when the service ended or was told to before."""
    while child.poll() is None and not stopped:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - http, to ourselves
                return True
        except OSError:
            if time.monotonic() > deadline:
                child.send_signal(signal.SIGTERM)
                child.wait()
                raise InputError(f"ready within {_PATIENCE_S:.0f} s; it was not") from None
            time.sleep(_PAUSE_S)
    return False
