"""The train stage: a folder of clips in, a folder of weights out.

Four stages, each resumed where it was killed:

1. *localiser*: finds the hand, taught by hand boxes; passed over where boxes are not known, and the
   starting model's localiser is kept.
2. *head*: a new layer over the signs on the frozen backbone.
3. *backbone*: every layer of InceptionV3 and the head, slowly.
4. *reader*: the temporal part, on features of many invented variants of each training clip.

Then the temperature and the rule of uncertainty are fitted on validation clips. Epochs are chosen
on validation signers; clips of the test split are never read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import BaseModel, ConfigDict, Field

from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.network.weights import read_starting_weights, start_inception
from pipeline.training.calibrate import fit_temperature, score_logits
from pipeline.training.dataset import ArrayBatches, CropBatches, Draw, SceneBatches
from pipeline.training.localise import box_loss, heat_loss, judge_localiser, presence_loss
from pipeline.training.stage import Figures, Stage, build_optimizer, run_stage
from pipeline.training.store import Store
from pipeline.training.variants import (
    Sightings,
    draw_variants,
    locate_all,
    plain_variants,
    read_clips,
)
from signwrite.recipe import Recipe
from signwrite.vocabulary import Vocabulary

Say = Callable[[str], None]


class StageParams(BaseModel):
    """How long and how fast a stage trains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=0)
    steps: int = Field(ge=1, description="batches an epoch")
    batch: int = Field(ge=1)
    rate: float = Field(gt=0.0, description="highest learning rate")
    decay: float = Field(default=1e-3, ge=0.0, description="weight decay")


class TrainParams(BaseModel):
    """All that a training run depends on besides the clips; kept in the run's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    recipe: Recipe = Recipe()
    network: NetworkConfig = NetworkConfig()
    localiser_start: str = "imagenet"
    backbone_start: str = "imagenet"
    label_smoothing: float = Field(default=0.1, ge=0.0, lt=1.0)
    variants: int = Field(
        default=6, ge=1, description="invented variants of a clip, for the reader"
    )
    localiser: StageParams = StageParams(epochs=5, steps=200, batch=32, rate=4e-4)
    head: StageParams = StageParams(epochs=1, steps=60, batch=32, rate=2e-3)
    backbone: StageParams = StageParams(epochs=11, steps=200, batch=32, rate=2e-4, decay=1e-2)
    reader: StageParams = StageParams(epochs=20, steps=80, batch=64, rate=1e-3, decay=1e-2)


@dataclass(frozen=True)
class Run:
    """One training run: its data, parameters, network and folder."""

    store: Store
    vocabulary: Vocabulary
    params: TrainParams
    network: SignNetwork
    folder: Path
    say: Say

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Each clip's label index."""
        return self.store.labels(self.vocabulary)

    def draw(self, stage: StageParams, *, number: int, epoch: int) -> Draw:
        """Return what an epoch of a stage draws."""
        return Draw(stage.batch, stage.steps, self.params.seed + number, epoch)


def train_network(
    store: Store, *, vocabulary: Vocabulary, params: TrainParams, folder: Path, say: Say
) -> tuple[SignNetwork, Sightings, float]:
    """Train a network; resumes what `folder` holds.

    Returns:
        The network with its best weights, where it sees the hand in each clip of the store, and the
        temperature fitted on validation clips.

    Raises:
        InputError: the starting weights cannot be read.
    """
    network = SignNetwork(params.network, recipe=params.recipe, signs=len(vocabulary))
    run = Run(store, vocabulary, params, network, folder, say)
    train_localiser(run)
    sightings = locate_all(store, network, cache=folder / "sightings.npz")
    known = np.where(np.isnan(store.boxes), sightings.boxes, store.boxes)
    run = replace(run, store=replace(store, boxes=known))
    train_backbone(run, sightings)
    train_reader(run, sightings)
    rows = store.rows("validation")
    logits = read_clips(network, plain_variants(network, store, rows, sightings))
    return network, sightings, fit_temperature(logits, run.labels[rows])


def train_localiser(run: Run) -> None:
    """Train the part that finds the hand, on the training clips whose boxes are known."""
    part, stage, store = run.network.parts["localiser"], run.params.localiser, run.store
    start_inception(part, read_starting_weights(run.params.localiser_start))
    rows = store.rows("train")
    rows = rows[~np.isnan(store.boxes[rows]).any((1, 2))]
    steps = stage.epochs * stage.steps
    part.compile(
        build_optimizer(stage.rate, steps=steps, decay=stage.decay),
        loss={"heat": heat_loss, "boxes": box_loss, "presence": presence_loss},
        jit_compile=False,
    )
    run_stage(
        Stage(
            name="localiser",
            model=part,
            batches=lambda epoch: SceneBatches(
                store, rows, config=run.params.network, draw=run.draw(stage, number=1, epoch=epoch)
            ),
            epochs=stage.epochs,
            judge=lambda: judge_localiser(run.network, store, store.rows("validation")),
            score="overlap",
        ),
        folder=run.folder,
        say=run.say,
    )


def train_backbone(run: Run, sightings: Sightings) -> None:
    """Train the head on the frozen backbone, then both."""
    backbone, head = run.network.parts["backbone"], run.network.parts["frame_head"]
    start = read_starting_weights(run.params.backbone_start)
    start_inception(backbone, start)
    if start.head is not None and start.head[1].shape == (run.network.signs,):
        head.set_weights(list(start.head))
    whole = keras.Model(backbone.input, head(backbone.output), name="frames")
    rows = run.store.rows("validation")

    def judge() -> Figures:
        plain = plain_variants(run.network, run.store, rows, sightings)
        return score_logits(plain.frame_logits(run.network).mean(axis=1), run.labels[rows])

    for name, number, stage in (("head", 2, run.params.head), ("backbone", 3, run.params.backbone)):
        backbone.trainable = name == "backbone"
        whole.compile(
            build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
            loss=partial(label_loss, smoothing=run.params.label_smoothing, signs=run.network.signs),
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            jit_compile=False,
        )
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
    plain = plain_variants(run.network, run.store, judged, sightings)
    inputs: list[Any] = []
    if stage.epochs:
        drawn = draw_variants(
            run.network,
            run.store,
            rows,
            sightings,
            count=run.params.variants,
            rng=np.random.default_rng((run.params.seed, 4)),
        )
        inputs = drawn.inputs(run.network)
    labels = np.repeat(run.labels[rows], run.params.variants)
    reader.compile(
        build_optimizer(stage.rate, steps=stage.epochs * stage.steps, decay=stage.decay),
        loss=partial(label_loss, smoothing=run.params.label_smoothing, signs=run.network.signs),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    run_stage(
        Stage(
            name="reader",
            model=reader,
            batches=lambda epoch: ArrayBatches(
                inputs, labels, draw=run.draw(stage, number=5, epoch=epoch)
            ),
            epochs=stage.epochs,
            judge=lambda: score_logits(read_clips(run.network, plain), run.labels[judged]),
            score="likelihood",
        ),
        folder=run.folder,
        say=run.say,
    )


def label_loss(labels: Any, logits: Any, *, smoothing: float, signs: int) -> Any:  # noqa: ANN401 - any backend's tensor
    """Cross-entropy [N] of logits [N, L], the true sign's target lowered by the smoothing."""
    target = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), signs)
    target = target * (1.0 - smoothing) + smoothing / signs
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
