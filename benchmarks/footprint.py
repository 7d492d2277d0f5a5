"""How much memory the service takes, and how long until it is ready, on each backend.

    python -m benchmarks.footprint [--model BUNDLE] [--rounds N]

Memory is the proportional set size: what processes share is divided among them. It is read when the
service is ready, and again when clips have been read by eight clients at once.
"""

import statistics
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.footage import usual_clips
from benchmarks.load import send_all
from benchmarks.roofline import backends_of
from benchmarks.servers import signwrite_serving
from benchmarks.tables import Row, Table, measure_alone
from signwrite.bundle import Bundle

_CLIENTS = 8
_MEBIBYTE = 1024 * 1024
_PARTS = {"decoders": "service.decoder_process", "worker": "worker.service"}


def measure(model: Path, *, rounds: int) -> Table:
    """Start the service on each backend, and read its memory before and after clips."""
    rows: list[Row] = []
    clips = usual_clips()
    for backend in backends_of(Bundle(model)):
        ready_s: list[float] = []
        for _ in range(rounds):
            began = perf_counter()
            with signwrite_serving(model, backend=backend) as port:
                ready_s.append(perf_counter() - began)
                at_start = _memory_mib()
                for _ in range(3):
                    send_all(port, clips, clients=_CLIENTS)
                after = _memory_mib()
        rows.append(
            {
                "backend": backend,
                "ready after, s": statistics.median(ready_s),
                "MiB when ready": sum(at_start.values()),
                f"after {3 * len(clips)} clips": sum(after.values()),
                **{f"of it {part}": after[part] for part in after},
            }
        )
    note = f"Medians of {rounds} starts; memory in the last one; {_CLIENTS} clients."
    return Table("footprint", "What the service takes", note, tuple(rows))


def _memory_mib() -> dict[str, float]:
    """Return the proportional set size of this process's children, by what they are."""
    found = dict.fromkeys([*_PARTS, "others"], 0.0)
    for process in _children():
        command = " ".join(process.cmdline())
        part = next((part for part, mark in _PARTS.items() if mark in command), "others")
        found[part] += process.memory_full_info().pss / _MEBIBYTE
    return found


def _children() -> Iterable[psutil.Process]:
    return psutil.Process().children(recursive=True)


if __name__ == "__main__":
    measure_alone(measure, about=__doc__)
