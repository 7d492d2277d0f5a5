"""What each invention of training is worth to people it has never seen: short trainings without it.

Signers are divided into folds; in each, the backbone learns from the others for some steps, once as
designed and once without each kind of augmentation (or without joints), from the same start and
with the same seed. What it then makes of the left-out signers' crops, cut by the known boxes, is
compared clip by clip: the difference in log likelihood of the true sign, and its interval over
signers, say more than the share that is right. A row is written as soon as it is known, and rows
that are there are not made again.

    python -m benchmarks.ablation CLIPS --store STORE --boxes B --landmarks L --params P
"""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import ops
from scipy.special import log_softmax

from pipeline.clips.folds import divide_folds
from pipeline.clips.manifest import read_manifest
from pipeline.jobs import Workers, no_progress
from pipeline.network.composition import SignNetwork
from pipeline.network.squares import sample_squares, scale_pixels
from pipeline.table import read_table, write_table
from pipeline.training.augmentation import Augmentation
from pipeline.training.params import TrainParams, read_params
from pipeline.training.readings import Compiled, even_moments
from pipeline.training.run import Run
from pipeline.training.signs import compile_frames, crop_batches, frames_model, start_frames
from pipeline.training.store import HandTables, Store, build_store
from pipeline.training.watch import Watch
from signwrite.vocabulary import Vocabulary

WHOLE = "nothing"
_FRAMES = 6  # of each left-out clip
_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one clip of a left-out signer was read as by one training."""

    without: str
    fold: int
    clip: str
    signer: str
    right: int
    likelihood: float


KINDS = (*Augmentation.model_fields, "joints")


def leave_out(kind: str, params: TrainParams) -> TrainParams:
    """Return the parameters of a training without a kind of augmentation, or without joints."""
    if kind == WHOLE:
        return params
    if kind == "joints":
        return params.model_copy(update={"joints_weight": 0.0})
    weaker = params.augmentation.model_copy(update={kind: 0.0})
    return params.model_copy(update={"augmentation": weaker})


def try_without(
    store: Store, *, params: TrainParams, without: str, fold: int, watch: Watch
) -> list[Row]:
    """Train once on a fold's training split, and read the clips of its test split."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(params.seed)
    vocabulary = Vocabulary(tuple(sorted({clip.sign for clip in store.clips})))
    network = SignNetwork(params.network, recipe=params.recipe, signs=len(vocabulary))
    run = Run(store, vocabulary, params, network, Path(), watch)
    start_frames(run)
    model = frames_model(network)
    for number, (name, stage) in enumerate((("head", params.head), ("backbone", params.backbone))):
        network.parts["backbone"].trainable = name == "backbone"
        compile_frames(model, stage, run=run)
        for epoch in range(stage.epochs):
            model.fit(crop_batches(run, stage, 2 + number, epoch), verbose=0, shuffle=False)
    rows = store.rows("test")
    moments = even_moments(store.frames.shape[1], _FRAMES)
    margin = np.array([1.0, 1.0, params.network.crop_margin], np.float32)

    def read(canvases: object, boxes: object) -> object:
        crops = sample_squares(ops.cast(canvases, "float32"), boxes, size_px=params.network.crop_px)
        return model(scale_pixels(crops), training=False)["signs"]

    reader = Compiled(read, parts=[model])
    found = []
    for row in rows:
        seen = [store.frames[row][moments], store.boxes[row][moments] * margin]
        chance = log_softmax(reader.predict_on_batch(seen).mean(axis=0).astype(np.float64))
        label = run.labels[row]
        found.append(
            Row(
                without=without,
                fold=fold,
                clip=store.clips[row].clip,
                signer=store.clips[row].signer,
                right=int(chance.argmax() == label),
                likelihood=round(float(chance[label]), 5),
            )
        )
    return found


def summarise(rows: Sequence[Row]) -> list[str]:
    """Compare every training with the whole one, clip by clip, as lines of a Markdown table."""
    whole = {row.clip: row for row in rows if row.without == WHOLE}
    lines = ["| without | right | log likelihood, against all | 95 % over signers |"]
    lines.append("|---|---|---|---|")
    for without in dict.fromkeys(row.without for row in rows):
        own = [row for row in rows if row.without == without and row.clip in whole]
        lost = [row.likelihood - whole[row.clip].likelihood for row in own]
        low, high = _interval([row.signer for row in own], lost)
        right = np.mean([row.right for row in own])
        lines.append(
            f"| {without} | {right:.1%} | {np.mean(lost):+.3f} | {low:+.3f} to {high:+.3f} |"
        )
    return lines


def _interval(signers: Sequence[str], values: Sequence[float]) -> tuple[float, float]:
    names = sorted(set(signers))
    sums = np.zeros((len(names), 2))
    for signer, value in zip(signers, values, strict=True):
        sums[names.index(signer)] += (value, 1.0)
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(0, len(names), (_RESAMPLES, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what has not been trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="where decoded clips are kept")
    parser.add_argument("--boxes", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path)
    parser.add_argument("--params", type=Path, required=True, help="of a short training")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--only", type=int, default=0, help="so many of the folds; 0: all")
    parser.add_argument("--without", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--out", type=Path, default=Path("ablation"))
    given = parser.parse_args(arguments)
    params = read_params(given.params)
    keras.config.set_dtype_policy(params.precision)
    silent = Watch(say=print, bar=lambda _: nullcontext(no_progress))
    table = given.out / "ablation.csv"
    done = read_table(table, Row) if table.is_file() else []
    folders = divide_folds(given.clips, folds=given.folds, out=given.out)
    decoded = build_store(
        given.clips,
        recipe=params.recipe,
        out=given.store,
        tables=HandTables(given.boxes, given.landmarks),
        workers=Workers(jobs=2),
    )
    for fold, folder in enumerate(folders[: given.only or None], start=1):
        store = replace(decoded, clips=tuple(read_manifest(folder)))
        for without in (WHOLE, *given.without):
            if any((row.without, row.fold) == (without, fold) for row in done):
                continue
            changed = leave_out(without, params)
            done += try_without(store, params=changed, without=without, fold=fold, watch=silent)
            write_table(table, Row, done)
            print(f"fold {fold}, without {without}: written", flush=True)
    print("\n".join(summarise(done)))


if __name__ == "__main__":
    main()
