"""A drawn tutorial and the tables that go with it, in the form of the real ones."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.drawing.filming import Box
from pipeline.drawing.schedule import Plan
from pipeline.drawing.signer import Signer
from pipeline.landmarks.table import Joints, LandmarksRow
from signwrite.vocabulary import ASL_LETTERS

TIMES_FILE = "video_clip_times.csv"
SIGNERS_FILE = "signers.csv"
BOXES_FILE = "hand_boxes.csv"
_VALIDATION_EVERY = 5  # each fifth signer: the 80:20 of the real set

_SIGNER_COLUMNS = (
    "video", "signer_id", "source", "licence", "frames_of_origin", "tier", "letters_missing",
    "j_moving", "z_moving", "handedness", "suggested_split", "notes",
)  # fmt: skip
_BOX_COLUMNS = ("video", "frame", "letter", "x_min", "y_min", "x_max", "y_max", "score")


@dataclass(frozen=True)
class Tutorial:
    """One tutorial video that was written.

    Attributes:
        video: the file's name.
        signer: who signs in it.
        plan: which frames show which sign.
        boxes: a hand box for each frame, None where no hand is seen.
        joints: the hand's landmarks in each frame, as `pipeline.landmarks.table` has them.
    """

    video: str
    signer: Signer
    plan: Plan
    boxes: tuple[Box | None, ...]
    joints: tuple[Joints, ...]


def times_table(tutorials: Sequence[Tutorial]) -> str:
    """Return the legacy annotation: two rows a sign, start and end in seconds, a column a video.

    All tutorials have the same signs in the same order.
    """
    lines = []
    for place, span in enumerate(tutorials[0].plan.spans):
        spans = [(t.plan.spans[place], t.signer.fps) for t in tutorials]
        lines.append([span.sign, *(f"{at.start / fps:.2f}" for at, fps in spans)])
        lines.append([span.sign, *(f"{at.stop / fps:.2f}" for at, fps in spans)])
    return "".join(", ".join(line) + "\n" for line in lines)


def signers_table(tutorials: Sequence[Tutorial]) -> str:
    """Return `signers.csv`: a row a video, who signs in it and how it was made.

    Each fifth signer is for validation; among fewer, the last one.
    """
    every = min(_VALIDATION_EVERY, max(2, len(tutorials)))
    rows = [
        _signer_row(tutorial, split="train" if place % every else "validation")
        for place, tutorial in enumerate(tutorials, start=1)
    ]
    return _csv([_SIGNER_COLUMNS, *rows])


def boxes_table(tutorials: Sequence[Tutorial]) -> str:
    """Return `hand_boxes.csv`: the frames inside signs in which a hand is seen."""
    return _csv([_BOX_COLUMNS, *(row for tutorial in tutorials for row in _box_rows(tutorial))])


def landmark_rows(tutorials: Sequence[Tutorial]) -> Iterator[LandmarksRow]:
    """Yield the rows of `hand_landmarks.csv`: the same frames."""
    for tutorial in tutorials:
        for span in tutorial.plan.spans:
            for frame in range(span.start, span.stop):
                if tutorial.boxes[frame] is not None:
                    yield LandmarksRow(tutorial.video, frame, 1.0, tutorial.joints[frame])


def _signer_row(tutorial: Tutorial, *, split: str) -> Sequence[object]:
    """Return a tutorial's row of `signers.csv`."""
    signer, names = tutorial.signer, [span.sign for span in tutorial.plan.spans]
    missing = [letter for letter in ASL_LETTERS if letter not in names]
    moving = ["yes" if letter in names else "" for letter in ("J", "Z")]
    return (
        tutorial.video, f"drawn{signer.seed}", "drawn by pipeline/example.py", "Apache-2.0",
        "video", "A", " ".join(missing) or "none", *moving,
        "left" if signer.left_handed else "right", split,
        f"{signer.framing}, {signer.backdrop} background",
    )  # fmt: skip


def _box_rows(tutorial: Tutorial) -> Iterator[Sequence[object]]:
    """Yield a tutorial's rows of `hand_boxes.csv`."""
    for span in tutorial.plan.spans:
        for frame in range(span.start, span.stop):
            box = tutorial.boxes[frame]
            if box is not None:
                corners = [f"{value:.4f}" for value in box]
                yield (tutorial.video, frame, span.sign, *corners, "1.000")


def _csv(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
