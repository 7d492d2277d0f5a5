"""The stages that teach what a hand shows: the heads, the backbone, and the reader of joints."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.landmarks import LANDMARKS
from pipeline.network.composition import SignNetwork
from pipeline.network.localiser import cell_centres
from pipeline.network.squares import Tensor
from pipeline.network.temporal import describe_motion
from pipeline.network.weights import start_heads, start_part
from pipeline.training.calibrate import Labels, Logits, score_logits
from pipeline.training.crops import CropBatches
from pipeline.training.movement import MovementBatches, can_be_drawn, draw_movements
from pipeline.training.params import StageParams
from pipeline.training.readings import Readings, even_moments, read_joints, read_plain
from pipeline.training.run import Run
from pipeline.training.stage import JIT_COMPILE, Judgement, Stage, build_optimizer, run_stage
from pipeline.training.store import Store

_FAR = 0.05  # of the crop's side: joints further off pull no harder
_SPREAD = 0.06  # of the crop's side: how sharply a joint's heat is wanted
_JOINTS_SCALE = 3.0  # what the place of joints counts for against their heat
_DRAWN_SEED = 10_000  # far from the signers of drawn videos


def train_backbone(run: Run) -> None:
    """Train the two heads on the frozen backbone, then all of them.

    Joints, where they are known, are learnt beside the signs: what helps to see where the fingers
    are helps with hands that nobody has labelled. A network learns more from several related tasks
    than from one (Caruana 1997, "Multitask Learning").
    """
    whole, judge = frames_model(run.network), _judge_crops(run)
    backbone = run.network.parts["backbone"]
    for name, number, stage in (("head", 2, run.params.head), ("backbone", 3, run.params.backbone)):
        backbone.trainable = name == "backbone"
        if backbone.trainable:
            freeze_to(backbone, run.params.frozen_to)
        compile_frames(whole, stage, run=run)
        run_stage(
            Stage(
                name=name,
                model=whole,
                batches=partial(crop_batches, run, stage, number),
                epochs=stage.epochs,
                judge=judge,
                score="likelihood",
                patience=stage.patience,
                start=partial(start_frames, run) if name == "head" else lambda: None,
                pictures=True,
                signs=tuple(run.vocabulary),
            ),
            folder=run.folder,
            watch=run.watch,
        )


def frames_model(network: SignNetwork) -> keras.Model:
    """Return what reads a crop: ``signs`` [N, L], ``joints`` [N, 63], ``heat`` [N, C, 21]."""
    parts = network.parts
    seen = parts["backbone"].output
    places = parts["landmark_head"]({each: seen[each] for each in ("fine", "coarse")})
    outputs = {"signs": parts["frame_head"](seen["features"]), **places}
    return keras.Model(parts["backbone"].input, outputs, name="frames")


def start_frames(run: Run) -> None:
    """Fill the backbone and its heads with the weights to start from."""
    parts, source = run.network.parts, run.params.backbone_start
    start_part(parts["backbone"], source)
    start_heads(parts["frame_head"], parts["landmark_head"], source, vocabulary=run.vocabulary)


def compile_frames(model: keras.Model, stage: StageParams, *, run: Run) -> None:
    """Give the model of `frames_model` its losses and an optimizer."""
    weight = run.params.joints_weight
    heat = partial(joints_heat_loss, centres=cell_centres(run.params.network.crop_px))
    model.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss={"signs": _label_loss(run), "joints": joints_loss, "heat": heat},
        loss_weights={"signs": 1.0, "joints": weight, "heat": weight},
        metrics={"signs": keras.metrics.SparseCategoricalAccuracy(name="accuracy")},
        jit_compile=JIT_COMPILE,
    )


def _judge_crops(run: Run) -> Callable[[], Judgement]:
    """Return what reads the validation clips as serving will, frame by frame."""
    rows = run.store.rows("validation")

    def judge() -> Judgement:
        readings = read_plain(run.network, run.store, rows)
        judgement = judge_logits(readings.frame_logits.mean(axis=1), run.labels[rows])
        off = joints_error(readings, run.store, rows)
        return replace(judgement, figures={**judgement.figures, "joints_off": off})

    return judge


def crop_batches(run: Run, stage: StageParams, number: int, epoch: int) -> CropBatches:
    """Draw an epoch of crops."""
    return CropBatches(
        run.store,
        run.store.rows("train"),
        run.labels,
        config=run.params.network,
        strength=run.params.augmentation,
        draw=run.draw(stage, number=number, epoch=epoch),
    )


def train_motion(run: Run) -> Readings:
    """Train the reader of joints on what the landmark head sees in training clips.

    Then fit how much each of the two readers counts.

    Returns:
        The validation clips, read as serving does.
    """
    network, stage = run.network, run.params.motion
    frames = network.recipe.frames_per_clip
    rows, judged = run.store.rows("train"), run.store.rows("validation")
    labels = run.labels
    whole = movement_model(network)
    plain = read_plain(network, run.store, judged)
    drawable = can_be_drawn(tuple(run.vocabulary))
    numbers = np.array([run.vocabulary.index(sign) for sign in drawable], np.int64)

    @cache  # seen when an epoch is due: a finished stage is only loaded
    def seen() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        joints = read_joints(network, run.store, rows)
        kept, people = joints.shape[1], run.params.drawn_signers
        return joints, draw_movements(
            drawable, signers=people, kept=kept, seed=run.params.seed + _DRAWN_SEED
        )

    def batches(epoch: int) -> MovementBatches:
        joints, drawn = seen()
        return MovementBatches(
            joints,
            labels[rows],
            drawn=drawn,
            drawn_labels=numbers,
            share=run.params.drawn_share,
            frames=frames,
            draw=run.draw(stage, number=5, epoch=epoch),
        )

    def judge() -> Judgement:
        said = whole.predict_on_batch([plain.joints, plain.presence])
        return judge_logits(said, labels[judged])

    whole.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss=_label_loss(run),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=JIT_COMPILE,
    )
    run_stage(
        Stage(
            name="motion",
            model=whole,
            batches=batches,
            epochs=stage.epochs,
            judge=judge,
            score="likelihood",
            patience=stage.patience,
            signs=tuple(run.vocabulary),
        ),
        folder=run.folder,
        watch=run.watch,
    )
    return plain


def movement_model(network: SignNetwork) -> keras.Model:
    """Return the reader of joints from joints on: [B, T, 21, 3], [B, T] -> logits [B, L]."""
    frames = network.recipe.frames_per_clip
    joints, presence = keras.Input((frames, LANDMARKS, 3)), keras.Input((frames,))
    logits = network.parts["motion"](describe_motion(joints, presence))["logits"]
    return keras.Model([joints, presence], logits, name="movement")


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


def joints_error(readings: Readings, store: Store, rows: npt.NDArray[np.intp]) -> float:
    """Return how far joints are off where they are known, on average, in sides of the hand's box.

    Not a number where none is known.
    """
    moments = even_moments(store.frames.shape[1], readings.joints.shape[1])
    known = store.landmarks[np.ix_(rows, moments)][..., :2]
    off = np.abs(readings.joints[..., :2] - known).mean(axis=(2, 3))
    sides = store.boxes[np.ix_(rows, moments)][..., 2]
    shares = (off / sides)[np.isfinite(off / sides)]
    return float(shares.mean()) if len(shares) else float("nan")


def _label_loss(run: Run) -> Callable[[Any, Any], Any]:
    smoothing, signs = run.params.label_smoothing, run.network.signs
    weights = np.ones(signs, np.float32)
    if run.params.class_weights == "balanced":
        weights = weigh_signs(run.labels[run.store.rows("train")], signs=signs)
    return partial(label_loss, smoothing=smoothing, weights=weights)


def joints_loss(target: Tensor, joints: Tensor) -> Tensor:
    """Distance [N] of joints [N, 63] from the target [N, 64]; nothing where that is not known.

    Huber's loss (1964, "Robust Estimation of a Location Parameter"): joints that the teacher cannot
    see must not outweigh the rest.
    """
    off = ops.abs(joints - target[:, :-1])
    near = off * off / (2 * _FAR)
    loss = ops.mean(ops.where(off < _FAR, near, off - _FAR / 2), axis=-1)
    return _JOINTS_SCALE * target[:, -1] * loss


def joints_heat_loss(target: Tensor, heat: Tensor, *, centres: npt.NDArray[np.float32]) -> Tensor:
    """Divergence [N] of the heat [N, C, 21] from a normal distribution around each joint.

    Args:
        target: float32 [N, 64], the joints, and whether they are known.
        heat: logits.
        centres: float32 [C, 2], of the cells, in sides of the crop.
    """
    places = ops.reshape(target[:, :-1], (-1, 1, LANDMARKS, 3))[..., :2]
    away = ops.sum(ops.square(ops.convert_to_tensor(centres[None, :, None]) - places), axis=-1)
    log_wanted = ops.log_softmax(-away / (2 * _SPREAD**2), axis=1)
    apart = ops.exp(log_wanted) * (log_wanted - ops.log_softmax(heat, axis=1))
    return target[:, -1] * ops.mean(ops.sum(apart, axis=1), axis=-1)


def label_loss(
    labels: Any,  # noqa: ANN401 - any backend's tensor
    logits: Any,  # noqa: ANN401 - any backend's tensor
    *,
    smoothing: float,
    weights: npt.NDArray[np.float32],
) -> Any:  # noqa: ANN401 - any backend's tensor
    """Cross-entropy [N] of logits [N, L], the true sign's target lowered by the smoothing.

    Each clip counts as much as the weight [L] of its sign. Where a clip shows no sign, so that its
    label is negative, every sign should be as likely as any other; it counts 1.
    """
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    true = ops.one_hot(ops.maximum(labels, 0), len(weights))
    signs = ops.cast(labels >= 0, "float32")[:, None]
    smoothed = true * (1.0 - smoothing) + smoothing / len(weights)
    target = signs * smoothed + (1.0 - signs) / len(weights)
    weight = ops.sum(true * ops.convert_to_tensor(weights), axis=-1)
    weight = signs[:, 0] * weight + (1.0 - signs[:, 0])
    return -weight * ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
