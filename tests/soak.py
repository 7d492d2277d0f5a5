"""Thousands of requests, at first good ones only, then bombs among them: what grows, what waits?

    python -m tests.soak --requests 10000 --out soak

Writes what the server held every second (`soak.csv`), draws it (`soak.png`), and prints how long
good clips took without bombs and with them: alternating stretches of one run, so that a machine
that becomes slower does so for both.
"""

import argparse
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pipeline.table import write_table
from tests.attacks.attack import Answer
from tests.attacks.corpus import corpus
from tests.attacks.references import Canary
from tests.bundles import write_tiny_bundle
from tests.chaos import Crowd, Held
from tests.servers import Server, running_server
from tests.test_chaos import signs_of

_STRETCHES = 10
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Row:
    """What the server held at one moment."""

    at_s: float
    bombs: int
    processes: int
    descriptors: int
    memory_mib: float


def watch(server: Server, rows: list[Row], *, bombs: list[bool], stop: threading.Event) -> None:
    """Look at the server every second until told otherwise."""
    began = time.monotonic()
    while not stop.wait(1.0):
        held = Held.by(server)
        memory = round(held.memory_bytes / _MEBIBYTE, 1)
        at_s = round(time.monotonic() - began, 1)
        rows.append(Row(at_s, int(bombs[-1]), held.processes, held.descriptors, memory))


def draw(rows: list[Row], path: Path) -> None:
    """Draw what was held over time; the grey stretches had bombs."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    memory, counts = figure.subplots(2, 1, sharex=True)
    at = [row.at_s for row in rows]
    memory.plot(at, [row.memory_mib for row in rows], label="resident memory of the worker, MiB")
    counts.plot(at, [row.descriptors for row in rows], label="descriptors of the worker")
    counts.plot(at, [row.processes for row in rows], label="processes")
    for axes in (memory, counts):
        axes.fill_between(
            at,
            0,
            1,
            where=[bool(row.bombs) for row in rows],
            transform=axes.get_xaxis_transform(),
            color="0.9",
            step="mid",
        )
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right")
    counts.set_xlabel("seconds; grey: one request in ten is a bomb")
    figure.savefig(path, dpi=120)


def told(seconds: list[float]) -> str:
    """Put latencies into a line of a table."""
    p50, p95, p99 = (np.percentile(seconds, each) * 1000 for each in (50, 95, 99))
    return f"{len(seconds)} | {p50:.0f} | {p95:.0f} | {p99:.0f} |"


def main() -> None:
    """Soak a server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--bundle", type=Path, help="by default a tiny one, made for it")
    parser.add_argument("--out", type=Path, default=Path("soak"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    bombs = [
        each
        for each in corpus(Canary("/nowhere", "http://127.0.0.1:9/"))
        if each.name.startswith("bomb-") and each.answer is not Answer.RANKED
    ]
    rows: list[Row] = []
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bundle = given.bundle or write_tiny_bundle(Path(folder) / "tiny")
        good = signs_of(bundle)
        server = stack.enter_context(running_server(Path(folder), bundle=bundle))
        stop, phase = threading.Event(), [False]
        watching = threading.Thread(
            target=watch, args=(server, rows), kwargs={"bombs": phase, "stop": stop}
        )
        watching.start()
        for stretch in range(_STRETCHES):
            phase.append(stretch % 2 == 1)
            crowd = Crowd(server, good=good, bad=bombs, bad_share=0.1 * phase[-1])
            tally = crowd.run(clients=given.clients, requests=given.requests // _STRETCHES)
            if tally.wrong:
                raise SystemExit(f"no wrong answer wanted; received {tally.wrong[:5]}")
            seconds[phase[-1]] += tally.seconds
            print(f"stretch {stretch + 1} of {_STRETCHES}: {dict(tally.statuses)}", flush=True)
        stop.set()
        watching.join()
    write_table(given.out / "soak.csv", Row, rows)
    draw(rows, given.out / "soak.png")
    print("| good clips | ranked | p50, ms | p95, ms | p99, ms |\n|---|---|---|---|---|")
    print(f"| alone | {told(seconds[False])}")
    print(f"| one request in ten a bomb | {told(seconds[True])}")
    tenth = max(1, len(rows) // 10)
    for name in ("memory_mib", "descriptors", "processes"):
        values = [getattr(row, name) for row in rows]
        first, last = np.median(values[tenth : 2 * tenth]), np.median(values[-tenth:])
        print(f"{name}: {first:g} after a tenth of the time, {last:g} at its end")


if __name__ == "__main__":
    main()
