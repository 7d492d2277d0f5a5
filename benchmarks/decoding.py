"""How long it takes from a clip's bytes to the model's tensor, against decoding and nothing more.

    python -m benchmarks.decoding [--clips FOLDER] [--rounds N]

Raw decoding is PyAV's, every frame, with FFmpeg's own choice of threads; nobody looks at the
frames. `read_tensor` decodes to the last wanted frame, chooses, resizes and lays out; the decoder
process does so in its cage, and the tensor is there in the server's memory.
"""

import argparse
import asyncio
import io
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import av

from benchmarks.footage import FPS, SIZES, film
from benchmarks.tables import Row, Table, interleave, ratio
from service.decoder import DecoderSetup
from service.decoding import DecoderPool
from signwrite.clip import Limits
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

_MEMORY_BYTES = 1536 * 1024 * 1024


def decode_raw(clip: bytes) -> int:
    """Decode every frame; return how many there are."""
    with av.open(io.BytesIO(clip), mode="r") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return len([None for _ in container.decode(stream)])


async def time_pool(clip: bytes, *, rounds: int) -> list[tuple[float, float]]:
    """Time raw decoding here and then the decoder process, round by round: seconds of both."""
    setup = DecoderSetup(recipe=Recipe(), limits=Limits(), memory_bytes=_MEMORY_BYTES)
    pool, found = DecoderPool(setup, size=1), []
    await pool.start()
    try:
        for turn in range(rounds + 1):
            began = perf_counter()
            decode_raw(clip)
            between = perf_counter()
            async with pool.decoded(clip):
                done = perf_counter()
            if turn > 0:
                found.append((between - began, done - between))
    finally:
        await pool.close()
    return found


def measure(clips: dict[str, bytes], *, rounds: int) -> Table:
    """Time each clip; a row a clip, and one of their medians."""
    rows: list[Row] = []
    for name, clip in clips.items():
        works: dict[str, Callable[[], object]] = {
            "raw": partial(decode_raw, clip),
            "read": partial(read_tensor, clip, recipe=Recipe()),
        }
        seconds = interleave(works, rounds=rounds)
        raw, caged = zip(*asyncio.run(time_pool(clip, rounds=rounds)), strict=True)
        rows.append(
            {
                "clip": name,
                "raw, ms": 1000 * statistics.median(seconds["raw"]),
                "to the tensor": ratio(seconds["read"], seconds["raw"]),
                "by the decoder process": ratio(caged, raw),
            }
        )
    middle: Row = {
        "clip": "median",
        "raw, ms": "",
        "to the tensor": 0.0,
        "by the decoder process": 0.0,
    }
    for column in ("to the tensor", "by the decoder process"):
        middle[column] = statistics.median(float(row[column]) for row in rows)
    return Table(
        "decoding",
        "From bytes to the tensor, in times of raw decoding",
        f"Median ratios of {rounds} interleaved rounds; {FPS} frames a second where drawn.",
        (*rows, middle),
    )


def drawn_clips() -> dict[str, bytes]:
    """Draw one clip of every size, and longer ones."""
    clips = {f"{size}, 2 s": film("B", size=size) for size in SIZES}
    return clips | {
        f"480p, {seconds:g} s": film("B", size="480p", seconds=seconds)
        for seconds in (1.0, 4.0, 8.0)
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of videos; drawn ones by default")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args(arguments)
    clips = drawn_clips()
    if given.clips is not None:
        clips = {file.name: file.read_bytes() for file in sorted(given.clips.rglob("*.mp4"))}
    print(measure(clips, rounds=given.rounds).markdown())


if __name__ == "__main__":
    main()
