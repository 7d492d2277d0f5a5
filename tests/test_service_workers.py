"""A worker's lock: held while it lives, let go however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.workers import forget_the_dead

WORKER = """
from service.metrics import metrics
metrics().in_house(3)
print("told", flush=True)
input()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


def worker() -> "subprocess.Popen[str]":
    started = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "told\n"
    return started


def files(folder: Path, pid: int, kind: str) -> list[Path]:
    return sorted(folder.glob(f"{kind}*_{pid}.db"))


def test_only_what_a_dead_worker_said_of_its_state_goes(folder: Path) -> None:
    with worker() as living, worker() as dying:
        counted = files(folder, dying.pid, "counter")
        assert counted
        assert files(folder, dying.pid, "gauge_live")
        forget_the_dead()
        assert files(folder, dying.pid, "gauge_live")  # it still lives
        os.kill(dying.pid, signal.SIGKILL)
        os.waitid(os.P_PID, dying.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet buried
        forget_the_dead()
        forget_the_dead()
        assert not files(folder, dying.pid, "gauge_live")
        assert files(folder, dying.pid, "counter") == counted
        assert files(folder, living.pid, "gauge_live")
        living.communicate("\n")


def test_a_worker_with_a_dead_ones_number_begins_anew(folder: Path) -> None:
    with worker() as dead:
        dead.kill()
        dead.wait()
    (left,) = files(folder, dead.pid, "gauge_livesum")
    program = f"import os; os.getpid = lambda: {dead.pid}; from service.workers import say_alive"
    subprocess.run(  # noqa: S603 - so
        [sys.executable, "-c", f"{program}; say_alive()"], env=os.environ, check=True
    )
    assert not left.exists()


def test_without_a_shared_folder_there_is_nothing_to_forget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    forget_the_dead()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
