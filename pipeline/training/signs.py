"""The stages that teach what a hand shows: the heads, then the backbone."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import numpy.typing as npt

from pipeline.network.composition import SignNetwork
from pipeline.network.localiser import cell_centres
from pipeline.network.weights import start_heads, start_part
from pipeline.training.calibrate import Labels, Logits, score_logits
from pipeline.training.crops import CropBatches
from pipeline.training.losses import joints_heat_loss, joints_loss, sign_loss
from pipeline.training.params import StageParams
from pipeline.training.readings import PlainReader, Readings, even_moments
from pipeline.training.run import Run
from pipeline.training.stage import JIT_COMPILE, Judgement, Stage, build_optimizer, run_stage
from pipeline.training.store import Store


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
        loss={"signs": sign_loss(run), "joints": joints_loss, "heat": heat},
        loss_weights={"signs": 1.0, "joints": weight, "heat": weight},
        metrics={"signs": keras.metrics.SparseCategoricalAccuracy(name="accuracy")},
        jit_compile=JIT_COMPILE,
    )


def _judge_crops(run: Run) -> Callable[[], Judgement]:
    """Return what reads the validation clips as serving will, frame by frame."""
    rows = run.store.rows("validation")
    read = PlainReader(run.network, run.store, rows)

    def judge() -> Judgement:
        readings = read()
        judgement = judge_logits(readings.frame_logits.mean(axis=1), run.labels[rows])
        off = joints_error(readings, run.store, rows)
        return replace(judgement, figures={**judgement.figures, "joints_off": off})

    return judge


def crop_batches(run: Run, stage: StageParams, number: int, epoch: int) -> CropBatches:
    """Draw an epoch of crops."""
    return CropBatches(
        run.store,
        run.store.rows("train"),
        run.taught,
        config=run.params.network,
        strength=run.params.augmentation,
        draw=run.draw(stage, number=number, epoch=epoch),
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
