"""The same stages on a real Dask cluster: two worker processes, the same bytes."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.cluster import workers
from signwrite.errors import InputError
from tests.clips import cut_off

SIGNS = "YES,NO"


def signwrite(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(  # type: ignore[no-untyped-call]  # it has no type hints
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=logging.ERROR,
    ) as running:
        yield running


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_one_process(cluster: LocalCluster, tmp_path: Path) -> None:
    address = cluster.scheduler_address
    assert len(cluster.workers) == 2
    made = {}
    for name, where in (("alone", ()), ("cluster", ("--scheduler", address))):
        root = tmp_path / name
        videos = root / "videos"
        stages = (
            ("example", "--out", videos, "--signers", 3, "--signs", SIGNS),
            ("cut", videos / "video_clip_times.csv", "--videos", videos, "--out", root / "clips"),
            ("extract", root / "clips", "--out", root / "frames"),
        )
        for stage in stages:
            result = signwrite(*stage, *where)
            assert result.exit_code == 0, result.output + str(result.exception)
        made[name] = files(root)
    assert len(made["alone"]) > 100
    assert made["cluster"] == made["alone"]
    tasks = 3 + 3 + 3 + 6  # drawn, inspected, cut, extracted: each went to a worker and came back
    assert cluster.scheduler is not None
    assert cluster.scheduler.transition_counter >= 3 * tasks


@pytest.mark.slow
def test_one_bad_video_fails_alone_on_a_cluster(cluster: LocalCluster, tmp_path: Path) -> None:
    videos, clips = tmp_path / "videos", tmp_path / "clips"
    signwrite("example", "--out", videos, "--signers", 3, "--signs", SIGNS)
    video = videos / "abc2.mp4"
    video.write_bytes(cut_off(video.read_bytes, keep=0.5))
    times = videos / "video_clip_times.csv"
    where = ("--scheduler", cluster.scheduler_address)
    result = signwrite("cut", times, "--videos", videos, "--out", clips, *where)
    assert result.exit_code == 1
    assert "4 clips" in result.output
    assert "abc2.mp4: wanted" in result.output


def test_nobody_at_the_address_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.cluster._PATIENCE_S", 1)
    with (
        pytest.raises(InputError, match="--scheduler: wanted the address of a Dask scheduler"),
        workers(1, scheduler="tcp://127.0.0.1:9"),
    ):
        raise AssertionError


@pytest.mark.parametrize("address", ["", "nonsense", "http//x:1"])
def test_what_is_no_address_is_told_in_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cluster._PATIENCE_S", 1)
    with (
        pytest.raises(InputError, match="--scheduler: wanted the address of a Dask scheduler"),
        workers(1, scheduler=address),
    ):
        raise AssertionError


def test_a_cluster_without_workers_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.cluster._PATIENCE_S", 1)
    with (
        LocalCluster(n_workers=0, dashboard_address=None, silence_logs=logging.ERROR) as empty,  # type: ignore[no-untyped-call]  # it has no type hints
        pytest.raises(InputError, match="with none"),
        workers(1, scheduler=empty.scheduler_address),
    ):
        raise AssertionError
