"""The evaluate stage: what an exported bundle makes of clips of people it never saw.

Every figure comes through `signwrite.reader.Reader`, as an answer over HTTP does. Intervals are
bootstrapped over signers, not clips: clips of one person fail together (Efron 1979).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.clips.manifest import read_manifest
from pipeline.training.calibrate import calibration_error
from signwrite.bundle import Bundle
from signwrite.classifier import Classifier
from signwrite.errors import InputError
from signwrite.reader import Reader

TOP = (1, 3, 5, 10)
_RESAMPLES = 2000
PREDECESSOR = {1: 0.0561, 3: 0.2056, 10: 0.5981}  # its published figures, on about 107 clips


@dataclass(frozen=True)
class Answer:
    """What a bundle answered to one clip.

    Attributes:
        clip: path within the clips' folder.
        sign: the label.
        signer: who signs.
        place: of the label in the ranking, from 1.
        first: the sign ranked first.
        score: its calibrated score.
        uncertain: whether the answer was called uncertain.
    """

    clip: str
    sign: str
    signer: str
    place: int
    first: str
    score: float
    uncertain: bool


@dataclass(frozen=True)
class Figure:
    """A share of clips with its 95 % interval over signers."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """The figures of one split.

    Attributes:
        answers: one a clip, in the manifest's order.
        top: share of clips whose sign is among the first k, by k.
        chance: what guessing gives, by k.
        by_sign: share right and number of clips, by sign.
        by_signer: likewise, by signer.
        confusions: how often a label was read as another sign, most often first.
        calibration_error: expected, over ten bins.
        uncertain: share of clips called uncertain.
    """

    answers: tuple[Answer, ...]
    top: dict[int, Figure]
    chance: dict[int, float]
    by_sign: dict[str, tuple[float, int]]
    by_signer: dict[str, tuple[float, int]]
    confusions: tuple[tuple[str, str, int], ...]
    calibration_error: float
    uncertain: float


def evaluate_bundle(
    bundle: Bundle,
    clips: Path,
    *,
    classifier: Classifier,
    split: str,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Read every clip of a split with a bundle.

    Args:
        bundle: the exported model.
        clips: a folder of the cut stage.
        classifier: runs the bundle's SavedModel.
        split: train, validation or test.
        progress: called with the number of clips done and to do.

    Raises:
        InputError: the split holds no clip, or a sign that the model does not know.
        ClipError: a clip cannot be read.
    """
    reader = Reader(bundle.manifest, classifier=classifier)
    rows = [row for row in read_manifest(clips) if row.split == split]
    if not rows:
        raise InputError(f"{clips}: wanted clips of the split {split}; received none")
    if unknown := sorted({row.sign for row in rows} - set(bundle.manifest.vocabulary)):
        raise InputError(f"{clips}: wanted signs the model knows; received {', '.join(unknown)}")
    answers = []
    for done, row in enumerate(rows, start=1):
        ranking = reader.read(clips / row.clip).ranking
        place = next(each.rank for each in ranking.predictions if each.sign == row.sign)
        first = ranking.predictions[0]
        answers.append(
            Answer(
                clip=row.clip,
                sign=row.sign,
                signer=row.signer,
                place=place,
                first=first.sign,
                score=first.score,
                uncertain=ranking.uncertain,
            )
        )
        if progress is not None:
            progress(done, len(rows))
    return summarise(answers, signs=len(bundle.manifest.vocabulary))


def summarise(answers: Sequence[Answer], *, signs: int) -> Evaluation:
    """Work out the figures of answers; `signs` is the size of the vocabulary."""
    correct = np.array([answer.place == 1 for answer in answers])
    confused: dict[tuple[str, str], int] = defaultdict(int)
    for answer in answers:
        if answer.place > 1:
            confused[answer.sign, answer.first] += 1
    ordered = sorted(confused.items(), key=lambda pair: (-pair[1], pair[0]))
    return Evaluation(
        answers=tuple(answers),
        top={k: _interval(answers, k) for k in TOP if k < signs},
        chance={k: k / signs for k in TOP if k < signs},
        by_sign=_shares(answers, lambda answer: answer.sign),
        by_signer=_shares(answers, lambda answer: answer.signer),
        confusions=tuple((label, read, times) for (label, read), times in ordered),
        calibration_error=calibration_error(
            np.array([answer.score for answer in answers]), correct
        ),
        uncertain=float(np.mean([answer.uncertain for answer in answers])),
    )


def _shares(
    answers: Sequence[Answer], key: Callable[[Answer], str]
) -> dict[str, tuple[float, int]]:
    groups: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        groups[key(answer)].append(answer.place == 1)
    return {name: (float(np.mean(hits)), len(hits)) for name, hits in sorted(groups.items())}


def _interval(answers: Sequence[Answer], k: int) -> Figure:
    """Return the share of clips within the first k, and its bootstrap interval over signers."""
    signers = sorted({answer.signer for answer in answers})
    hits = np.array([[0, 0]] * len(signers))
    for answer in answers:
        hits[signers.index(answer.signer)] += (answer.place <= k, 1)
    rng = np.random.default_rng(0)
    drawn = hits[rng.integers(0, len(signers), (_RESAMPLES, len(signers)))].sum(axis=1)
    shares: npt.NDArray[np.float64] = drawn[:, 0] / drawn[:, 1]
    low, high = np.quantile(shares, [0.025, 0.975])
    return Figure(float(hits[:, 0].sum() / hits[:, 1].sum()), float(low), float(high))
