"""What each invention of training is worth to people it has never seen: trainings without it.

Signers are divided into folds. In each, a reader learns from the others, once as designed and once
without each kind of invention, from the same start and with the same seed. What it then makes of
the left-out signers' clips is compared clip by clip: the difference in log likelihood of the true
sign, and its interval over signers, say more than the share that is right. Two short trainings that
differ in nothing but their seeds differ too, so there should be several of each.

`--without blur+noise` leaves out both at once: kinds that can stand in for each other show what
they are worth together.

Two readers are tried. *crops*: the backbone learns for some steps, and reads crops that are cut by
the known boxes. *movements*: the reader of joints learns, and reads, the joints of the table. A row
is written as soon as it is known, and rows that are there are not made again.

    python -m benchmarks.ablation CLIPS --store STORE --boxes B --landmarks L --params P
"""

import pipeline  # noqa: F401 - it says how TensorFlow is to load, so it comes first

# isort: split

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from scipy.special import log_softmax

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
from pipeline.training.readings import Compiled, Readings, even_moments, judge_readings
from pipeline.training.run import Run
from pipeline.training.signs import compile_frames, crop_batches, frames_model, start_frames
from pipeline.training.store import HandTables, Store, build_store
from pipeline.training.watch import Watch
from signwrite.vocabulary import Vocabulary

WHOLE = "nothing"
SHARES = {"half the signers": 0.5, "three quarters of the signers": 0.25}
KINDS = {
    "crops": (*Augmentation.model_fields, "joints", "doubt", *SHARES),
    "movements": (*Movement.model_fields, "drawn", "doubt", *SHARES),
}
_FRAMES = 6  # of each left-out clip, in crops

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one clip of a left-out signer was read as by one training."""

    reader: str
    without: str
    fold: int
    seed: int
    clip: str
    signer: str
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
    shown = joints[store.rows("test")][:, moments]
    clips = shown.shape[:2]
    seen = Readings(
        frame_logits=np.zeros((*clips, run.network.signs), np.float32),
        joints=shown,
        boxes=np.zeros((*clips, 3), np.float32),
        presence=np.full(clips, 4.0, np.float32),
    )
    return judge_readings(run.network, seen)["moved"]


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
    return [
        Row(
            reader=reader,
            without=without,
            fold=fold,
            seed=params.seed,
            clip=store.clips[row].clip,
            signer=store.clips[row].signer,
            right=int(chances.argmax() == run.labels[row]),
            likelihood=round(float(chances[run.labels[row]]), 5),
        )
        for row, chances in zip(rows, chance, strict=True)
    ]


def _completed(joints: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Fill in the moments of a clip [K, 21, 3] whose joints are not known from their neighbours."""
    known = np.flatnonzero(np.isfinite(joints).all(axis=(1, 2)))
    if not len(known):
        return np.zeros_like(joints)
    nearest = np.abs(np.arange(len(joints))[:, None] - known).argmin(axis=1)
    return np.asarray(joints[known[nearest]])


def summarise(rows: Sequence[Row]) -> list[str]:
    """Compare every training with the whole one of its seed, as lines of a Markdown table."""
    whole = {(row.reader, row.seed, row.clip): row for row in rows if row.without == WHOLE}
    lines = ["| of | without | right | log likelihood, against all | 95 % over signers | by seed |"]
    lines.append("|---|---|---|---|---|---|")
    for reader, without in dict.fromkeys((row.reader, row.without) for row in rows):
        own = [row for row in rows if (row.reader, row.without) == (reader, without)]
        lost = [row.likelihood - whole[reader, row.seed, row.clip].likelihood for row in own]
        low, high = interval_over_signers([row.signer for row in own], lost)
        right = np.mean([row.right for row in own])
        by_seed = [
            float(np.mean([each for each, row in zip(lost, own, strict=True) if row.seed == seed]))
            for seed in sorted({row.seed for row in own})
        ]
        lines.append(
            f"| {reader} | {without} | {right:.1%} | {np.mean(lost):+.3f} | "
            f"{low:+.3f} to {high:+.3f} | {', '.join(f'{each:+.2f}' for each in by_seed)} |"
        )
    return lines


def _readers_with(kinds: str, readers: Sequence[str]) -> list[str]:
    """Return which readers have a kind of invention, or all of those that + joins."""
    return [reader for reader in readers if set(kinds.split("+")) <= set(KINDS[reader])]


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
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each")
    parser.add_argument("--reader", choices=KINDS, action="append", help="by default both")
    parser.add_argument(
        "--without", action="append", help="by default every kind, one each; + joins several"
    )
    parser.add_argument("--out", type=Path, default=Path("ablation"))
    given = parser.parse_args(arguments)
    readers = given.reader or list(KINDS)
    if unknown := [each for each in given.without or () if not _readers_with(each, readers)]:
        kinds = dict.fromkeys(kind for reader in readers for kind in KINDS[reader])
        parser.error(f"--without: wanted some of {', '.join(kinds)}; received {', '.join(unknown)}")
    if given.seeds < 1:
        parser.error(f"--seeds: at least 1 wanted; received {given.seeds}")
    params = read_params(given.params)
    keep_freed_memory()
    keras.config.set_dtype_policy(params.precision)
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
    for seed, (fold, folder) in product(
        range(given.seeds), enumerate(folders[: given.only or None], start=1)
    ):
        store = replace(decoded, clips=tuple(read_manifest(folder)))
        seeded = params.model_copy(update={"seed": params.seed + seed})
        for reader in readers:
            asked = given.without or KINDS[reader]
            for without in (WHOLE, *(each for each in asked if _readers_with(each, [reader]))):
                training = (reader, without, fold, seeded.seed)
                if any((r.reader, r.without, r.fold, r.seed) == training for r in done):
                    continue
                done += try_without(store, reader=reader, params=seeded, without=without, fold=fold)
                write_table(table, Row, done)
                print(f"seed {seed}, fold {fold}, {reader} without {without}: written", flush=True)
    print("\n".join(summarise(done)))


if __name__ == "__main__":
    main()
