"""Runs a load test without a screen, draws what came of it, and holds it against an objective.

    python -m loadtests --shape steps
    python -m loadtests --shape soak --host https://signs.example.org

Without a host it starts the shipped model on this machine. In the folder it names are Locust's own
report (`locust.html`) and tables, and `load.png`: throughput and latencies against users.
"""

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.servers import signwrite_serving

_ROOT = Path(__file__).resolve().parents[1]
_REFUSED = "refused"
_ALL = "Aggregated"


class Objective(BaseModel):
    """What a service must do under one shape; `objective.yaml` says what each part means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(ge=1)
    p99_ms: float = Field(gt=0)
    refused_share: float = Field(ge=0, le=1)
    failures: int = Field(ge=0)


@dataclass(frozen=True)
class Moment:
    """One line of Locust's history: the last ten seconds or so."""

    users: int
    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Outcome:
    """What came of a load test.

    Attributes:
        moments: over time.
        requests: how many there were, those that were refused included.
        refused: how many were told to come back.
        failures: how many were answered wrongly or not at all.
    """

    moments: tuple[Moment, ...]
    requests: int
    refused: int
    failures: int


def read_outcome(prefix: Path) -> Outcome:
    """Read the tables that Locust wrote."""
    history = _rows(prefix.with_name(f"{prefix.name}_stats_history.csv"))
    totals = {row["Name"]: row for row in _rows(prefix.with_name(f"{prefix.name}_stats.csv"))}
    moments = [
        Moment(
            users=int(row["User Count"]),
            per_s=float(row["Requests/s"]),
            p50_ms=float(row["50%"]),
            p95_ms=float(row["95%"]),
            p99_ms=float(row["99%"]),
        )
        for row in history
        if row["Name"] == _ALL and row["99%"] != "N/A"
    ]
    return Outcome(
        moments=tuple(moments),
        requests=int(totals[_ALL]["Request Count"]),
        refused=int(totals.get(_REFUSED, {"Request Count": 0})["Request Count"]),
        failures=int(totals[_ALL]["Failure Count"]),
    )


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def stretches(moments: Sequence[Moment]) -> Iterator[tuple[int, list[Moment]]]:
    """Group moments of the same number of users, the first third of each left out: it settles."""
    start = 0
    for place in range(1, len(moments) + 1):
        if place == len(moments) or moments[place].users != moments[start].users:
            whole = list(moments[start:place])
            yield whole[0].users, whole[len(whole) // 3 :]
            start = place


def judge(outcome: Outcome, objective: Objective) -> list[str]:
    """Return what was missed, a sentence each; none if the objective is met."""
    missed = []
    judged = [found for users, found in stretches(outcome.moments) if users == objective.users]
    if not judged:
        missed.append(f"{objective.users} users at some time wanted; there never were so many")
    elif (p99_ms := median(moment.p99_ms for moment in judged[-1])) > objective.p99_ms:
        missed.append(
            f"p99 of at most {objective.p99_ms:g} ms with {objective.users} users wanted; "
            f"received {p99_ms:g} ms"
        )
    share = outcome.refused / max(1, outcome.requests)
    if share > objective.refused_share:
        missed.append(f"at most {objective.refused_share:.1%} refused; received {share:.1%}")
    if outcome.failures > objective.failures:
        missed.append(f"at most {objective.failures} failures; received {outcome.failures}")
    return missed


def tabulate(outcome: Outcome) -> list[str]:
    """Lay the stretches out as a Markdown table."""
    lines = ["| users | answers/s | p50, ms | p95, ms | p99, ms |", "|---|---|---|---|---|"]
    for users, found in stretches(outcome.moments):
        figures = [
            median(getattr(each, name) for each in found)
            for name in ("per_s", "p50_ms", "p95_ms", "p99_ms")
        ]
        lines.append(
            f"| {users} | {figures[0]:.2f} | " + " | ".join(f"{f:.0f}" for f in figures[1:]) + " |"
        )
    return lines


def draw(outcome: Outcome, path: Path) -> None:
    """Draw throughput and latencies over time, with the number of users."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    crowd, rate, wait = figure.subplots(3, 1, sharex=True)
    at = range(len(outcome.moments))
    crowd.step(at, [each.users for each in outcome.moments], where="post", label="users")
    rate.plot(at, [each.per_s for each in outcome.moments], label="answers a second")
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        wait.plot(at, [getattr(each, name) for each in outcome.moments], label=name[:3])
    wait.set_ylabel("ms")
    wait.set_xlabel("seconds")
    for axes in (crowd, rate, wait):
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left")
    figure.savefig(path, dpi=120)


@contextmanager
def serving(host: str | None, *, model: Path) -> Iterator[str]:
    """Yield the address of a service: the one named, or one that is started for the time."""
    if host is not None:
        yield host
        return
    with signwrite_serving(model) as port:
        yield f"http://127.0.0.1:{port}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a load test, and exit with 1 if the objective is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="of the service; by default one is started here")
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument("--shape", choices=("steps", "soak", "spike"), default="steps")
    parser.add_argument("--step-s", type=float, default=20.0)
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument(
        "--objective", type=Path, default=Path(__file__).with_name("objective.yaml")
    )
    parser.add_argument("--out", type=Path, default=Path("build/load"))
    given = parser.parse_args(arguments)
    objective = Objective(**yaml.safe_load(given.objective.read_text())[given.shape])
    given.out.mkdir(parents=True, exist_ok=True)
    prefix = given.out / given.shape
    environment = os.environ | {
        "LOAD_SHAPE": given.shape,
        "LOAD_STEP_S": str(given.step_s),
        "LOAD_USERS": str(given.users),
        "PYTHONPATH": str(_ROOT),
    }
    with serving(given.host, model=given.model) as address:
        command = [
            *(sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py"))),
            *("--headless", "--host", address, "--only-summary", "--exit-code-on-error", "0"),
            *("--csv", str(prefix), "--csv-full-history"),
            *("--html", str(given.out / f"{given.shape}.html")),
        ]
        subprocess.run(command, env=environment, check=True)  # noqa: S603 - Locust, our arguments
    outcome = read_outcome(prefix)
    draw(outcome, given.out / f"{given.shape}.png")
    print("\n".join(tabulate(outcome)))
    print(f"{outcome.requests} requests, {outcome.refused} refused, {outcome.failures} failures")
    if missed := judge(outcome, objective):
        raise SystemExit("missed: " + "; ".join(missed))
    print("the objective is met")


if __name__ == "__main__":
    main()
