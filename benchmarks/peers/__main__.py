"""Compares the service with what people would use instead: same clips, same machine, interleaved.

    make peers
    python -m benchmarks.peers --model build/asl-letters [--python build/venv-peers/bin/python]

All servers run at once and are asked in turn, round by round, so that only one of them works at a
time. The tuned ones serve the bundle's SavedModel; `naive` has a network of its own, whose answers
mean nothing.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.footage import usual_clips
from benchmarks.load import Answers, send_all
from benchmarks.servers import free_port, serving, signwrite_serving
from benchmarks.tables import Row, Table, spread
from signwrite.backends import choose_backend
from signwrite.bundle import Bundle

NAIVE = "naive FastAPI + Keras"
OURS = "SignWrite"


def peers(python: Path) -> dict[str, list[str]]:
    """Return how each peer is started, but for its port."""
    run = [str(python), "-m"]
    return {
        NAIVE: [*run, "benchmarks.peers.naive"],
        "tuned FastAPI + TensorFlow": [*run, "benchmarks.peers.fastapi_tuned"],
        "LitServe": [*run, "benchmarks.peers.litserve_tuned"],
        "BentoML's tutorial": [
            *run,
            "bentoml",
            "serve",
            "benchmarks.peers.bentoml_tutorial:Letters",
        ],
    }


def start(stack: ExitStack, *, bundle: Path, python: Path) -> dict[str, int]:
    """Start every server, one after another; their ports by their names."""
    ports = {}
    for name, command in peers(python).items():
        port = free_port()
        environment = {
            "PORT": str(port),
            "SAVED_MODEL": str((bundle / "saved_model").absolute()),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        if "bentoml" in command:
            command = [*command, "--port", str(port)]  # noqa: PLW2901 - its port is an argument
        ready = "/readyz" if "bentoml" in command else "/"
        ports[name] = stack.enter_context(
            serving(command, port=port, environment=environment, ready=ready)
        )
    backend = choose_backend(Bundle(bundle))
    for chosen in dict.fromkeys(["tensorflow", backend]):
        ports[f"{OURS}, {chosen}"] = stack.enter_context(signwrite_serving(bundle, backend=chosen))
    return ports


def measure(ports: dict[str, int], *, clips: Sequence[bytes], rounds: int, clients: int) -> Table:
    """Send the clips to every server in turn."""
    alone: dict[str, list[Answers]] = {name: [] for name in ports}
    many: dict[str, list[Answers]] = {name: [] for name in ports}
    for turn in range(rounds + 1):  # the first one warms up
        for name, port in ports.items():
            few = clips[: len(clips) // 3] if name == NAIVE else clips
            one = send_all(port, few[:3], clients=1)
            all_of_them = send_all(port, few, clients=clients)
            if turn > 0:
                alone[name].append(one)
                many[name].append(all_of_them)
    reference = many[next(name for name in reversed(ports))][0].signs
    rates = {name: [each.per_s for each in found] for name, found in many.items()}
    rows: list[Row] = []
    for name in ports:
        same = [
            sign == wanted
            for each in many[name]
            for sign, wanted in zip(each.signs, reference, strict=False)
        ]
        against = [rate / naive for rate, naive in zip(rates[name], rates[NAIVE], strict=True)]
        rows.append(
            {
                "server": name,
                "clips/s": statistics.median(rates[name]),
                "against naive": f"{statistics.median(against):.1f} ({spread(against)})",
                "p50, ms": statistics.median(each.median_ms for each in many[name]),
                "p99, ms": statistics.median(each.quantile_ms(0.99) for each in many[name]),
                "alone, ms": statistics.median(each.median_ms for each in alone[name]),
                "same sign first": "-" if name == NAIVE else f"{sum(same)}/{len(same)}",
            }
        )
    note = (
        f"{len(clips)} clips of 2 s in 480p, 720p and 1080p a round ({len(clips) // 3} for the "
        f"naive one), {clients} clients at once, and one alone; medians of {rounds} interleaved "
        "rounds, and the least and the largest ratio of a round."
    )
    return Table("peers", "Against what people would use instead", note, tuple(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument(
        "--python", type=Path, default=Path("build/venv-peers/bin/python"), help="of the peers"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--clips", type=int, default=27)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    given = parser.parse_args(arguments)
    if not given.python.is_file():
        sys.exit(f"{given.python} wanted, an environment with the peers' packages: make peers")
    usual = usual_clips()
    clips = [usual[number % len(usual)] for number in range(given.clips)]
    with ExitStack() as stack:
        ports = start(stack, bundle=given.model, python=given.python)
        table = measure(ports, clips=clips, rounds=given.rounds, clients=given.clients)
    table.save(given.out)
    print(table.markdown())


if __name__ == "__main__":
    main()
