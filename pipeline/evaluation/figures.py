"""Figures of answers: how often they are right, for whom, and how far their scores can be believed.

Intervals are bootstrapped over signers, not clips: clips of one person fail together (Efron 1979,
"Bootstrap Methods").
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.answers import Answer
from pipeline.evaluation.hand import HandCheck, mean_check

TOP = (1, 3, 5, 10)
PREDECESSOR = {1: 0.0561, 3: 0.2056, 10: 0.5981}  # its published figures, on about 107 clips
PAIRS = (("I", "J"), ("D", "Z"))  # alike but for their movement, in the manual alphabet
MOVES = 0.6  # hand sizes that a fingertip gets around, at least, where a hand is said to move
_RESAMPLES = 2000
_DRAWS = 400
_BINS = 10


@dataclass(frozen=True)
class Figure:
    """A share of clips, or a mean over them, with its 95 % interval over signers."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """The clips of one sign, or of one signer.

    Attributes:
        right: share of clips whose sign was ranked first.
        shuffled: the same with each clip's frames in another order.
        clips: how many there are.
    """

    right: float
    shuffled: float
    clips: int

    @property
    def lost(self) -> float:
        """What is lost when the frames are shuffled, as a share of the clips."""
        return self.right - self.shuffled


@dataclass(frozen=True)
class Counted:
    """How many clips there are, and how they are read.

    Attributes:
        clips: how many there are.
        right: read as what they are.
        as_other: read as the other sign of a pair.
        shuffled_right: read as what they are when their frames are shuffled.
        lost: mean log likelihood of the sign that is lost then; None without a clip.
    """

    clips: int
    right: int
    as_other: int
    shuffled_right: int
    lost: Figure | None


@dataclass(frozen=True)
class Pair:
    """The clips of one of two signs that differ by movement.

    Attributes:
        sign: their label.
        other: the sign that is like it.
        all: every clip.
        moving: those in which the hand is known to move.
        still: those in which it is known not to.
    """

    sign: str
    other: str
    all: Counted
    moving: Counted
    still: Counted

    def kinds(self) -> list[tuple[str, Counted]]:
        """Name each kind that has clips."""
        named = (("", self.all), (", moving", self.moving), (", standing still", self.still))
        return [(kind, counted) for kind, counted in named if counted.clips]


@dataclass(frozen=True)
class Away:
    """Clips in which the hand is made to come late and to leave early.

    Attributes:
        clips: how many there are.
        right: share whose sign is first.
        whole: the same of these clips as they are.
    """

    clips: int
    right: Figure
    whole: float


@dataclass(frozen=True)
class Bin:
    """The clips whose best score lies in one span.

    Attributes:
        score: their mean score.
        right: share of them that is right.
        clips: how many there are.
    """

    score: float
    right: float
    clips: int


@dataclass(frozen=True)
class Luck:
    """The calibration error that luck alone brings, were every score true.

    Attributes:
        mean: on average over draws of which clips are right.
        most: in 95 of 100 draws it is no larger.
    """

    mean: float
    most: float


@dataclass(frozen=True)
class Evaluation:
    """The figures of a set of answers.

    Attributes:
        answers: one a clip, in the manifest's order.
        top: share of clips whose sign is among the first k, by k.
        likelihood: mean log likelihood of the label, natural logarithm; 0 at best.
        shuffled: share whose sign is first when the frames are shuffled.
        away: how clips are read whose hand comes late and leaves early; None where nobody tried.
        chance: what guessing gives, by k.
        by_sign: the clips of each sign.
        by_signer: the clips of each signer.
        pairs: of pairs of signs that differ by movement, how their clips are read, in order and
            shuffled.
        confusions: how often a label was read as another sign, most often first.
        calibration: the clips by the score of the sign ranked first.
        calibration_error: expected, over ten bins.
        calibration_luck: what it would be with so many clips, were every score true.
        uncertain: share of clips called uncertain.
        uncertain_of_right: share of the rightly read clips that is called uncertain.
        uncertain_of_wrong: share of the wrongly read ones.
        hand: how well the hand was found, on average over the clips where it is known.
    """

    answers: tuple[Answer, ...]
    top: dict[int, Figure]
    likelihood: Figure
    shuffled: Figure
    away: Away | None
    chance: dict[int, float]
    by_sign: dict[str, Group]
    by_signer: dict[str, Group]
    pairs: tuple[Pair, ...]
    confusions: tuple[tuple[str, str, int], ...]
    calibration: tuple[Bin, ...]
    calibration_error: float
    calibration_luck: Luck
    uncertain: float
    uncertain_of_right: float
    uncertain_of_wrong: float
    hand: HandCheck


def summarise(answers: Sequence[Answer], *, signs: int) -> Evaluation:
    """Work out the figures of answers; `signs` is the size of the vocabulary."""
    right = np.array([answer.place == 1 for answer in answers])
    scores = np.array([answer.score for answer in answers])
    calibration = calibration_bins(scores, right)
    doubted = np.array([answer.uncertain for answer in answers])
    confused = Counter((each.sign, each.first) for each in answers if each.place > 1)
    ordered = sorted(confused.items(), key=lambda pair: (-pair[1], pair[0]))
    return Evaluation(
        answers=tuple(answers),
        top={k: mean_figure(answers, [a.place <= k for a in answers]) for k in TOP if k < signs},
        likelihood=mean_figure(answers, [answer.log_likelihood for answer in answers]),
        shuffled=mean_figure(answers, [answer.shuffled_place == 1 for answer in answers]),
        away=_measure_away([each for each in answers if each.away_place is not None]),
        chance={k: k / signs for k in TOP if k < signs},
        by_sign=_groups(answers, lambda answer: answer.sign),
        by_signer=_groups(answers, lambda answer: answer.signer),
        pairs=_pairs(answers),
        confusions=tuple((label, read, times) for (label, read), times in ordered),
        calibration=calibration,
        calibration_error=calibration_error(calibration),
        calibration_luck=calibration_luck(scores),
        uncertain=float(doubted.mean()),
        uncertain_of_right=_mean(doubted[right]),
        uncertain_of_wrong=_mean(doubted[~right]),
        hand=mean_check([answer.hand for answer in answers]),
    )


def calibration_bins(
    scores: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]
) -> tuple[Bin, ...]:
    """Sort clips into ten equal spans of the best sign's score [N]; empty ones are left out."""
    places = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    return tuple(
        Bin(
            score=float(scores[places == place].mean()),
            right=float(right[places == place].mean()),
            clips=int((places == place).sum()),
        )
        for place in np.unique(places)
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean gap between score and share right."""
    clips = sum(each.clips for each in bins)
    return sum(each.clips * abs(each.right - each.score) for each in bins) / clips


def calibration_luck(scores: npt.NDArray[np.floating]) -> Luck:
    """Draw which clips are right as their best scores [N] say, and measure the error of each draw.

    Few clips have a calibration error though nothing is wrong with their scores.
    """
    rng = np.random.default_rng(0)
    drawn = [
        calibration_error(calibration_bins(scores, rng.random(len(scores)) < scores))
        for _ in range(_DRAWS)
    ]
    return Luck(float(np.mean(drawn)), float(np.quantile(drawn, 0.95)))


def confusion_matrix(answers: Sequence[Answer], signs: Sequence[str]) -> npt.NDArray[np.int64]:
    """Count how often clips of a sign (row) were read as a sign (column): int64 [L, L]."""
    place = {sign: index for index, sign in enumerate(signs)}
    matrix = np.zeros((len(signs), len(signs)), np.int64)
    for answer in answers:
        matrix[place[answer.sign], place[answer.first]] += 1
    return matrix


def _groups(answers: Sequence[Answer], key: Callable[[Answer], str]) -> dict[str, Group]:
    members: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        members[key(answer)].append(answer)
    return {
        name: Group(
            right=float(np.mean([each.place == 1 for each in group])),
            shuffled=float(np.mean([each.shuffled_place == 1 for each in group])),
            clips=len(group),
        )
        for name, group in sorted(members.items())
    }


def _pairs(answers: Sequence[Answer]) -> tuple[Pair, ...]:
    """Count the pairs whose signs are both there."""
    there = {answer.sign for answer in answers}
    pairs = []
    for one, two in PAIRS:
        for sign, other in ((one, two), (two, one)):
            if {one, two} <= there:
                own = [answer for answer in answers if answer.sign == sign]
                known = [(answer, answer.hand.travel) for answer in own]
                moving = [answer for answer, far in known if far is not None and far >= MOVES]
                still = [answer for answer, far in known if far is not None and far < MOVES]
                counted = (_count(each, other=other) for each in (own, moving, still))
                pairs.append(Pair(sign, other, *counted))
    return tuple(pairs)


def _count(answers: Sequence[Answer], *, other: str) -> Counted:
    return Counted(
        clips=len(answers),
        right=sum(answer.place == 1 for answer in answers),
        as_other=sum(answer.first == other for answer in answers),
        shuffled_right=sum(answer.shuffled_place == 1 for answer in answers),
        lost=mean_figure(answers, [each.lost_by_shuffling for each in answers])
        if answers
        else None,
    )


def _measure_away(tried: Sequence[Answer]) -> Away | None:
    if not tried:
        return None
    return Away(
        clips=len(tried),
        right=mean_figure(tried, [answer.away_place == 1 for answer in tried]),
        whole=float(np.mean([answer.place == 1 for answer in tried])),
    )


def _mean(of: npt.NDArray[np.bool_]) -> float:
    return float(of.mean()) if len(of) else 0.0


def mean_figure(answers: Sequence[Answer], values: Sequence[float]) -> Figure:
    """Return the mean of a value an answer, or the share of those that are true."""
    low, high = interval_over_signers([answer.signer for answer in answers], values)
    return Figure(float(np.mean(values)), low, high)


def interval_over_signers(signers: Sequence[str], values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of clips' values, bootstrapped over their signers."""
    names = sorted(set(signers))
    sums = np.zeros((len(names), 2))
    for signer, value in zip(signers, values, strict=True):
        sums[names.index(signer)] += (value, 1.0)
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(0, len(names), (_RESAMPLES, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)
