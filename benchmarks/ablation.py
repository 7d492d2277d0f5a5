"""What each invention of training is worth to people it has never seen: trainings without it.

Signers are divided into folds. In each, a reader learns from the others, from the same start, again
and again: each training leaves out half of the kinds of invention, by the design of
`benchmarks.screening`, and has a seed of its own. What it then makes of the left-out signers' clips
is kept by signer: the mean log likelihood of the true sign says more than the share that is right.

`--without blur` instead compares a training as designed with one that lacks a single kind, of the
same seed; `--without blur+noise` leaves out both at once. Two short trainings that differ in
nothing but their seeds differ too, so there should be several of each.

Two readers are tried. *crops*: the backbone learns for some steps, and reads crops that are cut by
the known boxes. *movements*: the reader of joints learns, and reads, the joints of the table. A
training's rows are written as soon as they are known, and those that are there are not made again.

    python -m benchmarks.ablation CLIPS --store STORE --boxes B --landmarks L --params P
"""

import pipeline  # noqa: F401 - it says how TensorFlow is to load, so it comes first

# isort: split

import argparse
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from scipy.special import log_softmax

from benchmarks.movements import read_joints_alone
from benchmarks.screening import Screening, by_chance, estimate, plan_screening
from pipeline.clips.folds import divide_folds
from pipeline.clips.manifest import read_manifest
from pipeline.evaluation.figures import interval_over_signers
from pipeline.jobs import Workers, no_progress
from pipeline.network.composition import SignNetwork
from pipeline.network.squares import sample_squares, scale_pixels
from pipeline.table import read_table, write_table
from pipeline.training.augmentation import Augmentation
from pipeline.training.memory import keep_freed_memory
from pipeline.training.motion import compile_movement, movement_batches, movement_model
from pipeline.training.movement import Movement
from pipeline.training.params import TrainParams, read_params
from pipeline.training.readings import Compiled, even_moments
from pipeline.training.run import Run
from pipeline.training.signs import compile_frames, crop_batches, frames_model, start_frames
from pipeline.training.store import HandTables, Store, build_store
from pipeline.training.watch import Watch
from signwrite.errors import InputError
from signwrite.vocabulary import Vocabulary

WHOLE = "nothing"
SHARES = {"half the signers": 0.5, "three quarters of the signers": 0.25}
KINDS = {
    "crops": (*Augmentation.model_fields, "joints", "doubt"),
    "movements": (*Movement.model_fields, "drawn", "doubt"),
}
_FRAMES = 6  # of each left-out clip, in crops

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one training made of a left-out signer's clips.

    Attributes:
        reader: what was trained.
        without: what it lacked, joined by +.
        fold: whose signers were left out, counted from 1.
        seed: of the training.
        signer: who was left out.
        clips: how many there are.
        right: how many were read rightly.
        likelihood: the mean log likelihood of their true signs.
    """

    reader: str
    without: str
    fold: int
    seed: int
    signer: str
    clips: int
    right: int
    likelihood: float


def leave_out(reader: str, kind: str, params: TrainParams) -> TrainParams:
    """Return the parameters of a training without a kind of invention, or several joined by +."""
    if "+" in kind:
        for each in kind.split("+"):
            params = leave_out(reader, each, params)
        return params
    if kind == WHOLE or kind in SHARES:
        return params
    if kind == "doubt":
        return params.model_copy(update={"doubtful": {}})
    if kind in ("joints", "drawn"):
        return params.model_copy(update={"joints_weight" if kind == "joints" else "drawn_share": 0})
    group = "augmentation" if reader == "crops" else "movement"
    weaker = getattr(params, group).model_copy(update={kind: 0.0})
    return params.model_copy(update={group: weaker})


def kept_share(kind: str) -> float:
    """Return the share of the training signers that a training without this has."""
    return min(SHARES.get(each, 1.0) for each in kind.split("+"))


def thin_out(store: Store, *, share: float, seed: int = 0) -> Store:
    """Take away training clips, so that they are of a share of their signers only."""
    signers = sorted({clip.signer for clip in store.clips if clip.split == "train"})
    kept = np.random.default_rng(seed).permutation(signers)[: max(1, round(share * len(signers)))]
    gone = set(signers) - set(kept)
    clips = (
        replace(clip, split="") if clip.split == "train" and clip.signer in gone else clip
        for clip in store.clips
    )
    return replace(store, clips=tuple(clips))


def read_crops(run: Run) -> Logits:
    """Train the backbone on a fold's training split; read the clips of its test split."""
    params, network, store = run.params, run.network, run.store
    start_frames(run)
    model = frames_model(network)
    for number, (name, stage) in enumerate((("head", params.head), ("backbone", params.backbone))):
        network.parts["backbone"].trainable = name == "backbone"
        compile_frames(model, stage, run=run)
        for epoch in range(stage.epochs):
            model.fit(crop_batches(run, stage, 2 + number, epoch), verbose=0, shuffle=False)
    moments = even_moments(store.frames.shape[1], _FRAMES)
    margin = np.array([1.0, 1.0, params.network.crop_margin], np.float32)

    def read(canvases: object, boxes: object) -> object:
        crops = sample_squares(ops.cast(canvases, "float32"), boxes, size_px=params.network.crop_px)
        return model(scale_pixels(crops), training=False)["signs"]

    reader = Compiled(read, parts=[model])
    shown = [(store.frames[row][moments], store.boxes[row][moments]) for row in store.rows("test")]
    return np.asarray(
        [reader.predict_on_batch([seen, boxes * margin]).mean(axis=0) for seen, boxes in shown],
        np.float32,
    )


