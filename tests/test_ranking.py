"""From scores to an answer: properties of the ranking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from signwrite.ranking import Ranking, UncertaintyRule, rank_signs
from signwrite.vocabulary import ASL_LETTERS, Vocabulary

LETTERS = Vocabulary(ASL_LETTERS)
NEVER = UncertaintyRule(min_hand=0.0, min_top_score=0.0)

scores_of_26 = st.lists(st.floats(0, 1, width=32, allow_nan=False), min_size=26, max_size=26)
few_values = st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=26, max_size=26)


def rank(scores: list[float], *, hand: float = 1.0, top_k: int | None = None) -> Ranking:
    array = np.array(scores, dtype=np.float32)
    return rank_signs(array, hand=hand, vocabulary=LETTERS, rule=NEVER, top_k=top_k)


@given(scores_of_26)
def test_a_ranking_holds_every_sign_once_best_first(scores: list[float]) -> None:
    predictions = rank(scores).predictions
    assert {prediction.sign for prediction in predictions} == set(ASL_LETTERS)
    assert [prediction.rank for prediction in predictions] == list(range(1, 27))
    received = [prediction.score for prediction in predictions]
    assert received == sorted(received, reverse=True)
    for prediction in predictions:
        assert prediction.score == np.float32(scores[LETTERS.index(prediction.sign)])


@given(few_values)
def test_equal_scores_keep_the_order_of_the_vocabulary(scores: list[float]) -> None:
    predictions = rank(scores).predictions
    keys = [(-prediction.score, LETTERS.index(prediction.sign)) for prediction in predictions]
    assert keys == sorted(keys)


@given(scores_of_26, st.integers(1, 26))
def test_the_first_k_are_the_first_of_all(scores: list[float], top_k: int) -> None:
    assert rank(scores, top_k=top_k).predictions == rank(scores).predictions[:top_k]


@given(st.permutations(range(26)))
def test_the_order_of_labels_does_not_move_distinct_scores(order: list[int]) -> None:
    distinct = [place / 26 for place in range(26)]
    shuffled = Vocabulary(tuple(ASL_LETTERS[place] for place in order))
    array = np.array([distinct[place] for place in order], dtype=np.float32)
    ranking = rank_signs(array, hand=1.0, vocabulary=shuffled, rule=NEVER)
    assert ranking.predictions == rank(distinct).predictions


@given(scores_of_26, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_uncertain_means_no_hand_or_no_good_score(
    scores: list[float], hand: float, min_hand: float, min_top_score: float
) -> None:
    rule = UncertaintyRule(min_hand=min_hand, min_top_score=min_top_score)
    array = np.array(scores, dtype=np.float32)
    ranking = rank_signs(array, hand=hand, vocabulary=LETTERS, rule=rule, top_k=1)
    best = ranking.predictions[0].score
    assert ranking.uncertain == (hand < min_hand or best < min_top_score)


@pytest.mark.parametrize("top_k", [0, -1, 27])
def test_top_k_out_of_range_is_refused(top_k: int) -> None:
    with pytest.raises(ValueError, match=f"top_k of 1 to 26; received {top_k}"):
        rank([0.0] * 26, top_k=top_k)


@pytest.mark.parametrize("scores", [[0.5] * 25, [0.5] * 27, []])
def test_scores_must_fit_the_vocabulary(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"scores of shape \(26,\)"):
        rank(scores)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_scores_must_be_finite(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        rank([wrong] + [0.0] * 25)
    with pytest.raises(ValueError, match="finite"):
        rank([0.0] * 26, hand=wrong)


@pytest.mark.parametrize("field", ["min_hand", "min_top_score"])
@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_rule_holds_probabilities(field: str, wrong: float) -> None:
    with pytest.raises(ValidationError):
        UncertaintyRule.model_validate({"min_hand": 0.5, "min_top_score": 0.5, field: wrong})
