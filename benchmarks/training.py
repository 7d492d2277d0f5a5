"""What a training step costs with freed memory kept, against what TensorFlow asks of malloc.

    python -m benchmarks.training [--rounds N] [--steps N] [--batch N] [--crop PX]

One process trains InceptionV3 and its heads on drawn hands, from random weights, in turns of so
many steps. Before each turn malloc is told anew what to do with freed memory.
"""

import pipeline  # noqa: F401 - it says how TensorFlow is to load, so it comes first

# isort: split

import argparse
import ctypes
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import keras

from benchmarks.tables import Row, Table, interleave, ratio, spread
from pipeline.clips.cut import cut_clips
from pipeline.drawing.tutorial import BOXES_FILE, SIGNERS_FILE, TIMES_FILE
from pipeline.example import write_tutorials
from pipeline.jobs import no_progress
from pipeline.landmarks.table import LANDMARKS_FILE
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.training.memory import keep_freed_memory
from pipeline.training.params import StageParams, TrainParams
from pipeline.training.run import Run
from pipeline.training.signs import compile_frames, crop_batches, frames_model
from pipeline.training.store import HandTables, Store, build_store
from pipeline.training.watch import Watch
from signwrite.vocabulary import Vocabulary

SIGNS = ("A", "B", "J")

# What glibc has by default, and the least that TensorFlow 2.21 leaves at the top of the heap.
_DEFAULTS = {"M_TRIM_THRESHOLD": (-1, 128 << 10), "M_TOP_PAD": (-2, 128 << 10)}
_DEFAULTS |= {"M_MMAP_THRESHOLD": (-3, 128 << 10)}


def hand_back() -> None:
    """Let malloc give freed memory back to the kernel, as it does when TensorFlow has told it so.

    Raises:
        RuntimeError: it will not.
    """
    libc = ctypes.CDLL(None)
    for name, wanted in _DEFAULTS.items():
        if libc.mallopt(*wanted) != 1:
            raise RuntimeError(f"mallopt refuses {name}")


def measure(*, rounds: int, steps: int = 6, batch: int = 32, crop_px: int = 160) -> Table:
    """Train in turns with memory kept and handed back."""
    stage = StageParams(epochs=1, steps=steps, batch=batch, rate=1e-4)
    params = TrainParams(network=NetworkConfig(crop_px=crop_px), backbone=stage)
    with tempfile.TemporaryDirectory() as scratch:
        store = _drawn(Path(scratch), params)
        network = SignNetwork(params.network, recipe=params.recipe, signs=len(SIGNS))
        watch = Watch(say=print, bar=lambda _: nullcontext(no_progress))
        run = Run(store, Vocabulary(SIGNS), params, network, Path(), watch)
        model = frames_model(network)
        compile_frames(model, stage, run=run)
        kept, back = _Turn(model, run, keep_freed_memory), _Turn(model, run, hand_back)
        turns = {"kept": kept, "handed back": back}
        took = interleave(turns, rounds=rounds)
    rows: list[Row] = [
        {
            "freed memory": how,
            "crops/s": steps * batch / statistics.median(seconds),
            "the kernel's share of CPU time": f"{turns[how].kernel_share():.0%}",
            "time, against kept": f"{ratio(seconds, took['kept']):.2f} "
            f"({spread([a / b for a, b in zip(seconds, took['kept'], strict=True)])})",
        }
        for how, seconds in took.items()
    ]
    note = f"{rounds} rounds of {steps} steps of {batch} crops of {crop_px} px."
    return Table("training", "Training steps, by what becomes of freed memory", note, tuple(rows))


class _Turn:
    """Some steps of training, and what they cost the processor."""

    def __init__(self, model: keras.Model, run: Run, tell: Callable[[], object]) -> None:
        self._model, self._run, self._tell = model, run, tell
        self._spent: list[tuple[float, float]] = []

    def __call__(self) -> None:
        """Tell malloc what to do, and train."""
        self._tell()
        before = os.times()
        batches = crop_batches(self._run, self._run.params.backbone, 3, 0)
        self._model.fit(batches, verbose=0, shuffle=False)
        after = os.times()
        self._spent.append((after.user - before.user, after.system - before.system))

    def kernel_share(self) -> float:
        """Return the median share of CPU time in the kernel, but for the turn to warm up."""
        return statistics.median(system / (user + system) for user, system in self._spent[1:])


def _drawn(folder: Path, params: TrainParams) -> Store:
    write_tutorials(folder, signers=2, signs=SIGNS)
    cut_clips(
        folder, annotations=folder / TIMES_FILE, signers=folder / SIGNERS_FILE, out=folder / "clips"
    )
    tables = HandTables(folder / BOXES_FILE, folder / LANDMARKS_FILE)
    return build_store(folder / "clips", recipe=params.recipe, out=folder / "store", tables=tables)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--crop", type=int, default=160)
    given = parser.parse_args()
    table = measure(rounds=given.rounds, steps=given.steps, batch=given.batch, crop_px=given.crop)
    print(table.markdown())


if __name__ == "__main__":
    main()
