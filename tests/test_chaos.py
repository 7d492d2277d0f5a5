"""Under load, while decoders die, clients leave and files attack: no wrong answer, nothing left."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.reader import Reader
from tests.attacks.corpus import corpus
from tests.attacks.references import Canary
from tests.chaos import Crowd, Held, harass_decoders
from tests.clips import GOOD, counter_clip
from tests.forms import post
from tests.servers import Server, running_server
from tests.test_http import figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BAD = corpus(Canary("/nowhere", "http://127.0.0.1:9/"))
SECONDS = 20.0


def signs_of(bundle: Path, *, count: int = 12) -> dict[bytes, str]:
    """Say what good clips must be read as."""
    opened = Bundle(bundle)
    reader = Reader(opened.manifest, classifier=SavedModelClassifier(opened.saved_model))
    clips = [clip.content for clip in list(GOOD.values())[:count]]
    return {clip: reader.read(clip).ranking.predictions[0].sign for clip in clips}


def settled(server: Server) -> Held:
    """Wait until all is quiet, and look at what the server holds."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            inside = figures(client.get("/metrics").text)["signwrite_requests_in_house"]
            if not inside and post(client, counter_clip()).status_code == 200:
                break
            time.sleep(0.1)
    time.sleep(1.0)  # connections that were closed are let go
    return Held.by(server)


def test_nothing_that_happens_to_it_costs_others_their_answer(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    good = signs_of(tiny_bundle)
    with running_server(
        tmp_path, bundle=tiny_bundle, decoders="2", max_requests="8", decoder_s="3"
    ) as server:
        crowd = Crowd(server, good=good, bad=BAD, bad_share=0.3, leaving_share=0.1, killed=True)
        crowd.run(clients=4, requests=200)  # whatever it takes once, it has taken now
        before = settled(server)
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            harassing = pool.submit(harass_decoders, server, stop=stop, every_s=0.5)
            tally = crowd.run(clients=12, seconds=SECONDS)
            stop.set()
            victims = harassing.result()
        after = settled(server)
        log = server.log.read_text()
    assert not tally.wrong, tally.wrong[:5]
    assert victims > 10
    assert tally.statuses["good", 200] > 100, tally.statuses
    assert not [status for _, status in tally.statuses if status >= 500 and status != 504]
    assert after.processes == before.processes
    assert after.segments == before.segments
    assert after.descriptors <= before.descriptors + 4
    assert after.memory_bytes < 1.15 * before.memory_bytes
    assert "Traceback" not in log


def test_a_log_that_cannot_be_written_stops_no_answer(tiny_bundle: Path, tmp_path: Path) -> None:
    """As on a full disk: every line that the server writes fails."""
    log = tmp_path / "server.log"
    log.symlink_to("/dev/full")
    with (
        running_server(tmp_path, bundle=tiny_bundle, decoders="1") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        assert [post(client, counter_clip()).status_code for _ in range(5)] == [200] * 5
        assert post(client, b"no video").status_code == 415


def test_requests_leave_nothing_behind(tiny_bundle: Path, tmp_path: Path) -> None:
    """A timer that outlives its request would keep four kilobytes of each one."""
    with (
        running_server(tmp_path, bundle=tiny_bundle, decoders="1") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        for _ in range(500):
            client.get("/nothing")
        before = Held.by(server)
        for _ in range(3000):
            client.get("/nothing")
        assert Held.by(server).memory_bytes - before.memory_bytes < 4 * 2**20
