"""What frames and pixels cost and bring: accuracy by frames a clip, side and margin of the crop.

One set of weights is read at every size. As it was trained for one of them, it first learns for a
few steps, on the training split, what hands look like at the new one. Clips of signers who did not
train are then read in all kept frames, and clips of fewer frames are taken from those. Cost is
counted, not timed: floating-point operations of the convolutions, a multiplication and an addition
as two.

    python -m benchmarks.knee CLIPS --store STORE --boxes B --landmarks L

A fold of `signwrite crossval` leaves out more signers than a validation split has:

    python -m benchmarks.knee FOLDS/fold-1/clips --weights FOLDS/fold-1/train/model --split test ...
"""

import pipeline  # noqa: F401 - it says how TensorFlow is to load, so it comes first

# isort: split

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from pydantic import ValidationError

from pipeline.jobs import Workers, no_progress
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.network.joints import COARSE_BLOCK
from pipeline.network.weights import WEIGHTS, load_parts
from pipeline.network.weights_folder import load_network
from pipeline.table import read_table, write_table
from pipeline.training.calibrate import fit_blend, score_logits
from pipeline.training.memory import keep_freed_memory
from pipeline.training.params import StageParams, TrainParams
from pipeline.training.readings import (
    Readings,
    even_moments,
    judge_readings,
    read_plain,
)
from pipeline.training.run import Run
from pipeline.training.signs import compile_frames, crop_batches, frames_model
from pipeline.training.store import FRAMES_KEPT, HandTables, Store, build_store
from pipeline.training.watch import Watch
from signwrite.errors import InputError
from signwrite.vocabulary import Vocabulary

FRAMES = (4, 8, 12, 16, 24)
CROPS_PX = (128, 160, 192, 224, 299)
LIMIT_GFLOP = 16 * 11.42  # sixteen frames of InceptionV3 at 299 px


@dataclass(frozen=True)
class Row:
    """One cell of the table.

    Attributes:
        crop_px: side of the crop.
        margin: side of the crop in sides of the hand box.
        steps: of learning at this size.
        frames: of a clip.
        top1: share of clips whose sign is first.
        top3: share of clips whose sign is among the first three.
        likelihood: the mean log likelihood of the true sign.
        gflop: thousands of millions of operations a clip.
    """

    crop_px: int
    margin: float
    steps: int
    frames: int
    top1: float
    top3: float
    likelihood: float
    gflop: float

    @property
    def size(self) -> tuple[int, float, int]:
        """What the weights learnt to read, and for how many steps."""
        return self.crop_px, self.margin, self.steps


def count_gflop(network: SignNetwork, *, frames: int) -> float:
    """Count a clip's floating-point operations in convolutions, in thousands of millions."""
    backbone, joints = network.parts["backbone"], network.parts["landmark_head"]
    glance = keras.Model(backbone.input, backbone.get_layer(COARSE_BLOCK).output)
    each = _operations(network.parts["localiser"]) + _operations(backbone) + _operations(joints)
    each += (network.config.looks - 1) * (_operations(glance) + _operations(joints))
    return frames * each / 1e9


def _operations(model: keras.Model) -> float:
    return sum(
        2.0 * float(np.prod(layer.output.shape[1:3])) * float(np.prod(layer.kernel.shape))
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and None not in layer.output.shape[1:]
    )


def adapt(
    weights: Path, store: Store, *, crop_px: int, margin: float, stage: StageParams
) -> SignNetwork:
    """Rebuild the network of a folder of weights for another size, and let it learn for a while."""
    _, manifest, trained = load_network(weights)
    network = SignNetwork(
        _resized(trained.config, crop_px=crop_px, margin=margin),
        recipe=manifest.recipe.model_copy(update={"frames_per_clip": FRAMES_KEPT}),
        signs=len(manifest.vocabulary),
    )
    load_parts(network.parts, weights / WEIGHTS)
    params = TrainParams(network=network.config, backbone=stage)
    watch = Watch(say=print, bar=lambda _: nullcontext(no_progress))
    run = Run(store, manifest.vocabulary, params, network, Path(), watch)
    model = frames_model(network)
    compile_frames(model, stage, run=run)
    for epoch in range(stage.epochs):
        model.fit(crop_batches(run, stage, 3, epoch), verbose=0, shuffle=False)
    return network


