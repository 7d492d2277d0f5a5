"""The load test itself: how the crowd grows, what is judged, and a short run of all of it."""

from pathlib import Path

import pytest
import yaml

from loadtests.__main__ import Moment, Objective, Outcome, judge, main, stretches
from loadtests.shapes import users_at
from tests.servers import Server

OBJECTIVE = Objective(users=2, p99_ms=500, refused_share=0.1, failures=0)


def moments(users: int, *, p99_ms: float, count: int = 6) -> list[Moment]:
    return [Moment(users, 1.0, p99_ms / 4, p99_ms / 2, p99_ms)] * count


def outcome(*, p99_ms: float = 400, refused: int = 0, failures: int = 0) -> Outcome:
    found = moments(1, p99_ms=9000) + moments(2, p99_ms=p99_ms) + moments(4, p99_ms=9000)
    return Outcome(tuple(found), requests=100, refused=refused, failures=failures)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ("steps", [1, 2, 4, 8, 16, 20]),
        ("spike", [2, 2, 20, 2, 2, 2]),
        ("soak", [10] * 15),
    ],
)
def test_a_crowd_has_its_shape_and_an_end(shape: str, wanted: list[int]) -> None:
    grown = [users_at(shape, 10.0 * step + 5, step_s=10, most=20) for step in range(len(wanted))]
    assert grown == wanted
    assert users_at(shape, 10.0 * len(wanted), step_s=10, most=20) is None


def test_a_shape_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="steps, soak, spike or none; received cube"):
        users_at("cube", 0, step_s=1, most=1)


def test_each_stretch_is_looked_at_once_it_has_settled() -> None:
    found = list(stretches([*moments(1, p99_ms=1, count=3), *moments(2, p99_ms=2, count=6)]))
    assert [(users, len(settled)) for users, settled in found] == [(1, 2), (2, 4)]


def test_an_objective_is_met() -> None:
    assert judge(outcome(), OBJECTIVE) == []


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (outcome(p99_ms=600), "p99 of at most 500 ms with 2 users wanted; received 600 ms"),
        (outcome(refused=11), "at most 10.0% refused; received 11.0%"),
        (outcome(failures=1), "at most 0 failures; received 1"),
        (Outcome((), 0, 0, 0), "2 users at some time wanted; there never were so many"),
    ],
)
def test_an_objective_that_is_missed_says_by_what(missing: Outcome, told: str) -> None:
    assert judge(missing, OBJECTIVE) == [told]


@pytest.mark.slow
def test_a_load_test_runs_and_judges(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    objective = {"steps": {"users": 2, "p99_ms": 60_000, "refused_share": 1, "failures": 0}}
    (tmp_path / "objective.yaml").write_text(yaml.safe_dump(objective))
    told = ("--host", server.url, "--objective", str(tmp_path / "objective.yaml"))
    main([*told, "--users", "12", "--step-s", "5", "--out", str(tmp_path / "load")])
    printed = capfd.readouterr().out
    assert "the objective is met" in printed
    assert "| 12 |" in printed
    for name in ("steps.html", "steps.png", "steps_stats.csv"):
        assert (tmp_path / "load" / name).stat().st_size > 500
    rows = (tmp_path / "load" / "steps_stats.csv").read_text()
    assert {"usual", "short"} <= {row.split(",")[1] for row in rows.splitlines()}
    assert any(f"POST,{kind}," in rows for kind in ("broken off", "no video", "too large"))
