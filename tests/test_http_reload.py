"""A rolling change of the model of a server that is asked all the while."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from pipeline.model_store import import_bundle
from service.timings import HEADER
from signwrite.bundle import MANIFEST
from tests.bundles import TINY_SIGNS, write_tiny_bundle
from tests.clips import counter_clip
from tests.forms import post
from tests.servers import ROOT, Server, decoders_of, running_server, signwrite_serving
from tests.test_http import figures

pytestmark = pytest.mark.slow

CLIP = counter_clip()
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def newer_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("newer") / "2", version="2.0.0")


def copied(bundle: Path, root: Path, **changes: object) -> Path:
    """Copy a bundle with another manifest, which no digest covers."""
    shutil.copytree(bundle, root)
    manifest = json.loads((root / MANIFEST).read_text()) | changes
    (root / MANIFEST).write_text(json.dumps(manifest))
    return root


def switch(link: Path, bundle: Path) -> None:
    """Let a link name a bundle, at once."""
    new = link.with_name("new")
    new.symlink_to(bundle)
    new.rename(link)


def until(happened: Callable[[], bool], *, server: Server) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, server.log.read_text()[-3000:]
        time.sleep(0.05)


def hang_up(server: Server, *, logged: str, times: int = 1) -> None:
    """Send SIGHUP to the process that was started, and wait until the log says this once more."""
    before = server.log.read_text().count(logged)
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: server.log.read_text().count(logged) >= before + times, server=server)


def version_of(client: httpx.Client) -> str:
    version: str = client.get("/model").json()["version"]
    return version


def builds(text: str) -> dict[str, float]:
    """Read which version `signwrite_build_info` says serves."""
    series = r'^signwrite_build_info\{.*model_version="([^"]+)".*\} (\S+)$'
    found = re.findall(series, text, re.MULTILINE)
    return {version: float(value) for version, value in found}


class Crowd:
    """Clients that post one clip after another, and look whether the service says it is ready."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.readiness: Counter[int] = Counter()
        self.torn: list[str] = []

    @contextmanager
    def asking(self, *, clients: int) -> Iterator[None]:
        with ThreadPoolExecutor(clients + 1) as pool:
            working = [pool.submit(self._post) for _ in range(clients)]
            working.append(pool.submit(self._look))
            try:
                yield
            finally:
                self._stop.set()
            for done in working:
                done.result()

    def _post(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=60) as client:
            while not self._stop.is_set():
                response = post(client, CLIP)
                self.statuses[response.status_code] += 1
                answer = response.json()
                assert HEADER.lower() in response.headers, response.text
                self.versions[answer["model"]["version"]] += 1

    def _look(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=60) as client:
            while not self._stop.is_set():
                self.readiness[client.get("/readyz").status_code] += 1
                time.sleep(0.02)


def golden_of(server_url: str, folder: Path) -> Path:
    """Take what the service says of a clip for what is right."""
    with httpx.Client(base_url=server_url, timeout=60) as client:
        sign = post(client, CLIP).json()["ranking"][0]["sign"]
    (folder / sign).mkdir(parents=True)
    (folder / sign / "clip.mp4").write_bytes(CLIP)
    return folder


