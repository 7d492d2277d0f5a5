"""A stage of training: what a kill in its middle changes, which is nothing."""

from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.training.dataset import ArrayBatches, Draw
from pipeline.training.stage import Stage, build_optimizer, run_stage

EPOCHS = 4


class Killed(Exception):  # noqa: N818 - it stands for a signal, not a fault
    """The process went away."""


def build_stage(*, dies_in: int | None = None, scores: tuple[float, ...] = (1, 2, 3, 4)) -> Stage:
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(64, 5)).astype(np.float32), rng.integers(0, 3, 64)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
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
        judge=lambda: {"score": scores[judged[-1]]},
        score="score",
    )


def trained(stage: Stage, folder: Path) -> list[np.ndarray]:
    run_stage(stage, folder=folder, say=lambda _: None)
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


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    best_second = trained(build_stage(scores=(1, 9, 2, 3)), tmp_path / "second")
    with pytest.raises(Killed):
        trained(build_stage(dies_in=2), tmp_path / "cut")
    with np.load(tmp_path / "cut" / "toy.last.npz") as after_second:
        np.testing.assert_array_equal(best_second[0], after_second["weight0000"])


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
