"""The stages that teach what a hand shows: the head, the backbone, and the temporal part."""

from functools import cache, partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.network.weights import read_starting_weights, start_inception
from pipeline.training.calibrate import score_logits
from pipeline.training.dataset import ArrayBatches, CropBatches
from pipeline.training.params import StageParams
from pipeline.training.run import Run
from pipeline.training.stage import Figures, Stage, build_optimizer, run_stage
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
    start = read_starting_weights(run.params.backbone_start)
    start_inception(backbone, start)
    if start.head is not None and start.head[1].shape == (run.network.signs,):
        head.set_weights(list(start.head))
    whole = keras.Model(backbone.input, head(backbone.output), name="frames")
    rows = run.store.rows("validation")

    def judge() -> Figures:
        plain = plain_variants(run.network, run.store, rows)
        return score_logits(plain.frame_logits(run.network).mean(axis=1), run.labels[rows])

    for name, number, stage in (("head", 2, run.params.head), ("backbone", 3, run.params.backbone)):
        backbone.trainable = name == "backbone"
        _compile(whole, stage, run=run)
        run_stage(
            Stage(
                name=name,
                model=whole,
                batches=partial(_crop_batches, run, stage, number),
                epochs=stage.epochs,
                judge=judge,
                score="likelihood",
            ),
            folder=run.folder,
            say=run.say,
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
            judge=lambda: score_logits(read_clips(run.network, plain()), run.labels[judged]),
            score="likelihood",
        ),
        folder=run.folder,
        say=run.say,
    )


def _compile(model: keras.Model, stage: StageParams, *, run: Run) -> None:
    smoothing, signs = run.params.label_smoothing, run.network.signs
    model.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss=partial(label_loss, smoothing=smoothing, signs=signs),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,  # XLA is the slower way on a CPU
    )


def label_loss(labels: Any, logits: Any, *, smoothing: float, signs: int) -> Any:  # noqa: ANN401 - any backend's tensor
    """Cross-entropy [N] of logits [N, L], the true sign's target lowered by the smoothing."""
    target = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), signs)
    target = target * (1.0 - smoothing) + smoothing / signs
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
