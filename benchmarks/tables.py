"""What a benchmark found, as it is printed and kept."""

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

Cell = str | float
Row = dict[str, Cell]

_WHOLE_FROM = 100  # larger figures are told without decimals


@dataclass(frozen=True)
class Table:
    """What one benchmark found.

    Attributes:
        name: of its files.
        title: of the table.
        note: how it was measured.
        rows: by the names of the columns; all rows have the same.
    """

    name: str
    title: str
    note: str
    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """Lay it out as Markdown."""
        columns = list(self.rows[0])
        lines = [f"### {self.title}", "", self.note, "", f"| {' | '.join(columns)} |"]
        lines.append("|---" * len(columns) + "|")
        lines += [f"| {' | '.join(map(_in_words, row.values()))} |" for row in self.rows]
        return "\n".join(lines)

    def save(self, folder: Path) -> None:
        """Write it as Markdown and as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.md").write_text(self.markdown() + "\n")
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")


def _in_words(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:.3g}" if abs(cell) < _WHOLE_FROM else f"{cell:.0f}"


def interleave(works: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Do all works in turn, round by round: seconds of each, by its name.

    What a machine does besides hits all of them alike; so compare within a round. The first round
    only warms up.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            began = perf_counter()
            work()
            if turn > 0:
                seconds[name].append(perf_counter() - began)
    return seconds


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Return the median over the rounds of one's share of the other."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def spread(values: Sequence[float]) -> str:
    """Say how far the rounds lie apart: the machine's noise."""
    return f"{min(values):.3g} to {max(values):.3g}"


def measure_alone(measure: Callable[..., Table], *, about: str | None) -> None:
    """Be the program of one benchmark: measure, print its table, and keep it.

    Args:
        measure: takes a model's folder and the keyword `rounds`.
        about: what the program says of itself.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    given = parser.parse_args()
    table = measure(given.model, rounds=given.rounds)
    table.save(given.out)
    print(table.markdown())
