"""Two workers behind one door: their figures are added up, and a dead one's are put right."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.clips import counter_clip
from tests.forms import clip_part, post, request_head
from tests.servers import Server, read_lines, running_server, workers_of

pytestmark = pytest.mark.slow

PATIENCE_S = 90.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ready_workers(server: Server) -> list[int]:
    """List the workers that are ready, and live."""
    lines = read_lines(server.log.read_text())
    told = {line["pid"] for line in lines if "is ready after" in line["message"]}
    return sorted(told & set(workers_of(server)))


@contextmanager
def only(worker: int, *, of: list[int]) -> Iterator[None]:
    """Let no worker but this one answer."""
    others = [pid for pid in of if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def answers(server: Server, *, by: int, of: list[int], clips: int) -> list[int]:
    with only(by, of=of), httpx.Client(base_url=server.url, timeout=60) as client:
        return [post(client, counter_clip()).status_code for _ in range(clips)]


def figures(server: Server, *, by: int, of: list[int]) -> dict[str, float]:
    """Return every series of ours as one of the workers tells it."""
    with only(by, of=of):
        text = httpx.get(f"{server.url}/metrics", timeout=60).text
    found = re.findall(r"^(signwrite_\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
    assert len(dict(found)) == len(found)  # no series twice
    return {name: float(value) for name, value in found}


def in_house(server: Server, *, by: int) -> float:
    return figures(server, by=by, of=[by])["signwrite_requests_in_house"]


def rankings(told: dict[str, float]) -> float:
    return told['signwrite_predictions_total{kind="ranking",status="200"}']


def test_figures_are_those_of_all_workers_and_right_after_one_died(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with running_server(
        tmp_path, bundle=tiny_bundle, workers="2", decoders="1", threads="1", log_format="json"
    ) as server:
        until(lambda: len(ready_workers(server)) == 2)
        both = first, second = ready_workers(server)
        assert answers(server, by=first, of=both, clips=5) == [200] * 5
        assert answers(server, by=second, of=both, clips=7) == [200] * 7
        for worker in both:
            told = figures(server, by=worker, of=both)
            assert rankings(told) == 12
            assert told["signwrite_batch_clips_count"] == 12
            assert [told[name] for name in told if "build_info" in name] == [1]
            assert told["signwrite_requests_in_house"] == 0
        with socket.create_connection(server.address, timeout=60) as unfinished:
            with only(first, of=both):
                head = request_head("Content-Length: 100000", "Expect: 100-continue")
                unfinished.sendall(head)
                assert unfinished.recv(100).startswith(b"HTTP/1.1 100 ")  # it is in
                unfinished.sendall(clip_part(b"the beginning"))
            assert figures(server, by=second, of=both)["signwrite_requests_in_house"] == 1
            os.kill(first, signal.SIGKILL)
            until(lambda: in_house(server, by=second) == 0)  # it takes the kernel a moment
            assert rankings(figures(server, by=second, of=[second])) == 12
        until(lambda: len(set(ready_workers(server)) - {first}) == 2)
        (third,) = set(ready_workers(server)) - set(both)
        now = [second, third]
        assert answers(server, by=third, of=now, clips=3) == [200] * 3
        for worker in now:
            told = figures(server, by=worker, of=now)
            assert rankings(told) == 15
            assert [told[name] for name in told if "build_info" in name] == [1]