@pytest.fixture(scope="module")
def golden(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return golden_of(server.url, tmp_path_factory.mktemp("golden") / "golden")


def test_no_request_fails_while_the_model_changes(
    tiny_bundle: Path, newer_bundle: Path, golden: Path, tmp_path: Path
) -> None:
    link = tmp_path / "current"
    link.symlink_to(tiny_bundle)
    damaged = copied(newer_bundle, tmp_path / "damaged", version="4.0.0")
    (damaged / "saved_model" / "saved_model.pb").write_bytes(b"")
    signs = [*TINY_SIGNS[1:], TINY_SIGNS[0]]  # each sign is read as another one
    bad = copied(newer_bundle, tmp_path / "bad", version="3.0.0", vocabulary=signs)
    with (
        running_server(
            tmp_path, bundle=link, golden=str(golden), decoders="2", max_requests="32"
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        processes = len(decoders_of(server))
        crowd = Crowd(server)
        with crowd.asking(clients=6):
            for round_ in range(2):
                switch(link, newer_bundle)
                hang_up(server, logged="tiny-signs 2.0.0 replaces tiny-signs 1.0.0")
                assert version_of(client) == "2.0.0"
                assert builds(client.get("/metrics").text) == {"1.0.0": 0.0, "2.0.0": 1.0}
                switch(link, damaged if round_ else bad)
                hang_up(server, logged="the new model is refused, tiny-signs 2.0.0 stays")
                assert version_of(client) == "2.0.0"
                assert figures(client.get("/metrics").text)["signwrite_reload_refused"] == 1
                switch(link, tiny_bundle)
                hang_up(server, logged="tiny-signs 1.0.0 replaces tiny-signs 2.0.0")
        assert set(crowd.statuses) == {200}, crowd.statuses
        assert set(crowd.readiness) == {200}, crowd.readiness
        assert set(crowd.versions) == {"1.0.0", "2.0.0"}
        text = client.get("/metrics").text
        told = figures(text)
        assert builds(text) == {"1.0.0": 1.0, "2.0.0": 0.0}
        assert told["signwrite_reload_refused"] == 0
        outcomes = {"swapped": 4.0, "refused": 2.0, "unchanged": 0.0}
        for outcome, count in outcomes.items():
            assert told[f'signwrite_reloads_total{{outcome="{outcome}"}}'] == count
        for version, count in crowd.versions.items():
            series = rf'^signwrite_first_total\{{model_version="{version}".*\}} (\S+)$'
            firsts = re.findall(series, text, re.MULTILINE)
            assert sum(map(float, firsts)) == count  # golden clips are no answers
        until(lambda: len(decoders_of(server)) == processes, server=server)
        log = server.log.read_text()
    assert re.search(r"SHA-256 \w+… wanted", log)
    assert re.search(r"golden clips: 100% of 1 .* is read as", log)
    assert "Traceback" not in log


def test_without_a_new_model_nothing_happens(tiny_bundle: Path, tmp_path: Path) -> None:
    with (
        running_server(tmp_path, bundle=tiny_bundle, decoders="1") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        before = decoders_of(server)
        hang_up(server, logged="there is no new model, tiny-signs 1.0.0 stays")
        assert decoders_of(server) == before
        assert post(client, CLIP).status_code == 200


def test_two_versions_lie_side_by_side_and_the_newest_is_taken_on_demand(
    tiny_bundle: Path, newer_bundle: Path, golden: Path, tmp_path: Path
) -> None:
    """Each is served by its tag; `latest` means another one when a newer one has been stored."""
    assert import_bundle(tiny_bundle) == "tiny-signs:1.0.0"
    latest = tmp_path / "latest"
    latest.mkdir()
    with (
        signwrite_serving(latest, "--model", "tiny-signs:latest", golden=str(golden)) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        assert version_of(client) == "1.0.0"
        assert import_bundle(newer_bundle) == "tiny-signs:2.0.0"
        hang_up(server, logged="tiny-signs 2.0.0 replaces tiny-signs 1.0.0")
        assert post(client, CLIP).json()["model"] == {"name": "tiny-signs", "version": "2.0.0"}
    for version in ("1.0.0", "2.0.0"):
        folder = tmp_path / version
        folder.mkdir()
        with (
            signwrite_serving(folder, "--model", f"tiny-signs:{version}") as server,
            httpx.Client(base_url=server.url, timeout=60) as client,
        ):
            assert post(client, CLIP).json()["model"]["version"] == version
            hang_up(server, logged=f"there is no new model, tiny-signs {version} stays")


def test_a_terminal_that_is_closed_ends_the_service(tiny_bundle: Path, tmp_path: Path) -> None:
    """Its SIGHUP is no wish for another model, and nothing may be left running."""
    master, slave = pty.openpty()
    program = "import os, fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    program += "from pipeline.cli import main; main()"
    environment = os.environ | {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-c", program, "serve", "--model", str(tiny_bundle), "--port", str(port)],
        stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        said = b""
        while b"curl" not in said:  # the line to try; read on, or the terminal is full
            said += os.read(master, 65536)
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
    finally:
        os.close(master)
        status = process.wait(timeout=PATIENCE_S)
    assert status == 0
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert not alive


def test_every_worker_takes_the_new_model(
    tiny_bundle: Path, newer_bundle: Path, golden: Path, tmp_path: Path
) -> None:
    link = tmp_path / "current"
    link.symlink_to(tiny_bundle)
    with (
        running_server(
            tmp_path,
            bundle=link,
            golden=str(golden),
            decoders="1",
            BENTOML_CONFIG_OPTIONS="services.signwrite.workers=2",
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        until(
            lambda: server.log.read_text().count("tiny-signs 1.0.0 on tensorflow is ready") == 2,
            server=server,
        )
        assert len(decoders_of(server)) == 2
        crowd = Crowd(server)
        with crowd.asking(clients=4):
            switch(link, newer_bundle)
            hang_up(server, logged="tiny-signs 2.0.0 replaces tiny-signs 1.0.0", times=2)
        assert set(crowd.statuses) == {200}, crowd.statuses
        assert set(crowd.readiness) == {200}, crowd.readiness
        assert builds(client.get("/metrics").text) == {"1.0.0": 0.0, "2.0.0": 1.0}
        for _ in range(20):
            with httpx.Client(base_url=server.url, timeout=60) as another:  # any of the workers
                assert version_of(another) == "2.0.0"