def read_movements(run: Run) -> Logits:
    """Train the reader of joints on a fold's training split; read the clips of its test split."""
    store, stage = run.store, run.params.motion
    joints = np.stack([_completed(clip) for clip in store.landmarks])
    model = movement_model(run.network)
    compile_movement(model, run)
    batches = movement_batches(run, joints[store.rows("train")])
    for epoch in range(stage.epochs):
        model.fit(batches(epoch), verbose=0, shuffle=False)
    moments = even_moments(joints.shape[1], run.network.recipe.frames_per_clip)
    return read_joints_alone(run.network, joints[store.rows("test")][:, moments])


READERS: dict[str, Callable[[Run], Logits]] = {"crops": read_crops, "movements": read_movements}


def try_without(
    store: Store, *, reader: str, params: TrainParams, without: str, fold: int
) -> list[Row]:
    """Train once, and compare what is read of the test split with what it is."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(params.seed)
    vocabulary = Vocabulary(tuple(sorted({clip.sign for clip in store.clips})))
    network = SignNetwork(params.network, recipe=params.recipe, signs=len(vocabulary))
    silent = Watch(say=print, bar=lambda _: nullcontext(no_progress))
    store = thin_out(store, share=kept_share(without), seed=params.seed)
    run = Run(store, vocabulary, leave_out(reader, without, params), network, Path(), silent)
    rows = store.rows("test")
    chance = log_softmax(READERS[reader](run).astype(np.float64), axis=1)
    labels = run.labels[rows]
    right, likelihood = chance.argmax(axis=1) == labels, chance[np.arange(len(rows)), labels]
    signers = np.array([store.clips[row].signer for row in rows])
    return [
        Row(
            reader=reader,
            without=without,
            fold=fold,
            seed=params.seed,
            signer=signer,
            clips=int((signers == signer).sum()),
            right=int(right[signers == signer].sum()),
            likelihood=round(float(likelihood[signers == signer].mean()), 5),
        )
        for signer in sorted(set(signers))
    ]


def _completed(joints: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Fill in the moments of a clip [K, 21, 3] whose joints are not known from their neighbours."""
    known = np.flatnonzero(np.isfinite(joints).all(axis=(1, 2)))
    if not len(known):
        return np.zeros_like(joints)
    nearest = np.abs(np.arange(len(joints))[:, None] - known).argmin(axis=1)
    return np.asarray(joints[known[nearest]])


def compare(rows: Sequence[Row]) -> list[str]:
    """Compare every training with the whole one of its seed, as lines of a Markdown table."""
    whole = {(row.reader, row.seed, row.signer): row for row in rows if row.without == WHOLE}
    lines = ["| of | without | right | log likelihood, against all | 95 % over signers | by seed |"]
    lines.append("|---|---|---|---|---|---|")
    for reader, without in dict.fromkeys((row.reader, row.without) for row in rows):
        own = [row for row in rows if (row.reader, row.without) == (reader, without)]
        lost = [row.likelihood - whole[reader, row.seed, row.signer].likelihood for row in own]
        counts = [row.clips for row in own]
        low, high = _interval(own, lost)
        seeds = np.array([row.seed for row in own])
        by_seed = [
            np.average(np.array(lost)[seeds == seed], weights=np.array(counts)[seeds == seed])
            for seed in sorted(set(seeds))
        ]
        lines.append(
            f"| {reader} | {without} | {sum(row.right for row in own) / sum(counts):.1%} | "
            f"{np.average(lost, weights=counts):+.3f} | {low:+.3f} to {high:+.3f} | "
            f"{', '.join(f'{each:+.2f}' for each in by_seed)} |"
        )
    return lines