def _resized(config: NetworkConfig, *, crop_px: int, margin: float) -> NetworkConfig:
    """Return a network's structure with another crop; raises what pydantic has against it."""
    crop = {"crop_px": crop_px, "crop_margin": margin}
    return NetworkConfig.model_validate(config.model_dump() | crop)


def measure(
    network: SignNetwork, store: Store, vocabulary: Vocabulary, *, split: str, steps: int
) -> list[Row]:
    """Read the clips of a split with more and fewer frames, after so many steps of learning."""
    rows = store.rows(split)
    labels = store.labels(vocabulary)[rows]
    people = len({store.clips[row].signer for row in rows})
    whole = read_plain(network, store, rows)
    config, found = network.config, []
    for frames in FRAMES:
        at = even_moments(FRAMES_KEPT, frames)
        parts = (whole.frame_logits, whole.joints, whole.boxes, whole.presence)
        said = judge_readings(network, Readings(*(part[:, at] for part in parts)))
        readers = {name: said[name] for name in config.readers}
        shares, temperature = fit_blend(readers, labels, people=people)
        logits = np.tensordot(
            np.stack([said[each] for each in config.readers], axis=-1), shares, axes=1
        )
        scored = score_logits((logits / temperature).astype(np.float32), labels)
        gflop = count_gflop(network, frames=frames)
        found.append(Row(config.crop_px, config.crop_margin, steps, frames, **scored, gflop=gflop))
    return found


def summarise(rows: Sequence[Row]) -> list[str]:
    """Lay the cells out as a Markdown table: top-1, likelihood and cost, a row for each size."""
    cells = {(*row.size, row.frames): row for row in rows}
    lines = ["| crop, px | margin | steps | " + " | ".join(f"{n} frames" for n in FRAMES) + " |"]
    lines.append("|---" * (len(FRAMES) + 3) + "|")
    for crop_px, margin, steps in sorted({row.size for row in rows}):
        own = [cells[crop_px, margin, steps, frames] for frames in FRAMES]
        told = (f"{r.top1:.1%}, {r.likelihood:.3f}, {r.gflop / LIMIT_GFLOP:.0%}" for r in own)
        lines.append(f"| {crop_px} | {margin:.2f} | {steps} | " + " | ".join(told) + " |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill the table, size by size; sizes that are there stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--weights", type=Path, default=Path("models/asl-letters"))
    parser.add_argument("--store", type=Path, required=True, help="where decoded clips are kept")
    parser.add_argument("--boxes", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path)
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--steps", type=int, default=60, help="of learning at each size")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--crops", type=int, nargs="+", default=CROPS_PX)
    parser.add_argument("--margin", type=float, help="of the crop; by default the trained one's")
    parser.add_argument("--out", type=Path, default=Path("knee.csv"))
    parser.add_argument("--precision", default="float32")
    given = parser.parse_args(arguments)
    try:
        done = read_table(given.out, Row) if given.out.is_file() else []
    except InputError as error:
        parser.error(str(error))
    keep_freed_memory()
    keras.config.set_dtype_policy(given.precision)
    _, manifest, trained = load_network(given.weights)
    margin = trained.config.crop_margin if given.margin is None else given.margin
    for crop_px in given.crops:
        try:
            _resized(trained.config, crop_px=crop_px, margin=margin)
        except ValidationError as error:
            parser.error(f"{crop_px} px, margin {margin}: {error.errors()[0]['msg']}")
    store = build_store(
        given.clips,
        recipe=manifest.recipe,
        out=given.store,
        tables=HandTables(given.boxes, given.landmarks),
        workers=Workers(jobs=2),
    )
    if not len(store.rows(given.split)):
        parser.error(f"{given.clips}: wanted clips of the split {given.split}; there are none")
    stage = StageParams(epochs=1, steps=given.steps, batch=given.batch, rate=5e-5)
    for crop_px in given.crops:
        if (crop_px, margin, given.steps) not in {row.size for row in done}:
            keras.utils.clear_session()
            keras.utils.set_random_seed(0)
            network = adapt(given.weights, store, crop_px=crop_px, margin=margin, stage=stage)
            done += measure(
                network, store, manifest.vocabulary, split=given.split, steps=given.steps
            )
            write_table(given.out, Row, done)
    print("\n".join(summarise(done)))


if __name__ == "__main__":
    main()
