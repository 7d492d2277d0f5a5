"""What frames and pixels cost and bring: accuracy by frames a clip and side of the crop.

One set of weights is read at every size, without training it anew for any: its convolutions do not
know how large their input is. Cost is counted, not timed: floating-point operations of the
convolutions, a multiplication and an addition as two.

    python -m benchmarks.knee CLIPS --weights models/asl-letters --out knee.csv
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from pipeline.jobs import Workers
from pipeline.network.composition import SignNetwork
from pipeline.network.weights import WEIGHTS, load_parts
from pipeline.network.weights_folder import load_network
from pipeline.table import read_table, write_table
from pipeline.training.calibrate import score_logits
from pipeline.training.readings import judge_readings, read_plain
from pipeline.training.store import Store, build_store
from signwrite.vocabulary import Vocabulary

FRAMES = (4, 8, 12, 16, 24)
CROPS_PX = (128, 160, 192, 224, 299)
LIMIT_GFLOP = 16 * 11.42  # sixteen frames of InceptionV3 at 299 px


@dataclass(frozen=True)
class Row:
    """One cell of the table; shares of clips, and thousands of millions of operations a clip."""

    frames: int
    crop_px: int
    top1: float
    top3: float
    likelihood: float
    gflop: float


def count_gflop(network: SignNetwork) -> float:
    """Count a clip's floating-point operations in convolutions, in thousands of millions."""
    parts = ("localiser", "backbone", "landmark_head")
    each = sum(_operations(network.parts[part]) for part in parts)
    return network.recipe.frames_per_clip * each / 1e9


def _operations(model: keras.Model) -> float:
    return sum(
        2.0 * float(np.prod(layer.output.shape[1:3])) * float(np.prod(layer.kernel.shape))
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and None not in layer.output.shape[1:]
    )


def measure(weights: Path, store: Store, *, frames: int, crop_px: int) -> Row:
    """Read the validation clips with so many frames of such a size."""
    _, manifest, trained = load_network(weights)
    network = SignNetwork(
        trained.config.model_copy(update={"crop_px": crop_px}),
        recipe=manifest.recipe.model_copy(update={"frames_per_clip": frames}),
        signs=len(manifest.vocabulary),
    )
    load_parts(network.parts, weights / WEIGHTS)
    rows = store.rows("validation")
    logits = judge_readings(network, read_plain(network, store, rows))["logits"]
    labels = store.labels(Vocabulary(tuple(manifest.vocabulary)))[rows]
    scored = score_logits(logits / trained.temperature, labels)
    return Row(frames, crop_px, **scored, gflop=count_gflop(network))


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill the table, cell by cell; cells that are there stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--weights", type=Path, default=Path("models/asl-letters"))
    parser.add_argument("--store", type=Path, required=True, help="where decoded clips are kept")
    parser.add_argument("--out", type=Path, default=Path("knee.csv"))
    parser.add_argument("--precision", default="float32")
    given = parser.parse_args(arguments)
    keras.config.set_dtype_policy(given.precision)
    _, manifest, _ = load_network(given.weights)
    store = build_store(
        given.clips, recipe=manifest.recipe, out=given.store, workers=Workers(jobs=2)
    )
    done = read_table(given.out, Row) if given.out.is_file() else []
    there = {(row.frames, row.crop_px) for row in done}
    for crop_px in CROPS_PX:
        for frames in FRAMES:
            if (frames, crop_px) in there:
                continue
            keras.utils.clear_session()
            done.append(measure(given.weights, store, frames=frames, crop_px=crop_px))
            write_table(given.out, Row, done)
            print(done[-1])


if __name__ == "__main__":
    main()
