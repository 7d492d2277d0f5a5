"""From scores to an answer: ranked predictions, and whether to trust them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from signwrite.vocabulary import Vocabulary


class UncertaintyRule(BaseModel):
    """When an answer is called uncertain; measured on validation signers, saved in the bundle.

    A clip is uncertain when the probability that it shows a hand is below `min_hand`, or the best
    sign's calibrated score is below `min_top_score`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_hand: float = Field(ge=0.0, le=1.0)
    min_top_score: float = Field(ge=0.0, le=1.0)


@dataclass(frozen=True)
class Prediction:
    """One sign and how likely the model thinks it is.

    Attributes:
        rank: 1 for the best.
        sign: the sign, from the vocabulary.
        score: calibrated probability in [0, 1].
    """

    rank: int
    sign: str
    score: float


@dataclass(frozen=True)
class Ranking:
    """Predictions, best first, and whether the model should be trusted with this clip."""

    predictions: tuple[Prediction, ...]
    uncertain: bool


def rank_signs(
    scores: npt.NDArray[np.float32],
    *,
    hand: float,
    vocabulary: Vocabulary,
    rule: UncertaintyRule,
    top_k: int | None = None,
) -> Ranking:
    """Rank the signs of one clip.

    Args:
        scores: float32 [L], calibrated probabilities in label order.
        hand: the probability in [0, 1] that the clip shows a hand.
        vocabulary: the L signs in label order.
        rule: when to call the answer uncertain.
        top_k: how many predictions to keep, 1..L; all by default.

    Returns:
        The ranking; equal scores keep the vocabulary's order.

    Raises:
        ValueError: the shape is not [L], a score is not finite, or `top_k` is out of range.
    """
    size = len(vocabulary)
    keep = size if top_k is None else top_k
    if scores.shape != (size,):
        raise ValueError(f"scores of shape ({size},); received {scores.shape}")
    if not (np.isfinite(scores).all() and np.isfinite(hand)):
        raise ValueError("finite scores; received NaN or infinity")
    if not 1 <= keep <= size:
        raise ValueError(f"top_k of 1 to {size}; received {top_k}")
    order = np.argsort(-scores, kind="stable")
    predictions = tuple(
        Prediction(rank=place, sign=vocabulary[int(label)], score=float(scores[label]))
        for place, label in enumerate(order[:keep], start=1)
    )
    best = float(scores[order[0]])
    return Ranking(predictions, uncertain=hand < rule.min_hand or best < rule.min_top_score)
