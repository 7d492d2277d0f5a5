"""How good logits are, and how to turn them into probabilities that mean what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from signwrite.ranking import UncertaintyRule

_FALSE_ALARMS = 0.05  # share of right answers that may be doubted
_USUAL = {"shown": 1.0, "moved": 0.45, "told_apart": 0.45}  # what readers' logits count for
_FAITH = 0.4  # in these: log likelihood of a clip, for each person there is
_STEPS = tuple(round(step / 50, 2) for step in range(50))
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


def fit_blend(
    readers: Mapping[str, Logits], labels: Labels, *, people: int
) -> tuple[tuple[float, ...], float]:
    """Fit how much each reader's logits count, and what to divide their sum by.

    Both make the true signs' likelihood highest. Temperature scaling: Guo et al. 2017, "On
    Calibration of Modern Neural Networks". Clips of one person are right or wrong together, so few
    people say little: the fewer there are, the nearer what is fitted stays to what is usual.

    Args:
        readers: by name, logits float32 [N, L] of clips that did not train.
        labels: int64 [N].
        people: how many signers the clips are of.

    Returns:
        The shares, 0 to 1, which sum to 1, in the order of the readers, and the temperature.
    """
    stacked = np.stack(list(readers.values()), axis=-1).astype(np.float64)
    usual = np.array([_USUAL[name] for name in readers])

    def loss(factors: npt.NDArray[np.float64]) -> float:
        chance = log_softmax(stacked @ factors, axis=1)
        off = np.square(np.log(factors / usual)).sum()
        return float(_FAITH / people * off - chance[np.arange(len(labels)), labels].mean())

    found = minimize(loss, usual, bounds=[(1e-3, 5.0)] * len(readers), method="L-BFGS-B")
    total = float(found.x.sum())
    temperature = float(np.clip(1.0 / total, 0.2, 10.0))
    return tuple(float(factor) / total for factor in found.x), temperature


@dataclass(frozen=True)
class Doubt:
    """What an answer is doubted by.

    Attributes:
        top_score: float [N], the best sign's calibrated score.
        hand: float [N], the probability that the clip shows a hand.
    """

    top_score: npt.NDArray[np.float64]
    hand: npt.NDArray[np.float64]

    @classmethod
    def of(cls, logits: Logits, presence: npt.NDArray[np.float32]) -> "Doubt":
        """Take calibrated logits [N, L] and presence logits [N, T]."""
        scores = softmax(logits.astype(np.float64), axis=1)
        return cls(scores.max(axis=1, initial=0.0), expit(presence.astype(np.float64)).mean(axis=1))

    def flagged(self, rule: UncertaintyRule) -> npt.NDArray[np.bool_]:
        """Say which clips a rule calls uncertain."""
        doubted: npt.NDArray[np.bool_] = (self.hand < rule.min_hand) | (
            self.top_score < rule.min_top_score
        )
        return doubted


@dataclass(frozen=True)
class FittedRule:
    """A rule of uncertainty, and how often it errs on the clips it was fitted on.

    Attributes:
        rule: the rule.
        false_alarms: share of clips of signs that it calls uncertain.
        of_right: share of rightly read clips that it calls uncertain.
        of_wrong: share of wrongly read clips that it calls uncertain.
        missed: share of clips without a sign that it lets pass, by their kind.
    """

    rule: UncertaintyRule
    false_alarms: float
    of_right: float
    of_wrong: float
    missed: Mapping[str, float]

    def figures(self) -> dict[str, Any]:
        """Return the figures for the model card."""
        return {
            "false_alarms": self.false_alarms,
            "of_right": self.of_right,
            "of_wrong": self.of_wrong,
            "missed": dict(self.missed),
        }

    def describe(self) -> str:
        """Put the rule and its figures into one line."""
        told = {"of right": self.of_right, "of wrong": self.of_wrong}
        told |= {f"missed {kind}": share for kind, share in self.missed.items()}
        figures = "  ".join(f"{name} {value:.3f}" for name, value in told.items())
        return f"min_hand {self.rule.min_hand}  min_top_score {self.rule.min_top_score}  {figures}"


def fit_rule(
    signs: Doubt, right: npt.NDArray[np.bool_], *, none: Mapping[str, Doubt]
) -> FittedRule:
    """Fit when to call an answer uncertain: no hand, or nothing that is known.

    Of the rules that doubt at most one in twenty right answers it is the one that lets the fewest
    clips without a sign pass, each kind counting the same; of equal ones, the mildest.

    Args:
        signs: of clips of signs that did not train.
        right: bool [N], which of them are read rightly.
        none: of clips without a sign, by their kind; kinds without a clip are left out.
    """
    kinds = {kind: each for kind, each in none.items() if len(each.hand)}
    best, least = UncertaintyRule(min_hand=0.0, min_top_score=0.0), (1.0, 1.0)
    for min_hand in _STEPS:
        for min_top_score in _STEPS:
            rule = UncertaintyRule(min_hand=min_hand, min_top_score=min_top_score)
            flagged = signs.flagged(rule)
            alarms = _share(flagged[right])
            if alarms > _FALSE_ALARMS:
                break  # higher scores only doubt more
            missed = float(
                np.mean([1.0 - _share(k.flagged(rule)) for k in kinds.values()] or [0.0])
            )
            if (missed, alarms) < least:
                best, least = rule, (missed, alarms)
    flagged = signs.flagged(best)
    return FittedRule(
        rule=best,
        false_alarms=_share(flagged),
        of_right=_share(flagged[right]),
        of_wrong=_share(flagged[~right]),
        missed={kind: 1.0 - _share(each.flagged(best)) for kind, each in kinds.items()},
    )


def _share(flagged: npt.NDArray[np.bool_]) -> float:
    return float(flagged.mean()) if len(flagged) else 0.0
