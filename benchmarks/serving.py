"""The service over HTTP against a loop in one process: same clips, same backend, same threads.

    python -m benchmarks.serving [--model BUNDLE] [--backend B] [--rounds N]

The loop decodes a clip and classifies it, then the next one: what a script would do. Then clips
are sent by more and more clients.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.footage import usual_clips
from benchmarks.load import Answers, send_all
from benchmarks.servers import signwrite_serving
from benchmarks.tables import Row, Table, ratio, spread
from service.settings import usable_cores
from signwrite.backends import Wanted, choose_backend, load_classifier
from signwrite.bundle import Bundle
from signwrite.reader import Reader

CLIENTS = (1, 2, 4, 8, 16)


def measure(
    bundle: Path, *, backend: Wanted, clips: Sequence[bytes], rounds: int
) -> tuple[Table, Table]:
    """Compare with a loop, and find the knee.

    Returns:
        Against the loop, by number of clients; and where the time of a lone request went.
    """
    loaded = Bundle(bundle)
    chosen = choose_backend(loaded, backend)
    threads = None if chosen == "tensorflow" else usable_cores()  # TensorFlow takes all by itself
    classifier, _ = load_classifier(loaded, backend=chosen, threads=threads)
    reader = Reader(loaded.manifest, classifier=classifier)
    loops: list[Answers] = []
    served: dict[int, list[Answers]] = {clients: [] for clients in CLIENTS}
    with signwrite_serving(bundle, backend=chosen) as port:
        for turn in range(rounds + 1):  # the first one warms up
            loop = _loop(reader, clips)
            if turn > 0:
                loops.append(loop)
            for clients in CLIENTS:
                answers = send_all(port, clips, clients=clients)
                if turn > 0:
                    served[clients].append(answers)
    rates = [loop.per_s for loop in loops]
    rows: list[Row] = [
        {
            "clients": "loop in one process",
            "clips/s": statistics.median(rates),
            "against the loop": "1",
            "p50, ms": statistics.median(loop.median_ms for loop in loops),
            "p95, ms": statistics.median(loop.quantile_ms(0.95) for loop in loops),
            "p99, ms": statistics.median(loop.quantile_ms(0.99) for loop in loops),
        }
    ]
    for clients, found in served.items():
        own = [each.per_s for each in found]
        against = [a / b for a, b in zip(own, rates, strict=True)]
        rows.append(
            {
                "clients": str(clients),
                "clips/s": statistics.median(own),
                "against the loop": f"{ratio(own, rates):.2f} ({spread(against)})",
                "p50, ms": statistics.median(each.median_ms for each in found),
                "p95, ms": statistics.median(each.quantile_ms(0.95) for each in found),
                "p99, ms": statistics.median(each.quantile_ms(0.99) for each in found),
            }
        )
    note = f"{chosen}; {len(clips)} clips of 2 s a round, medians of {rounds} interleaved rounds."
    against_loop = Table("serving", "The service against a loop in one process", note, tuple(rows))
    return against_loop, _spans(served[1], note)


def _loop(reader: Reader, clips: Sequence[bytes]) -> Answers:
    seconds, signs = [], []
    began = perf_counter()
    for clip in clips:
        since = perf_counter()
        signs.append(reader.read(clip).ranking.predictions[0].sign)
        seconds.append(perf_counter() - since)
    return Answers(tuple(seconds), perf_counter() - began, tuple(signs))


def _spans(alone: Sequence[Answers], note: str) -> Table:
    """Say where the time of a lone request went, by its Server-Timing header."""
    spans: dict[str, list[float]] = {}
    for answers in alone:
        for span in answers.server_timing.split(", "):
            name, _, took = span.partition(";dur=")
            spans.setdefault(name, []).append(float(took))
    rows: list[Row] = [
        {"span": name, "ms": statistics.median(took)} for name, took in spans.items()
    ]
    return Table("spans", "Where the time of a lone request goes", note, tuple(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=27)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    given = parser.parse_args(arguments)
    usual = usual_clips()
    clips = [usual[number % len(usual)] for number in range(given.clips)]
    for table in measure(given.model, backend=given.backend, clips=clips, rounds=given.rounds):
        table.save(given.out)
        print(table.markdown(), end="\n\n")


if __name__ == "__main__":
    main()
