"""Starting the service: `bentoml serve` as a child, and a line to try once it is ready."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.model_store import find_bundle
from signwrite.bundle import read_manifest
from signwrite.errors import BundleError, InputError

_SERVICE = "service.app:SignWrite"
_PATIENCE_S = 300.0
_PAUSE_S = 0.3


def serve_bundle(
    model: str, *, host: str, port: int, example: Path | None, say: Callable[[str], None]
) -> int:
    """Serve a bundle until the service ends or this process is told to.

    SIGHUP is handed on to the service, which looks whether `model` names a new version; what a tag
    means is looked up anew. But SIGHUP of a terminal that is closed ends the service.

    Args:
        model: the bundle's folder, a link to it, or its tag in BentoML's model store.
        host: address to listen on.
        port: where to listen.
        example: a clip to show in the line to try.
        say: prints a line.

    Returns:
        The exit status of the service; 0 when it was stopped by a signal sent to us.

    Raises:
        BundleError: there is no such bundle; found before anything starts.
        InputError: the service did not become ready.
    """
    with TemporaryDirectory(prefix="signwrite-") as folder:
        bundle = _Named(model, link=Path(folder) / "bundle")
        return _serve(bundle, host=host, port=port, example=example, say=say)


class _Named:
    """A bundle as it is named: by a folder, or by a tag whose meaning can change.

    Args:
        model: the name.
        link: where to put a link to what a tag means.

    Attributes:
        path: what the service opens; with a tag, the link.

    Raises:
        BundleError: there is no such bundle.
    """

    def __init__(self, model: str, *, link: Path) -> None:
        """Find it."""
        self._model = model
        self._link = link
        found = find_bundle(model)
        self.manifest = read_manifest(found)
        # Not resolved: a folder may be a link that names another one tomorrow.
        self.path = found.absolute() if found == Path(model) else link
        self.renew()

    def renew(self) -> None:
        """Find it again; the link is switched at once.

        Raises:
            BundleError: it is gone.
        """
        if self.path == self._link:
            new = self._link.with_name("new")
            new.symlink_to(find_bundle(self._model))
            new.replace(self._link)


def _serve(
    bundle: _Named, *, host: str, port: int, example: Path | None, say: Callable[[str], None]
) -> int:
    environment = os.environ | {
        "SIGNWRITE_BUNDLE": str(bundle.path),
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

    attached = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()

    listens: list[bool] = []  # one: it can be told; until then SIGHUP would end it
    kept: list[int] = []

    def renew(number: int, frame: object) -> None:
        if attached and not _has_terminal():
            stop(number, frame)
            return
        try:
            bundle.renew()
        except BundleError as error:
            say(f"SIGHUP: {error}")
        else:
            (child.send_signal if listens else kept.append)(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, renew)
    url = f"http://{'localhost' if host in {'127.0.0.1', '0.0.0.0'} else host}:{port}"  # noqa: S104 - compared, not bound
    if _wait_until_ready(child, url=url, deadline=started + _PATIENCE_S, stopped=stopped):
        listens.append(True)
        if kept:
            child.send_signal(kept[0])
        say(
            f"\n{bundle.manifest.name} {bundle.manifest.version} is ready on {url} "
            f"after {time.monotonic() - started:.1f} s; open that in a browser, or try:\n"
            f"curl -F clip=@{example or 'CLIP.mp4'} {url}/predict"
        )
    status = child.wait()
    return 0 if stopped else status


def _has_terminal() -> bool:
    """Say whether there is a terminal that could be closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


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
