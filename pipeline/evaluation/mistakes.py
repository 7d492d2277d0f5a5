"""What a model got wrong, to be looked at: a frame of each clip, and where the model looked."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from pipeline.evaluation.answers import Answer
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

_SHOWN = 24
_SIDE_PX = 192
_FRAME = "#ff8c1a"


@dataclass(frozen=True)
class Mistake:
    """One wrong answer, and its middle frame as a JPEG in a data URL."""

    answer: Answer
    picture: str


def show_mistakes(answers: Sequence[Answer], *, folder: Path, recipe: Recipe) -> list[Mistake]:
    """Picture the wrong answers, the most confident first.

    Args:
        answers: of a set of clips.
        folder: the clips'.
        recipe: the model's.

    Raises:
        ClipError: a clip cannot be read.
    """
    wrong = sorted((each for each in answers if each.place > 1), key=lambda each: -each.score)
    return [
        Mistake(answer, _picture(answer, folder=folder, recipe=recipe)) for answer in wrong[:_SHOWN]
    ]


def _picture(answer: Answer, *, folder: Path, recipe: Recipe) -> str:
    tensor = read_tensor(folder / answer.clip, recipe=recipe)
    middle = Image.fromarray(tensor.frames[len(tensor.frames) // 2]).resize((_SIDE_PX, _SIDE_PX))
    box = tuple(edge * (_SIDE_PX - 1) for edge in answer.looked_at)
    ImageDraw.Draw(middle).rectangle(box, outline=_FRAME, width=2)
    packed = io.BytesIO()
    middle.save(packed, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode()
