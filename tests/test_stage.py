"""A stage of training: what a kill in its middle changes, which is nothing."""

from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.jobs import no_progress
from pipeline.network.composition import build_backbone
from pipeline.network.config import NetworkConfig
from pipeline.training.dataset import ArrayBatches, Draw
from pipeline.training.losses import label_loss, weigh_signs
from pipeline.training.movement import NO_SIGN
from pipeline.training.run import DOUBTFUL
from pipeline.training.signs import freeze_to, judge_logits
from pipeline.training.stage import Judgement, Stage, build_optimizer, run_stage
from pipeline.training.watch import Watch

EPOCHS = 4
SILENT = Watch(say=lambda _: None, bar=lambda _: nullcontext(no_progress))


class Killed(Exception):  # noqa: N818 - it stands for a signal, not a fault
    """The process went away."""


def build_stage(
    *, dies_in: int | None = None, scores: tuple[float, ...] = (1, 2, 3, 4), patience: int = 0
) -> Stage:
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(64, 5)).astype(np.float32), rng.integers(0, 3, 64)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)])
    model.compile(
        build_optimizer(0.05, steps=EPOCHS * 8, decay=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )

    def batches(epoch: int) -> ArrayBatches:
        if epoch == dies_in:
            raise Killed
        judged.append(epoch)
        return ArrayBatches([inputs], labels, draw=Draw(batch=8, steps=8, seed=1, epoch=epoch))

    judged: list[int] = []
    return Stage(
        name="toy",
        model=model,
        batches=batches,
        epochs=EPOCHS,
        judge=lambda: Judgement({"score": scores[judged[-1]]}),
        score="score",
        patience=patience,
    )


def trained(stage: Stage, folder: Path) -> list[np.ndarray]:
    run_stage(stage, folder=folder, watch=SILENT)
    return [np.asarray(weight) for weight in stage.model.get_weights()]


def test_training_moves_the_weights(tmp_path: Path) -> None:
    before = [np.asarray(weight) for weight in build_stage().model.get_weights()]
    after = trained(build_stage(), tmp_path)
    assert np.abs(before[0] - after[0]).max() > 0.05


@pytest.mark.parametrize("dies_in", [1, 3])
def test_a_killed_stage_resumes_to_the_same_weights(tmp_path: Path, dies_in: int) -> None:
    whole = trained(build_stage(), tmp_path / "whole")
    with pytest.raises(Killed):
        trained(build_stage(dies_in=dies_in), tmp_path / "killed")
    resumed = trained(build_stage(), tmp_path / "killed")
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("patience", "kept"), [(3, 2), (0, 4)])
def test_with_patience_the_best_epoch_is_kept_and_the_last_without(
    tmp_path: Path, patience: int, kept: int
) -> None:
    scores = (1, 9, 2, 3)
    found = trained(build_stage(scores=scores, patience=patience), tmp_path / "whole")
    if kept < EPOCHS:
        with pytest.raises(Killed):
            trained(build_stage(dies_in=kept), tmp_path / "cut")
    else:
        trained(build_stage(), tmp_path / "cut")
    with np.load(tmp_path / "cut" / "toy.last.npz") as after:
        np.testing.assert_array_equal(found[0], after["variable0001"])
    again = trained(build_stage(scores=scores, patience=patience, dies_in=0), tmp_path / "whole")
    np.testing.assert_array_equal(found[0], again[0])  # a finished stage is only loaded


@pytest.mark.parametrize(
    ("scores", "patience", "epochs"),
    [((5, 1, 2, 9), 2, 3), ((1, 2, 1, 3), 2, 4), ((5, 5, 1, 1), 2, 4), ((4, 3, 2, 1), 0, 4)],
)
def test_a_stage_ends_when_nothing_better_comes(
    tmp_path: Path, scores: tuple[float, ...], patience: int, epochs: int
) -> None:
    trained(build_stage(scores=scores, patience=patience), tmp_path / "whole")
    history = (tmp_path / "whole" / "toy.csv").read_text().splitlines()[1:]
    assert len(history) == epochs
    for dies_in in range(1, epochs):  # a kill must not make it more patient
        with pytest.raises(Killed):
            trained(
                build_stage(scores=scores, patience=patience, dies_in=dies_in),
                tmp_path / str(dies_in),
            )
        trained(build_stage(scores=scores, patience=patience), tmp_path / str(dies_in))
        assert len((tmp_path / str(dies_in) / "toy.csv").read_text().splitlines()[1:]) == epochs


def test_rare_signs_weigh_more_and_the_mean_clip_weighs_one() -> None:
    labels = np.array([0, 0, 0, 1, 3])
    weights = weigh_signs(labels, signs=4)
    assert weights[labels].mean() == pytest.approx(1.0)
    assert weights[1] == weights[3] == pytest.approx(3 * weights[0])


def test_a_confusion_counts_labels_by_what_was_read() -> None:
    logits = np.array([[2, 1, 0], [0, 1, 2], [0, 3, 1]], np.float32)
    judgement = judge_logits(logits, np.array([0, 1, 1]))
    assert judgement.figures["top1"] == pytest.approx(2 / 3)
    assert judgement.confusion is not None
    assert judgement.confusion.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_only_the_layers_after_the_chosen_block_are_fine_tuned() -> None:
    backbone = build_backbone(NetworkConfig(crop_px=96))
    before = len(backbone.trainable_variables)
    freeze_to(backbone, "mixed7")
    frozen = {layer.name for layer in backbone.layers if not layer.trainable}
    assert {"conv00", "mixed0", "mixed7"} <= frozen
    trained_on = {layer.name for layer in backbone.layers if layer.trainable and layer.weights}
    assert 0 < len(trained_on) < 30
    assert len(backbone.trainable_variables) < before / 3


def test_a_finished_stage_trains_no_more(tmp_path: Path) -> None:
    whole = trained(build_stage(), tmp_path)
    again = trained(build_stage(dies_in=0), tmp_path)
    np.testing.assert_array_equal(whole[0], again[0])


def test_a_step_that_is_not_finite_is_dropped() -> None:
    stage = build_stage()
    before = np.asarray(stage.model.get_weights()[0])
    poisoned = np.full((8, 5), np.nan, np.float32)
    stage.model.train_on_batch(poisoned, np.zeros(8))
    np.testing.assert_array_equal(np.asarray(stage.model.get_weights()[0]), before)


def test_a_doubtful_label_teaches_nothing_and_no_sign_teaches_not_to_know() -> None:
    logits = np.array([[4.0, 0.0, 0.0]] * 5, np.float32)
    labels = np.array([0, 1, NO_SIGN, DOUBTFUL, DOUBTFUL])
    weights = np.array([1.0, 2.0, 1.0], np.float32)
    loss = keras.ops.convert_to_numpy(label_loss(labels, logits, smoothing=0.0, weights=weights))
    log_chance = logits[0] - np.log(np.exp(logits[0]).sum())
    wanted = [-log_chance[0], -2.0 * log_chance[1], -log_chance.mean(), 0.0, 0.0]
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)
