"""The stages that teach where the hand is and whether there is one, and what judges them."""

from functools import cache, partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.network.composition import SignNetwork
from pipeline.network.squares import Tensor
from pipeline.network.weights import start_part, start_trained
from pipeline.training.dataset import ArrayBatches, Draw
from pipeline.training.readings import locate_clips
from pipeline.training.run import Run
from pipeline.training.scenes import SceneBatches
from pipeline.training.stage import JIT_COMPILE, Judgement, Stage, build_optimizer, run_stage
from pipeline.training.store import Store
from signwrite.errors import InputError

_INSIDE, _LOST = 0.9, 0.3  # share of a hand in its crop; overlap with its box


def train_localiser(run: Run) -> None:
    """Train the part that finds the hand, on the training clips whose boxes are known."""
    part, stage, store = run.network.parts["localiser"], run.params.localiser, run.store
    rows = _boxed(store, "train")
    steps = stage.epochs * stage.steps
    part.compile(
        build_optimizer(stage.rate, steps=steps, decay=stage.decay),
        loss={"heat": heat_loss, "boxes": box_loss},
        jit_compile=JIT_COMPILE,
    )
    run_stage(
        Stage(
            name="localiser",
            model=part,
            batches=lambda epoch: SceneBatches(
                store, rows, config=run.params.network, draw=run.draw(stage, number=1, epoch=epoch)
            ),
            epochs=stage.epochs,
            judge=lambda: Judgement(judge_localiser(run.network, store, store.rows("validation"))),
            score="overlap",
            patience=stage.patience,
            start=partial(start_part, part, run.params.localiser_start),
            pictures=True,
        ),
        folder=run.folder,
        watch=run.watch,
    )


def train_presence(run: Run) -> None:
    """Train the part that says whether there is a hand, half the scenes cut beside it."""
    part, stage = run.network.parts["presence"], run.params.presence
    scenes = {
        split: SceneBatches(
            run.store,
            _boxed(run.store, split),
            config=run.params.network,
            draw=Draw(32, steps, run.params.seed + 6, place),
            empty=0.5,
        )
        for place, (split, steps) in enumerate(run.params.presence_scenes.items())
    }

    @cache  # looked at when an epoch is due: a finished stage is only loaded
    def look(
        split: Literal["train", "validation"],
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        return see_scenes(run.network, scenes[split])

    def batches(epoch: int) -> ArrayBatches:
        seen, shown = look("train")
        return ArrayBatches([seen], shown, draw=run.draw(stage, number=7, epoch=epoch))

    part.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss=presence_loss,
        jit_compile=JIT_COMPILE,
    )
    run_stage(
        Stage(
            name="presence",
            model=part,
            batches=batches,
            epochs=stage.epochs,
            judge=lambda: Judgement(judge_presence(run.network, *look("validation"))),
            score="told",
            patience=stage.patience,
            start=partial(start_trained, part, run.params.localiser_start),
        ),
        folder=run.folder,
        watch=run.watch,
    )


def _boxed(store: Store, split: str) -> npt.NDArray[np.intp]:
    """Return the rows of a split whose hand boxes are all known.

    Raises:
        InputError: there are none.
    """
    rows = store.rows(split)
    rows = rows[~np.isnan(store.boxes[rows]).any((1, 2))]
    if not len(rows):
        raise InputError(f"hand boxes of clips of the split {split} wanted (--boxes); none known")
    return rows


def heat_loss(target: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy over the cells; nothing where the target is all zeros (no hand)."""
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)


def box_loss(target: Tensor, boxes: Tensor) -> Tensor:
    """Distance from the true box in its own sides, over the cells the target weighs."""
    side = ops.maximum(target[..., 2], 1e-3)
    off = ops.abs(boxes[..., :2] - target[..., :2]) / side[..., None]
    bigger = ops.abs(ops.log(boxes[..., 2]) - ops.log(side))
    return ops.sum(target[..., 3] * (off[..., 0] + off[..., 1] + bigger), axis=-1)


def presence_loss(labels: Tensor, logits: Tensor) -> Tensor:
    """Binary cross-entropy of whether there is a hand."""
    labels = ops.cast(ops.reshape(labels, (-1,)), "float32")
    logits = ops.reshape(logits, (-1,))
    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))


def see_scenes(
    network: SignNetwork, batches: SceneBatches
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Let the localiser look at scenes: what it sees [N, 192], and whether there is a hand [N]."""
    seen, shown = [], []
    for place in range(len(batches)):
        scenes, targets = batches[place]
        found = network.parts["localiser"](ops.convert_to_tensor(scenes), training=False)
        seen.append(ops.convert_to_numpy(found["seen"]))
        shown.append(targets["heat"].any(axis=1))
    return np.concatenate(seen), np.concatenate(shown).astype(np.int64)


def judge_presence(
    network: SignNetwork, seen: npt.NDArray[np.float32], shown: npt.NDArray[np.int64]
) -> dict[str, float]:
    """Measure how well scenes with a hand are told from those without.

    Returns:
        ``of_shown`` and ``of_empty``: share of either that is told rightly; ``told``: their mean.
    """
    said = ops.convert_to_numpy(network.parts["presence"](seen, training=False))[:, 0] > 0
    of_shown, of_empty = float(said[shown == 1].mean()), float((~said[shown == 0]).mean())
    return {"of_shown": of_shown, "of_empty": of_empty, "told": (of_shown + of_empty) / 2}


def overlap(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Intersection over union of squares [..., 3] (centre x, centre y, side)."""
    shared = _shared_area(first, second)
    union: npt.NDArray[np.float32] = first[..., 2] ** 2 + second[..., 2] ** 2 - shared
    return shared / union


def inside(
    crops: npt.NDArray[np.float32], hands: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Share of each hand square that its crop covers."""
    area: npt.NDArray[np.float32] = hands[..., 2] ** 2
    return _shared_area(crops, hands) / area


def _shared_area(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    low = np.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
    high = np.minimum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
    area: npt.NDArray[np.float32] = np.prod(np.maximum(high - low, 0), axis=-1)
    return area


def judge_localiser(
    network: SignNetwork, store: Store, rows: npt.NDArray[np.intp]
) -> dict[str, float]:
    """Measure where the localiser looks, on clips whose boxes are known.

    Returns:
        ``overlap``: mean intersection over union with the known boxes; ``inside``: share of frames
        whose crop covers at least nine tenths of the hand's box; ``lost``: share of frames with an
        overlap below 0.3.
    """
    moments = np.arange(0, store.frames.shape[1], 2)
    boxes, _ = locate_clips(network, store, rows, moments=moments)
    known = store.boxes[np.ix_(rows, moments)]
    shared = overlap(boxes, known)
    crops = boxes * np.array([1.0, 1.0, network.config.crop_margin], np.float32)
    return {
        "overlap": float(shared.mean()),
        "inside": float((inside(crops, known) >= _INSIDE).mean()),
        "lost": float((shared < _LOST).mean()),
    }
