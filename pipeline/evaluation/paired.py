"""Two models compared clip by clip, on the same clips.

Clips differ more than models do: what one makes of each clip is set against what the other makes of
it, so that how hard the clips are does not matter. Intervals are over signers, as in
`pipeline.evaluation.figures`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from pipeline.evaluation.answers import Answer
from pipeline.evaluation.figures import Figure, mean_figure
from signwrite.errors import InputError

FOLDS = "fold-*.json"


@dataclass(frozen=True)
class Comparison:
    """What answers are worth against others to the same clips.

    Attributes:
        clips: how many there are.
        signers: of how many people.
        gained: clips that these answers alone have right.
        lost: clips that the others alone have right.
        top1: share of clips right, more than with the others.
        likelihood: mean log likelihood of the label, natural logarithm, more than with the others.
    """

    clips: int
    signers: int
    gained: int
    lost: int
    top1: Figure
    likelihood: Figure


def compare_answers(answers: Sequence[Answer], others: Sequence[Answer]) -> Comparison:
    """Compare answers with others to the same clips, in whatever order.

    Raises:
        InputError: they are not to the same clips.
    """
    there = {(other.clip, other.clip_sha256, other.sign): other for other in others}
    own = [(each.clip, each.clip_sha256, each.sign) for each in answers]
    if not own or len(own) != len(there) or set(own) != set(there):
        alone = len(set(own) ^ set(there))
        raise InputError(
            f"wanted answers to the same clips; received {len(own)} and {len(there)}, "
            f"with {alone} clips that only one has"
        )
    pairs = [(each, there[clip]) for each, clip in zip(answers, own, strict=True)]
    right = [(each.place == 1) - (other.place == 1) for each, other in pairs]
    likelier = [each.log_likelihood - other.log_likelihood for each, other in pairs]
    return Comparison(
        clips=len(pairs),
        signers=len({each.signer for each in answers}),
        gained=right.count(1),
        lost=right.count(-1),
        top1=mean_figure(answers, right),
        likelihood=mean_figure(answers, likelier),
    )


class _Answers(BaseModel):
    """What a report's JSON and a measured fold have in common."""

    answers: tuple[Answer, ...]


def read_answers(source: Path) -> tuple[Answer, ...]:
    """Read the answers of a report's JSON, or of a measured fold, or of a folder of such folds.

    Raises:
        InputError: it cannot be read, or holds no answers.
    """
    files = sorted(source.glob(FOLDS)) if source.is_dir() else [source]
    if not files:
        raise InputError(f"{source}: a file of answers or a folder with {FOLDS} wanted")
    answers: list[Answer] = []
    for file in files:
        try:
            answers += _Answers.model_validate_json(file.read_bytes()).answers
        except OSError as error:
            raise InputError(f"{file}: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{file}: answers wanted; {where or 'it'}: {first['msg']}") from error
    return tuple(answers)


def comparison_table(comparison: Comparison) -> str:
    """Lay a comparison out as a Markdown table."""
    top1, likelihood = comparison.top1, comparison.likelihood
    points = [100 * each for each in (top1.share, top1.low, top1.high)]
    nats = (likelihood.share, likelihood.low, likelihood.high)
    lines = [
        f"| {comparison.clips} clips of {comparison.signers} signers | first against second |",
        "|---|---|",
        "| top-1, points | {:+.1f} ({:+.1f} to {:+.1f}) |".format(*points),
        "| mean log likelihood of the sign | {:+.3f} ({:+.3f} to {:+.3f}) |".format(*nats),
        f"| clips right in the first alone | {comparison.gained} |",
        f"| clips right in the second alone | {comparison.lost} |",
    ]
    return "\n".join(lines)
