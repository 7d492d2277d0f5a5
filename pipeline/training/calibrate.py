"""How good logits are, and how to turn them into probabilities that mean what they say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from signwrite.ranking import UncertaintyRule

_EVEN = 0.5  # as often wrong as right
Logits = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def score_logits(logits: Logits, labels: Labels) -> dict[str, float]:
    """Score logits [N, L]: share of clips whose sign is first, among the first three, likelihood.

    The likelihood is the mean log probability of the true sign.
    """
    order = np.argsort(-logits, axis=1, kind="stable")
    hits = order == labels[:, None]
    chance = log_softmax(logits.astype(np.float64), axis=1)
    return {
        "top1": float(hits[:, 0].mean()),
        "top3": float(hits[:, :3].any(axis=1).mean()),
        "likelihood": float(chance[np.arange(len(labels)), labels].mean()),
    }


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Fit what to divide logits by so that the true signs' likelihood is highest.

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks".

    Args:
        logits: float32 [N, L] of clips that did not train.
        labels: int64 [N].

    Returns:
        A temperature from 0.2 to 10.
    """

    def loss(log_temperature: float) -> float:
        chance = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return -float(chance[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(loss, bounds=(np.log(0.2), np.log(10.0)), method="bounded")
    return float(np.exp(found.x))


@dataclass(frozen=True)
class FittedRule:
    """A rule of uncertainty, and how often it errs on the clips it was fitted on.

    Attributes:
        rule: the rule.
        false_alarms: share of clips of signs that it calls uncertain.
        of_right: share of rightly read clips that it calls uncertain.
        of_wrong: share of wrongly read clips that it calls uncertain.
        missed_empty: share of clips without a hand that its hand threshold lets pass.
    """

    rule: UncertaintyRule
    false_alarms: float
    of_right: float
    of_wrong: float
    missed_empty: float

    def figures(self) -> dict[str, float]:
        """Return the figures for the model card."""
        return {
            "false_alarms": self.false_alarms,
            "of_right": self.of_right,
            "of_wrong": self.of_wrong,
            "missed_empty": self.missed_empty,
        }

    def describe(self) -> str:
        """Put the rule and its figures into one line."""
        figures = "  ".join(f"{name} {value:.3f}" for name, value in self.figures().items())
        return f"min_hand {self.rule.min_hand}  min_top_score {self.rule.min_top_score}  {figures}"


def fit_rule(
    logits: Logits,
    labels: Labels,
    *,
    hand: npt.NDArray[np.float32],
    hand_of_empty: npt.NDArray[np.float32],
) -> FittedRule:
    """Fit when to call an answer uncertain.

    The hand threshold is the one that best tells clips with a hand from clips without. The score
    threshold is the highest below which answers are more often wrong than right.

    Args:
        logits: calibrated, float32 [N, L], of clips that did not train.
        labels: int64 [N].
        hand: presence logits [N, T] of the same clips.
        hand_of_empty: presence logits [M, T] of clips that show no hand.
    """
    shown, empty = expit(hand).mean(axis=1), expit(hand_of_empty).mean(axis=1)
    steps = np.linspace(0.02, 0.98, 49)
    told_apart = np.array([(shown >= step).mean() + (empty < step).mean() for step in steps])
    best_steps = steps[told_apart == told_apart.max()]
    min_hand = round(float(np.median(best_steps)), 2)
    best = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    right = logits.argmax(axis=1) == labels
    doubtful = [step for step in steps if (best < step).any() and right[best < step].mean() < _EVEN]
    min_top_score = round(float(max(doubtful, default=0.0)), 2)
    flagged = (shown < min_hand) | (best < min_top_score)
    return FittedRule(
        rule=UncertaintyRule(min_hand=min_hand, min_top_score=min_top_score),
        false_alarms=float(flagged.mean()),
        of_right=float(flagged[right].mean()) if right.any() else 0.0,
        of_wrong=float(flagged[~right].mean()) if (~right).any() else 0.0,
        missed_empty=float((empty >= min_hand).mean()) if len(empty) else 0.0,
    )
