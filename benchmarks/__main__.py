"""Runs the benchmarks of speed one after another: tables as Markdown and JSON, and plots.

    make bench                                  all but the peers
    make bench ARGS='--only decoding serving'

Everything is a ratio within one run. What else the machine does shows in the spreads; the first
table says how far one and the same work varied.
"""

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import decoding, growth, roofline, serving, stages, training
from benchmarks.footage import film, usual_clips
from benchmarks.plots import PLOTS
from benchmarks.tables import Row, Table, interleave, spread


def machine() -> Table:
    """Say what this is measured on, and how steady it is."""
    seconds = interleave({"raw": partial(decoding.decode_raw, film("B", size="720p"))}, rounds=15)
    took = [1000 * each for each in seconds["raw"]]
    info = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in info if line.startswith("model name")]
    flags = next((line for line in info if line.startswith("flags")), "").split()
    telling = [each for each in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if each in flags]
    row: Row = {
        "processor": names[0] if names else platform.processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "instructions": ", ".join(telling),
        "the same decoding, ms": f"{statistics.median(took):.1f} ({spread(took)})",
    }
    return Table("machine", "The machine and its noise", "One clip, decoded 15 times.", (row,))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    given = parser.parse_args(arguments)
    rounds, model = given.rounds, given.model
    works: dict[str, Callable[[], Sequence[Table]]] = {
        "machine": lambda: [machine()],
        "stages": lambda: [stages.measure_drawn(rounds=rounds)],
        "decoding": lambda: [decoding.measure(decoding.drawn_clips(), rounds=2 * rounds + 1)],
        "roofline": lambda: [roofline.measure(model, rounds=rounds)],
        "serving": lambda: serving.measure(
            model, backend="auto", clips=3 * usual_clips(), rounds=rounds
        ),
        "growth": lambda: [growth.measure(model, rounds=rounds)],
        "training": lambda: [training.measure(rounds=rounds)],
    }
    unknown = set(given.only or ()) - set(works)
    if unknown:
        parser.error(f"--only: {', '.join(works)} wanted; received {', '.join(sorted(unknown))}")
    for name in given.only or works:
        for table in works[name]():
            table.save(given.out)
            print(table.markdown(), end="\n\n", flush=True)
            if draw := PLOTS.get(table.name):
                draw(table).savefig(given.out / f"{table.name}.png", dpi=120)


if __name__ == "__main__":
    main()
