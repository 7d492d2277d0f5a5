"""What an exported bundle answers to clips: as they are, shuffled, and with the hand coming late.

Every answer comes through `signwrite.reader.Reader`, as an answer over HTTP does.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.clips.manifest import ClipRow
from pipeline.evaluation.away import Frames, keep_away, look_beside
from pipeline.evaluation.hand import NO_HANDS, UNKNOWN, HandCheck, KnownHands, check_hand
from pipeline.files import write_text
from pipeline.jobs import Progress, no_progress
from signwrite.bundle import Manifest
from signwrite.classifier import Classifier
from signwrite.errors import InputError
from signwrite.ranking import Prediction, Ranking
from signwrite.reader import Reader, Reading

_CHUNK = 16  # clips between two checkpoints
_LEAST_SCORE = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a bundle answered to one clip.

    Attributes:
        clip: path within the clips' folder.
        clip_sha256: of the clip.
        sign: the label.
        signer: who signs.
        place: of the label in the ranking, from 1.
        first: the sign ranked first.
        score: its calibrated score.
        own_score: the label's calibrated score.
        uncertain: whether the answer was called uncertain.
        shuffled_place: of the label in the ranking of the same frames in another order; a sign
            that is a movement should fall.
        shuffled_own_score: the label's calibrated score then.
        looked_at: where the model looked in the middle frame: x_min, y_min, x_max, y_max as
            fractions of the canvas.
        hand: how the hand was found, where it is known, and how it moved.
        away_place: of the label in the ranking of the same clip when the hand comes late and leaves
            early; None where there is no room beside the hand to look at, or nobody has tried.
    """

    clip: str
    clip_sha256: str
    sign: str
    signer: str
    place: int
    first: str
    score: float
    own_score: float
    uncertain: bool
    shuffled_place: int
    shuffled_own_score: float
    looked_at: tuple[float, float, float, float]
    hand: HandCheck = UNKNOWN
    away_place: int | None = None

    @property
    def log_likelihood(self) -> float:
        """The natural logarithm of the label's score; finite, however small the score."""
        return _finite_log(self.own_score)

    @property
    def lost_by_shuffling(self) -> float:
        """How much log likelihood of the label is lost when the frames are shuffled."""
        return self.log_likelihood - _finite_log(self.shuffled_own_score)


def _finite_log(score: float) -> float:
    return math.log(max(score, _LEAST_SCORE))


class _Kept(BaseModel):
    """Answers on disk, and the model that gave them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    answers: tuple[Answer, ...]


def answer_clips(
    manifest: Manifest,
    rows: Sequence[ClipRow],
    *,
    folder: Path,
    classifier: Classifier,
    kept: Path,
    known: KnownHands = NO_HANDS,
    progress: Progress = no_progress,
) -> list[Answer]:
    """Read clips with a bundle; answers of an earlier run, perhaps a killed one, are not redone.

    Args:
        manifest: the bundle's.
        rows: the clips.
        folder: theirs.
        classifier: runs the bundle's SavedModel.
        kept: the file in which answers are kept.
        known: where the hand is known to be; answers that were told something else are redone.
        progress: called after each clip.

    Returns:
        One answer a clip, in the order of `rows`.

    Raises:
        InputError: a sign that the model does not know.
        ClipError: a clip cannot be read.
    """
    if unknown := sorted({row.sign for row in rows} - set(manifest.vocabulary)):
        raise InputError(f"{folder}: wanted signs the model knows; received {', '.join(unknown)}")
    model = identify(manifest) + known.told
    before = _read(kept)
    there = {each.clip: each for each in before.answers} if before and before.model == model else {}
    reader = Reader(manifest, classifier=classifier)
    answers: list[Answer] = []
    for done, row in enumerate(rows, start=1):
        answer = there.get(row.clip)
        if answer is None or (answer.clip_sha256, answer.sign) != (row.clip_sha256, row.sign):
            answer = _answer(row, folder=folder, reader=reader, classifier=classifier, known=known)
        answers.append(answer)
        if done % _CHUNK == 0 or done == len(rows):
            content = _Kept(model=model, answers=tuple(answers))
            write_text(kept, content.model_dump_json(indent=1) + "\n")
        progress(done, len(rows))
    return answers


def answers_file(out: Path, split: str) -> Path:
    """Return where an evaluation keeps its answers to a split's clips."""
    return out / f"{split}.answers.json"


def kept_answers(kept: Path, *, manifest: Manifest) -> tuple[Answer, ...]:
    """Return what a bundle answered in an earlier evaluation, whole or not.

    Args:
        kept: the file in which its answers were kept.
        manifest: the bundle's.

    Raises:
        InputError: there are no answers of this bundle.
    """
    content = _read(kept)
    if content is None or not content.model.startswith(identify(manifest)):
        raise InputError(f"{kept}: wanted answers of this bundle; there are none")
    return content.answers


def _answer(
    row: ClipRow, *, folder: Path, reader: Reader, classifier: Classifier, known: KnownHands
) -> Answer:
    tensor = reader.read_tensor(folder / row.clip)
    rng = np.random.default_rng(int(row.clip_sha256[:8], 16))

    def read(frames: Frames) -> Reading:
        return reader.rank(classifier.classify(frames[None]), tensor=tensor)

    reading = read(tensor.frames)
    shuffled = read(tensor.frames[rng.permutation(len(tensor.frames))])
    beside = look_beside(tensor.frames, reading.boxes, row=row, rng=rng)
    away = None if beside is None else read(keep_away(tensor.frames, beside))
    first = reading.ranking.predictions[0]
    own, own_shuffled = (_find(each.ranking, row.sign) for each in (reading, shuffled))
    hand = check_hand(
        row,
        tensor.pts_s,
        reading.boxes,
        known=known,
        canvas_px=reader.manifest.recipe.canvas_px,
        margin=_margin(reader.manifest),
    )
    left, top, right, bottom = (float(edge) for edge in reading.boxes[len(tensor.frames) // 2])
    return Answer(
        clip=row.clip,
        clip_sha256=row.clip_sha256,
        sign=row.sign,
        signer=row.signer,
        place=own.rank,
        first=first.sign,
        score=first.score,
        own_score=own.score,
        uncertain=reading.ranking.uncertain,
        shuffled_place=own_shuffled.rank,
        shuffled_own_score=own_shuffled.score,
        looked_at=(left, top, right, bottom),
        hand=hand,
        away_place=None if away is None else _find(away.ranking, row.sign).rank,
    )


def _margin(manifest: Manifest) -> float:
    """Return how much larger than the hand's box the model's crop is, by its description."""
    config = (manifest.network or {}).get("config", {})
    return float(config.get("crop_margin", 1.0))


def _find(ranking: Ranking, sign: str) -> Prediction:
    return next(each for each in ranking.predictions if each.sign == sign)


def identify(manifest: Manifest) -> str:
    """Name a model by all that its answers depend on; what its card says is no part of it."""
    return hashlib.sha256(manifest.model_dump_json(exclude={"card"}).encode()).hexdigest()


def _read(kept: Path) -> _Kept | None:
    """Read the answers that a file keeps; None where it is not there, or damaged."""
    try:
        return _Kept.model_validate_json(kept.read_bytes())
    except (OSError, ValidationError):
        return None
