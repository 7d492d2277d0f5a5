"""How fast the stages that decode videos are, against decoding the same files and nothing more.

    python -m benchmarks.stages [--videos FOLDER --annotations FILE --signers FILE] [--rounds N]

Without videos, it draws some. Each round decodes everything once for the sake of comparison, then
runs every stage from nothing, one process each; a stage's figure is the median over the rounds of
its frames per second, and of their ratio to the same round's raw decoding.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import av

from benchmarks.tables import Row, Table, spread
from pipeline.clips.cut import cut_clips
from pipeline.clips.extract import extract_frames
from pipeline.clips.manifest import read_manifest
from pipeline.drawing.tutorial import SIGNERS_FILE, TIMES_FILE
from pipeline.evaluation.duplicates import HashTask, hash_clip
from pipeline.example import write_tutorials
from pipeline.training.store import build_store
from signwrite.recipe import Recipe

Rates = dict[str, float]
Result = TypeVar("Result")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--annotations", type=Path)
    parser.add_argument("--signers", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if asked.videos is None:
        print(measure_drawn(rounds=asked.rounds).markdown())
        return
    table = measure_rounds(
        asked.videos, asked.annotations, signers=asked.signers, rounds=asked.rounds
    )
    print(table.markdown())


def measure_drawn(*, rounds: int) -> Table:
    """Draw some videos, and measure every stage on them."""
    with tempfile.TemporaryDirectory() as scratch:
        videos = Path(scratch)
        write_tutorials(videos, signers=4, signs=("A", "B", "J", "Z"))
        return measure_rounds(
            videos, videos / TIMES_FILE, signers=videos / SIGNERS_FILE, rounds=rounds
        )


def measure_rounds(videos: Path, annotations: Path, *, signers: Path | None, rounds: int) -> Table:
    """Measure every stage, round by round."""
    with tempfile.TemporaryDirectory() as scratch:
        found = []
        for _ in range(rounds):
            folder = Path(scratch) / "round"
            found.append(measure(videos, annotations, signers=signers, folder=folder))
            shutil.rmtree(folder)
    rows: list[Row] = []
    for stage in found[0]:
        raw = "raw videos" if stage in {"raw videos", "cut"} else "raw clips"
        ratios = [each[stage] / each[raw] for each in found]
        rows.append(
            {
                "stage": stage,
                "frames/s": statistics.median(each[stage] for each in found),
                "against raw decoding": f"{statistics.median(ratios):.2f} ({spread(ratios)})",
            }
        )
    note = f"One process; medians of {rounds} rounds."
    return Table("stages", "The stages that decode videos", note, tuple(rows))


def measure(videos: Path, annotations: Path, *, signers: Path | None, folder: Path) -> Rates:
    """Run every stage once from nothing: frames per second, by stage."""
    clips = folder / "clips"
    rates: Rates = {}
    files = sorted(videos.glob("*.mp4"))
    frames, seconds = timed(lambda: decode(files))
    rates["raw videos"] = frames / seconds
    _, seconds = timed(
        lambda: cut_clips(videos, annotations=annotations, signers=signers, out=clips)
    )
    rates["cut"] = frames / seconds
    rows = read_manifest(clips)
    paths = [clips / row.clip for row in rows]
    frames, seconds = timed(lambda: decode(paths))
    rates["raw clips"] = frames / seconds
    stages: dict[str, Callable[[], object]] = {
        "extract": lambda: extract_frames(clips, out=folder / "frames"),
        "train: decoding": lambda: build_store(clips, recipe=Recipe(), out=folder / "store"),
        "evaluate: near-duplicates": lambda: [hash_clip(HashTask(path, "")) for path in paths],
    }
    for stage, work in stages.items():
        _, seconds = timed(work)
        rates[stage] = frames / seconds
    return rates


def decode(files: Iterable[Path]) -> int:
    """Decode files as FFmpeg does when nobody looks at the frames; return how many there are."""
    frames = 0
    for file in files:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for _ in container.decode(stream):
                frames += 1
    return frames


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Do something once, and say how many seconds it took."""
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


if __name__ == "__main__":
    main()
