"""Calibration: what logits are worth as probabilities, and when to doubt them."""

import numpy as np
import pytest
from scipy.special import softmax

from pipeline.evaluation.figures import calibration_bins, calibration_error
from pipeline.training.calibrate import fit_rule, fit_temperature, score_logits


def drawn_labels(logits: np.ndarray, *, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chances = softmax(logits, axis=1)
    return np.array([rng.choice(len(row), p=row) for row in chances])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    honest = np.random.default_rng(0).normal(0.0, 2.0, (4000, 5))
    labels = drawn_labels(honest, seed=1)
    found = fit_temperature((honest * temperature).astype(np.float32), labels)
    assert found == pytest.approx(temperature, rel=0.1)


def test_honest_scores_have_little_calibration_error_and_loud_ones_much() -> None:
    honest = np.random.default_rng(0).normal(0.0, 1.5, (5000, 4))
    labels = drawn_labels(honest, seed=2)
    right = honest.argmax(1) == labels
    for loudness, least, most in ((1, 0.0, 0.03), (4, 0.15, 1.0)):
        bins = calibration_bins(softmax(loudness * honest, axis=1).max(1), right)
        assert sum(each.clips for each in bins) == 5000
        assert least <= calibration_error(bins) < most


def test_scores_count_places() -> None:
    logits = np.array([[3.0, 2.0, 1.0, 0.0]] * 4, np.float32)
    scored = score_logits(logits, np.array([0, 1, 2, 3]))
    assert scored["top1"] == 0.25
    assert scored["top3"] == 0.75
    assert scored["likelihood"] == pytest.approx(np.log(softmax(logits[0])).mean(), rel=1e-5)


def test_the_rule_tells_hands_from_empty_rooms_and_doubt_from_sureness() -> None:
    sure, unsure = [6.0, 0.0, 0.0], [0.4, 0.3, 0.0]
    logits = np.array([sure] * 50 + [unsure] * 20, np.float32)
    labels = np.array([0] * 50 + [1] * 15 + [0] * 5)
    fitted = fit_rule(
        logits,
        labels,
        hand=np.full((70, 4), 5.0, np.float32),
        hand_of_empty=np.full((30, 4), -5.0, np.float32),
    )
    assert 0.02 < fitted.rule.min_hand < 0.98
    assert 0.4 < fitted.rule.min_top_score <= 0.98
    assert fitted.of_wrong == 1.0
    assert fitted.of_right == pytest.approx(5 / 55)
    assert fitted.missed_empty == 0.0
    assert fitted.false_alarms == pytest.approx(20 / 70)
