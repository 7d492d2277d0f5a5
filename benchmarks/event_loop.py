"""How long the service's event loop is held by one callback: meanwhile nobody else is answered.

    python -m benchmarks.event_loop [--model BUNDLE] [--rounds N]

The server is the real one, watched by `benchmarks/watched`. Clips come from eight clients at once,
`/metrics` is read between. Counted is the time of the CPU, as on a full machine a callback also
waits for a core, for which it cannot help.
"""

import json
import os
import statistics
import time
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from benchmarks.footage import usual_clips
from benchmarks.load import send_all
from benchmarks.servers import signwrite_serving
from benchmarks.tables import Row, Table, measure_alone

WATCHED = Path(__file__).parent / "watched"
LIMIT_MS = 5.0

_CLIENTS = 8
_TOLD_AFTER_S = 2.0
_MOST_SHOWN = 8


def measure(model: Path, *, rounds: int) -> Table:
    """Serve clips, and say which callbacks held the loop of the model's process longest."""
    clips = usual_clips()
    with TemporaryDirectory() as folder:
        path = os.pathsep.join([str(WATCHED), *filter(None, [os.environ.get("PYTHONPATH")])])
        watched = {"PYTHONPATH": path, "EVENT_LOOP_FIGURES": folder}
        with signwrite_serving(model, variables=watched) as port:
            for turn in range(rounds + 1):
                if turn == 1:
                    began_s = time.time()  # the first requests import what they need
                send_all(port, clips, clients=_CLIENTS)
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                    answer.read()
            time.sleep(_TOLD_AFTER_S)
            loops = [json.loads(file.read_text()) for file in Path(folder).glob("*.json")]
    busiest = max(loops, key=lambda figures: int(figures["calls"]))
    held: dict[str, list[float]] = {}
    for when_s, took_s, name in busiest["slow"]:
        if when_s > began_s:
            held.setdefault(name, []).append(1000 * took_s)
    longest = sorted(held, key=lambda name: max(held[name]), reverse=True)
    rows: list[Row] = [
        {
            "callback": name,
            "calls over 1 ms": str(len(held[name])),
            "median of them, ms": statistics.median(held[name]),
            "longest, ms": max(held[name]),
        }
        for name in longest[:_MOST_SHOWN]
    ]
    over = sum(each > LIMIT_MS for each in chain.from_iterable(held.values()))
    note = (
        f"{over} of {busiest['calls']} callbacks took more than {LIMIT_MS:g} ms of CPU; "
        f"{rounds * len(clips)} clips by {_CLIENTS} clients."
    )
    return Table("event_loop", "What holds the event loop", note, tuple(rows))


if __name__ == "__main__":
    measure_alone(measure, about=__doc__)
