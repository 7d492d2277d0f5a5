"""Why clips of people that the models never saw are misread: errors of a cross-validation by kind.

    python -m benchmarks.errors [FOLDER]

The folder holds what folds came to, ``fold-<n>.json`` (`signwrite crossval --measured`). Each error
is counted once, at the first kind that it is of.
"""

import argparse
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.tables import Row, Table
from pipeline.evaluation.answers import Answer
from pipeline.evaluation.crossval import MeasuredFold, read_fold
from pipeline.evaluation.figures import MOVES, PAIRS, interval_over_signers
from pipeline.evaluation.paired import FOLDS
from signwrite.errors import InputError

LOST = "the hand is not in what the model looks at, in half of the frames or more"
LOOSE = "a sign that is known to be shown loosely"
MOVING = "one pose, another movement; the hand moves"
STILL = "one pose, another movement; the hand is held still"
OTHER = "other"
HANDSHAPES = {
    "one fist for another (A E M N S T)": "AEMNST",
    "a hand that points down or aside (G H P Q)": "GHPQ",
    "fingers up (B D F I K L R U V W X Y)": "BDFIKLRUVWXY",
}
_HALF = 0.5


def kind_of(answer: Answer, fold: MeasuredFold) -> str:
    """Say of which kind an error is."""
    given = fold.provenance.given
    if answer.hand.joints_found is not None and answer.hand.joints_found <= _HALF:
        return LOST
    video = Path(answer.clip).name.removeprefix(f"{answer.sign}_")
    if answer.sign in given["doubtful"].get(video, ()):
        return LOOSE
    pair = {answer.sign, answer.first}
    if any(pair <= set(alike) for alike in PAIRS):
        travel = answer.hand.travel
        return MOVING if travel is not None and travel >= MOVES else STILL
    return next((kind for kind, signs in HANDSHAPES.items() if pair <= set(signs)), OTHER)


def count_errors(folds: Sequence[MeasuredFold]) -> Table:
    """Count the errors of each kind, and what they cost in top-1 accuracy."""
    answers = list(chain.from_iterable(fold.answers for fold in folds))
    kinds = [
        kind_of(answer, fold) if answer.place > 1 else ""
        for fold in folds
        for answer in fold.answers
    ]
    signers = [answer.signer for answer in answers]
    rows: list[Row] = []
    for kind in (LOST, LOOSE, MOVING, STILL, *HANDSHAPES, OTHER):
        wrong = [each == kind for each in kinds]
        low, high = interval_over_signers(signers, [100.0 * each for each in wrong])
        rows.append(
            {
                "what went wrong": kind,
                "clips": str(sum(wrong)),
                "points of top-1": f"{100 * np.mean(wrong):.1f} ({low:.1f} to {high:.1f})",
            }
        )
    misread = sum(kind != "" for kind in kinds)
    note = f"{misread} of {len(answers)} clips of {len(set(signers))} unseen signers are misread."
    return Table("errors", "Why clips are misread", note, tuple(rows))


def read_folds(folder: Path) -> list[MeasuredFold]:
    """Read what the folds in a folder came to; there may be none.

    Raises:
        InputError: one is damaged.
    """
    return [read_fold(file) for file in sorted(folder.glob(FOLDS))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("benchmarks/crossval"))
    given = parser.parse_args(arguments)
    try:
        folds = read_folds(given.folder)
    except InputError as error:
        parser.error(str(error))
    if not folds:
        parser.error(f"{given.folder}: wanted fold-<n>.json of `signwrite crossval`; found none")
    print(count_errors(folds).markdown())


if __name__ == "__main__":
    main()