def screen(rows: Sequence[Row], *, reader: str, design: Screening) -> list[str]:
    """Say what each kind of invention is worth, as lines of a Markdown table.

    Args:
        rows: of all trainings of the design, in its order: the same signers in each.
        reader: what was trained.
        design: what the trainings left out.
    """
    signers = len(rows) // len(design.signs)
    per_training = [rows[place : place + signers] for place in range(0, len(rows), signers)]
    counts = np.array([row.clips for row in per_training[0]])
    likelihood = np.array([[row.likelihood for row in each] for each in per_training])
    right = np.array([[row.right for row in each] for each in per_training]) / counts
    gained, pooled = estimate(design, likelihood), likelihood @ counts / counts.sum()
    points = estimate(design, right @ counts / counts.sum())
    lines = ["| of | kind | log likelihood, with it | 95 % over signers | top-1, with it |"]
    lines.append("|---|---|---|---|---|")
    for kind, by_signer, more in zip(design.factors, gained, points, strict=True):
        low, high = _interval(per_training[0], by_signer)
        lines.append(
            f"| {reader} | {kind} | {np.average(by_signer, weights=counts):+.3f} | "
            f"{low:+.3f} to {high:+.3f} | {100 * more:+.1f} points |"
        )
    by_luck = by_chance(design, right @ counts / counts.sum())
    told = (
        f"\n{reader}: {len(design.signs)} trainings, {counts.sum()} clips of {signers} signers; by "
        f"chance up to {by_chance(design, pooled):.3f}, and {100 * by_luck:.1f} points (95 of 100)"
    )
    return [*lines, told]


def _interval(rows: Sequence[Row], values: Iterable[float]) -> tuple[float, float]:
    """Return the 95 % interval over signers of the mean over clips of a value by signer."""
    clips = [
        (row.signer, value)
        for row, value in zip(rows, values, strict=True)
        for _ in range(row.clips)
    ]
    signers, repeated = zip(*clips, strict=True)
    return interval_over_signers(signers, repeated)


def plan_trainings(
    reader: str, *, without: Sequence[str], seeds: int, first_seed: int
) -> list[tuple[int, str]]:
    """Return the seed of each training of a reader, and what it lacks; by the design by default."""
    if without:
        own = [WHOLE, *(each for each in without if _readers_with(each, [reader]))]
        return list(product(range(first_seed, first_seed + seeds), own))
    left_out = plan_screening(KINDS[reader]).left_out
    return [(seed, "+".join(kinds) or WHOLE) for seed, kinds in enumerate(left_out, first_seed)]


def _readers_with(kinds: str, readers: Sequence[str]) -> list[str]:
    """Return which readers have a kind of invention, or all of those that + joins."""
    return [each for each in readers if set(kinds.split("+")) <= {*KINDS[each], *SHARES}]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what has not been trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="where decoded clips are kept")
    parser.add_argument("--boxes", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--params", type=Path, required=True, help="of a short training")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--only", type=int, default=0, help="so many of the folds; 0: all")
    parser.add_argument("--reader", choices=KINDS, action="append", help="by default both")
    parser.add_argument(
        "--without", action="append", help="one kind, or several joined by +; by default the design"
    )
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each --without")
    parser.add_argument("--out", type=Path, default=Path("ablation"))
    given = parser.parse_args(arguments)
    readers, asked = given.reader or list(KINDS), given.without or []
    if unknown := [each for each in asked if not _readers_with(each, readers)]:
        kinds = dict.fromkeys(kind for reader in readers for kind in (*KINDS[reader], *SHARES))
        parser.error(f"--without: wanted some of {', '.join(kinds)}; received {', '.join(unknown)}")
    if given.seeds < 1 or (given.seeds > 1 and not asked):
        parser.error(f"--seeds: at least 1, more with --without only; received {given.seeds}")
    table = given.out / "ablation.csv"
    try:
        params = read_params(given.params)
        done = read_table(table, Row) if table.is_file() else []
    except InputError as error:
        parser.error(str(error))
    keep_freed_memory()
    keras.config.set_dtype_policy(params.precision)
    folders = divide_folds(given.clips, folds=given.folds, out=given.out)[: given.only or None]
    decoded = build_store(
        given.clips,
        recipe=params.recipe,
        out=given.store,
        tables=HandTables(given.boxes, given.landmarks),
        workers=Workers(jobs=2),
    )
    for reader in readers:
        planned = plan_trainings(reader, without=asked, seeds=given.seeds, first_seed=params.seed)
        for (fold, folder), (seed, without) in product(enumerate(folders, start=1), planned):
            training = (reader, without, fold, seed)
            if any((r.reader, r.without, r.fold, r.seed) == training for r in done):
                continue
            store = replace(decoded, clips=tuple(read_manifest(folder)))
            seeded = params.model_copy(update={"seed": seed})
            done += try_without(store, reader=reader, params=seeded, without=without, fold=fold)
            write_table(table, Row, done)
            print(f"fold {fold}, seed {seed}, {reader} without {without}: written", flush=True)
        rows = [
            row
            for training in planned
            for row in done
            if (row.seed, row.without) == training
            and row.reader == reader
            and row.fold <= len(folders)
        ]
        design = plan_screening(KINDS[reader])
        print("\n".join(compare(rows) if asked else screen(rows, reader=reader, design=design)))


if __name__ == "__main__":
    main()
