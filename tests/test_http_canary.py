"""Nothing is kept: no byte of an upload, a frame or a file's name is on a disk or in a log."""

import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from signwrite.reader import read_tensor
from tests.attacks.boxes import box
from tests.bundles import TINY_RECIPE
from tests.clips import counter_clip
from tests.forms import END, clip_part, request_head
from tests.servers import ROOT, Server, decoders_of, processes_of, running_server

pytestmark = pytest.mark.slow

_PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108 - looked at, not used
_NOT_OURS = {".git", ".venv", "node_modules", "__pycache__", "runs"}
_LARGEST = 64 * 1024 * 1024


def test_nothing_of_an_upload_is_kept(tiny_bundle: Path, tmp_path: Path) -> None:
    began = time.time()
    canary = secrets.token_hex(24).encode()
    name = secrets.token_hex(24)
    clip = counter_clip() + box(b"free", canary)
    frame = read_tensor(clip, recipe=TINY_RECIPE).frames[0]
    wanted = [canary, name.encode(), telling(frame)]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with running_server(tmp_path, bundle=tiny_bundle, decoders="1", TMPDIR=str(scratch)) as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            files = {"clip": (f"{name}.mp4", clip)}
            assert client.post("/predict", files=files).status_code == 200
            files = {"clip": (f"{name}.mp4", clip[:900] + canary)}
            assert client.post("/predict", files=files).status_code == 422
            kill_a_decoder_with(clip, server=server)
            assert client.post("/predict", files={"clip": (name, clip)}).status_code == 200
        leave_in_the_middle_of(clip, server=server)
        assert not list(found_in(open_files(server), wanted))
        assert not list(found_in(changed_files(tmp_path, since=began), wanted))
    assert not list(found_in(changed_files(tmp_path, since=began), wanted))


def test_the_search_would_find_it(tmp_path: Path) -> None:
    began, canary = time.time(), secrets.token_hex(24).encode()
    (tmp_path / "log").write_bytes(b"before " + canary + b" after")
    assert set(found_in(changed_files(tmp_path, since=began), [canary])) == {tmp_path / "log"}


def telling(frame: np.ndarray) -> bytes:
    """Return a row of pixels that no file has by chance: the one that varies most."""
    rows = frame.reshape(len(frame), -1)
    return bytes(rows[np.argmax([len(np.unique(row)) for row in rows])])


def kill_a_decoder_with(clip: bytes, *, server: Server) -> None:
    (pid,) = decoders_of(server)
    os.kill(pid, signal.SIGSTOP)
    body = clip_part(clip) + END
    with socket.create_connection(server.address, timeout=60) as connection:
        connection.sendall(request_head(f"Content-Length: {len(body)}") + body)
        time.sleep(0.3)  # it is in the decoder's hands now
        os.kill(pid, signal.SIGKILL)
        assert b" 422 " in connection.recv(65536)


def leave_in_the_middle_of(clip: bytes, *, server: Server) -> None:
    body = clip_part(clip) + END
    with socket.create_connection(server.address, timeout=60) as connection:
        connection.sendall(request_head(f"Content-Length: {len(body)}") + body[:-100])


def open_files(server: Server) -> Iterator[Path]:
    """List what the server's processes have open, files that were deleted included."""
    for pid in processes_of(server):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                target = str(descriptor.readlink())
                if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd:")):
                    yield descriptor


def changed_files(folder: Path, *, since: float) -> Iterator[Path]:
    """List the files that were changed since then, wherever a service might write."""
    for place in (folder, ROOT, *_PLACES):
        for parent, folders, names in os.walk(place):
            folders[:] = [each for each in folders if each not in _NOT_OURS]
            for each in names:
                path = Path(parent) / each
                if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since - 1:
                    yield path


def found_in(paths: Iterator[Path], wanted: list[bytes]) -> Iterator[Path]:
    for path in paths:
        try:
            with path.open("rb") as stream:
                content = stream.read(_LARGEST)
        except OSError:
            continue  # a socket, or gone meanwhile
        if any(each in content for each in wanted):
            yield path
