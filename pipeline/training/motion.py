"""The stage that teaches what a movement shows: the reader of joints."""

from collections.abc import Callable
from functools import cache, partial

import keras
import numpy as np
import numpy.typing as npt

from pipeline.landmarks import LANDMARKS
from pipeline.network.composition import SignNetwork
from pipeline.network.temporal import describe_motion
from pipeline.network.weights import start_trained
from pipeline.training.drawn import can_be_drawn, draw_movements
from pipeline.training.losses import sign_loss
from pipeline.training.movement import MovementBatches
from pipeline.training.readings import Readings, read_joints, read_plain
from pipeline.training.run import Run
from pipeline.training.signs import judge_logits
from pipeline.training.stage import JIT_COMPILE, Judgement, Stage, build_optimizer, run_stage

_DRAWN_SEED = 10_000  # far from the signers of drawn videos


def train_motion(run: Run) -> Readings:
    """Train the reader of joints on what the landmark head sees in training clips.

    Returns:
        The validation clips, read as serving does.
    """
    network, stage = run.network, run.params.motion
    rows, judged = run.store.rows("train"), run.store.rows("validation")
    labels = run.labels
    whole = movement_model(network)
    plain = read_plain(network, run.store, judged)

    @cache  # when an epoch is due: a finished stage is only loaded
    def drawn_from() -> Callable[[int], MovementBatches]:
        return movement_batches(run, read_joints(network, run.store, rows))

    def batches(epoch: int) -> MovementBatches:
        return drawn_from()(epoch)

    def judge() -> Judgement:
        said = whole.predict_on_batch([plain.joints, plain.presence])
        return judge_logits(said, labels[judged])

    compile_movement(whole, run)
    run_stage(
        Stage(
            name="motion",
            model=whole,
            batches=batches,
            epochs=stage.epochs,
            judge=judge,
            score="likelihood",
            patience=stage.patience,
            start=partial(
                start_trained,
                network.parts["motion"],
                run.params.backbone_start,
                vocabulary=run.vocabulary,
            ),
            signs=tuple(run.vocabulary),
        ),
        folder=run.folder,
        watch=run.watch,
    )
    return plain


def movement_batches(run: Run, joints: npt.NDArray[np.float32]) -> Callable[[int], MovementBatches]:
    """Return what draws an epoch of movements.

    Args:
        run: the training.
        joints: float32 [M, K, 21, 3], of the clips of the training split.
    """
    params = run.params
    labels = run.taught[run.store.rows("train")]
    drawable = can_be_drawn(tuple(run.vocabulary))
    numbers = np.array([run.vocabulary.index(sign) for sign in drawable], np.int64)
    drawn = draw_movements(
        drawable,
        signers=params.drawn_signers,
        kept=joints.shape[1],
        seed=params.seed + _DRAWN_SEED,
    )

    def batches(epoch: int) -> MovementBatches:
        return MovementBatches(
            joints,
            labels,
            drawn=drawn,
            drawn_labels=numbers,
            share=params.drawn_share,
            frames=run.network.recipe.frames_per_clip,
            strength=params.movement,
            draw=run.draw(params.motion, number=5, epoch=epoch),
        )

    return batches


def compile_movement(model: keras.Model, run: Run) -> None:
    """Give the model of `movement_model` its loss and an optimizer."""
    stage = run.params.motion
    model.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss=sign_loss(run),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=JIT_COMPILE,
    )


def movement_model(network: SignNetwork) -> keras.Model:
    """Return the reader of joints from joints on: [B, T, 21, 3], [B, T] -> logits [B, L]."""
    frames = network.recipe.frames_per_clip
    joints, presence = keras.Input((frames, LANDMARKS, 3)), keras.Input((frames,))
    logits = network.parts["motion"](describe_motion(joints, presence))
    return keras.Model([joints, presence], logits, name="movement")
