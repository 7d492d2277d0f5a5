"""The stages that teach what a hand shows: the head, the backbone, and the temporal part."""

from functools import cache, partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.network.weights import start_head, start_part
from pipeline.training.calibrate import Labels, Logits, score_logits
from pipeline.training.dataset import ArrayBatches, CropBatches
from pipeline.training.params import StageParams
from pipeline.training.run import Run
from pipeline.training.stage import JIT_COMPILE, Judgement, Stage, build_optimizer, run_stage
from pipeline.training.variants import (
    Sightings,
    Variants,
    draw_variants,
    plain_variants,
    read_clips,
)


def train_backbone(run: Run) -> None:
    """Train the head on the frozen backbone, then both."""
    backbone, head = run.network.parts["backbone"], run.network.parts["frame_head"]
    whole = keras.Model(backbone.input, head(backbone.output), name="frames")
    rows = run.store.rows("validation")

    def judge() -> Judgement:
        plain = plain_variants(run.network, run.store, rows)
        return judge_logits(plain.frame_logits(run.network).mean(axis=1), run.labels[rows])

    def start() -> None:
        start_part(backbone, run.params.backbone_start)
        start_head(head, run.params.backbone_start, vocabulary=run.vocabulary)

    for name, number, stage in (("head", 2, run.params.head), ("backbone", 3, run.params.backbone)):
        backbone.trainable = name == "backbone"
        if backbone.trainable:
            freeze_to(backbone, run.params.frozen_to)
        _compile(whole, stage, run=run)
        run_stage(
            Stage(
                name=name,
                model=whole,
                batches=partial(_crop_batches, run, stage, number),
                epochs=stage.epochs,
                judge=judge,
                score="likelihood",
                patience=stage.patience,
                start=start if name == "head" else lambda: None,
                pictures=True,
                signs=tuple(run.vocabulary),
            ),
            folder=run.folder,
            watch=run.watch,
        )


def _crop_batches(run: Run, stage: StageParams, number: int, epoch: int) -> CropBatches:
    return CropBatches(
        run.store,
        run.store.rows("train"),
        run.labels,
        config=run.params.network,
        draw=run.draw(stage, number=number, epoch=epoch),
    )


def train_reader(run: Run, sightings: Sightings) -> None:
    """Train the temporal part on invented variants of the training clips."""
    reader, stage = run.network.parts["reader"], run.params.reader
    rows, judged = run.store.rows("train"), run.store.rows("validation")

    @cache  # seen when an epoch is due: a finished stage is only loaded
    def plain() -> Variants:
        return plain_variants(run.network, run.store, judged)

    @cache
    def drawn() -> list[npt.NDArray[Any]]:
        count, seed = run.params.variants, run.params.seed + 4
        variants = draw_variants(run.network, run.store, rows, sightings, count=count, seed=seed)
        return variants.inputs(run.network)

    labels = np.repeat(run.labels[rows], run.params.variants)
    _compile(reader, stage, run=run)
    run_stage(
        Stage(
            name="reader",
            model=reader,
            batches=lambda epoch: ArrayBatches(
                drawn(), labels, draw=run.draw(stage, number=5, epoch=epoch)
            ),
            epochs=stage.epochs,
            judge=lambda: judge_logits(read_clips(run.network, plain()), run.labels[judged]),
            score="likelihood",
            patience=stage.patience,
            signs=tuple(run.vocabulary),
        ),
        folder=run.folder,
        watch=run.watch,
    )


def freeze_to(backbone: keras.Model, block: str | None) -> None:
    """Keep the layers up to and including a block of InceptionV3 as they are; None: none."""
    if block is not None:
        for layer in keras.Model(backbone.input, backbone.get_layer(block).output).layers:
            layer.trainable = False


def judge_logits(logits: Logits, labels: Labels) -> Judgement:
    """Score logits [N, L], and count which sign was read as which."""
    confusion = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
    return Judgement(score_logits(logits, labels), confusion)


def weigh_signs(labels: Labels, *, signs: int) -> npt.NDArray[np.float32]:
    """Weigh each sign by how rare its clips are, float32 [L]; the mean over the clips is 1."""
    counts = np.bincount(labels, minlength=signs)
    even = len(labels) / np.count_nonzero(counts)
    weights: npt.NDArray[np.float32] = np.divide(even, counts.clip(1), dtype=np.float32)
    return weights


def _compile(model: keras.Model, stage: StageParams, *, run: Run) -> None:
    smoothing, signs = run.params.label_smoothing, run.network.signs
    weights = np.ones(signs, np.float32)
    if run.params.class_weights == "balanced":
        weights = weigh_signs(run.labels[run.store.rows("train")], signs=signs)
    model.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss=partial(label_loss, smoothing=smoothing, weights=weights),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=JIT_COMPILE,
    )


def label_loss(
    labels: Any,  # noqa: ANN401 - any backend's tensor
    logits: Any,  # noqa: ANN401 - any backend's tensor
    *,
    smoothing: float,
    weights: npt.NDArray[np.float32],
) -> Any:  # noqa: ANN401 - any backend's tensor
    """Cross-entropy [N] of logits [N, L], the true sign's target lowered by the smoothing.

    Each clip counts as much as the weight [L] of its sign.
    """
    true = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), len(weights))
    target = true * (1.0 - smoothing) + smoothing / len(weights)
    weight = ops.sum(true * ops.convert_to_tensor(weights), axis=-1)
    return -weight * ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
