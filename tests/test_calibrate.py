"""Calibration: what logits are worth as probabilities, and when to doubt them."""

import numpy as np
import pytest
from scipy.special import softmax

from pipeline.evaluation.figures import calibration_bins, calibration_error
from pipeline.training.calibrate import (
    Doubt,
    fit_blend,
    fit_rule,
    score_logits,
)


def drawn_labels(logits: np.ndarray, *, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chances = softmax(logits, axis=1)
    return np.array([rng.choice(len(row), p=row) for row in chances])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    honest = np.random.default_rng(0).normal(0.0, 2.0, (4000, 5))
    labels = drawn_labels(honest, seed=1)
    said = {"shown": (honest * temperature).astype(np.float32)}
    _, found = fit_blend(said, labels, people=4000)
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


def test_the_blend_counts_the_better_reader_for_more() -> None:
    rng = np.random.default_rng(3)
    honest = rng.normal(0.0, 2.0, (3000, 5))
    labels = drawn_labels(honest, seed=4)
    noise = rng.normal(0.0, 2.0, (3000, 5))
    said = {"shown": 2 * honest.astype(np.float32), "moved": noise.astype(np.float32)}
    shares, temperature = fit_blend(said, labels, people=3000)
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] > 0.95
    assert temperature == pytest.approx(2.0, rel=0.1)


def test_few_people_move_a_blend_little_from_what_is_usual() -> None:
    honest = np.random.default_rng(0).normal(0.0, 2.0, (60, 5))
    said = {"shown": (4 * honest).astype(np.float32), "moved": honest.astype(np.float32)}
    labels = drawn_labels(honest, seed=1)
    off = []
    for people in (1, 4, 1000):
        shares, temperature = fit_blend(said, labels, people=people)
        off.append(abs(np.log(shares[0] / temperature)))
    assert off[0] < off[1] < off[2]
    wrong = labels[::-1]  # neither reader is worth anything
    least = {}
    for people in (1, 1000):
        shares, temperature = fit_blend(said, wrong, people=people)
        least[people] = min(shares) / temperature
    assert least[1] > 0.1  # one person turns no reader off
    assert least[1000] < 0.05


def test_two_readers_that_err_apart_are_better_together() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(0.0, 1.5, (3000, 5))
    labels = drawn_labels(truth * 2, seed=6)
    readers = [(truth + rng.normal(0.0, 1.0, truth.shape)).astype(np.float32) for _ in range(2)]
    shares, _ = fit_blend(dict(zip(("shown", "moved"), readers, strict=True)), labels, people=3000)
    alone = [score_logits(each, labels)["top1"] for each in readers]
    blended = score_logits(shares[0] * readers[0] + shares[1] * readers[1], labels)["top1"]
    assert blended > max(alone)


def doubt(top_score: float, hand: float, clips: int) -> Doubt:
    return Doubt(np.full(clips, top_score), np.full(clips, hand))


def both(*parts: Doubt) -> Doubt:
    return Doubt(
        np.concatenate([each.top_score for each in parts]),
        np.concatenate([each.hand for each in parts]),
    )


def test_the_rule_tells_hands_from_empty_rooms_and_signs_from_none() -> None:
    signs = both(doubt(0.95, 0.99, 50), doubt(0.4, 0.99, 20))
    right = np.array([True] * 50 + [False] * 20)
    none = {"no_hand": doubt(0.97, 0.02, 30), "passing": doubt(0.5, 0.99, 10)}
    fitted = fit_rule(signs, right, none=none)
    assert 0.02 < fitted.rule.min_hand < 0.99
    assert 0.5 < fitted.rule.min_top_score < 0.95
    assert fitted.of_wrong == 1.0
    assert fitted.of_right == 0.0
    assert fitted.missed == {"no_hand": 0.0, "passing": 0.0}
    assert fitted.false_alarms == pytest.approx(20 / 70)


def test_no_rule_doubts_more_than_a_twentieth_of_what_is_right() -> None:
    rng = np.random.default_rng(7)
    signs = Doubt(rng.uniform(0.3, 1.0, 400), rng.uniform(0.5, 1.0, 400))
    none = {"passing": Doubt(rng.uniform(0.2, 0.9, 400), rng.uniform(0.5, 1.0, 400))}
    fitted = fit_rule(signs, np.ones(400, bool), none=none)
    assert 0.0 < fitted.of_right <= 0.05
    assert 0.0 < fitted.missed["passing"] < 1.0


def test_without_clips_that_show_no_sign_nothing_is_doubted() -> None:
    fitted = fit_rule(doubt(0.9, 0.9, 5), np.ones(5, bool), none={"passing": doubt(0, 0, 0)})
    assert (fitted.rule.min_hand, fitted.rule.min_top_score) == (0.0, 0.0)
    assert fitted.missed == {}
