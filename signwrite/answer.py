"""The JSON of a ranking: what `POST /predict` and `signwrite predict --json` answer."""

import base64
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from signwrite.bundle import Manifest
from signwrite.explanation import Look
from signwrite.reader import Reading


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelName(_Answer):
    """Which model answered."""

    name: str = Field(examples=["asl-letters"])
    version: str = Field(examples=["1.0.0"])


class ClipFacts(_Answer):
    """What was read of the clip."""

    duration_s: float = Field(description="From the first frame to the end of the last, seconds.")
    width: int = Field(description="Width as displayed, in pixels.")
    height: int = Field(description="Height as displayed, in pixels.")
    frames_decoded: int = Field(description="How many frames were decoded.")
    frames_used: int = Field(description="How many different frames the model saw.")


class RankedSign(_Answer):
    """One sign the clip may show."""

    rank: int = Field(ge=1, description="1 for the best.")
    sign: str
    score: float = Field(description="Calibrated probability in [0, 1].")


class PredictionAnswer(_Answer):
    """The answer of `POST /predict`."""

    model: ModelName
    clip: ClipFacts
    ranking: tuple[RankedSign, ...] = Field(description="Best first; `top_k` of them.")
    uncertain: bool = Field(description="The clip shows no hand, or no sign the model knows.")

    @classmethod
    def of(cls, reading: Reading, *, manifest: Manifest) -> Self:
        """Put the answer together from what the domain returned."""
        return cls(
            model=ModelName(name=manifest.name, version=manifest.version),
            clip=ClipFacts(
                duration_s=reading.info.duration_s,
                width=reading.info.width,
                height=reading.info.height,
                frames_decoded=reading.info.frames_decoded,
                frames_used=reading.frames_used,
            ),
            ranking=tuple(
                RankedSign(rank=found.rank, sign=found.sign, score=found.score)
                for found in reading.ranking.predictions
            ),
            uncertain=reading.ranking.uncertain,
        )


class Square(_Answer):
    """Where the model looked, as fractions of the displayed picture, origin top left.

    Below 0 or above 1 it lies beyond the picture, where the model sees black.
    """

    left: float
    top: float
    right: float
    bottom: float


class ExplainedFrame(_Answer):
    """One of the frames that the model saw."""

    time_s: float = Field(description="When it shows, seconds from the clip's first frame.")
    square: Square
    crop: str = Field(
        description=(
            "What lies within the square: a JPEG of at most 128 pixels a side, as a data URL; "
            "about 3 kB."
        ),
        pattern="^data:image/jpeg;base64,",
    )

    @classmethod
    def of(cls, look: Look) -> Self:
        """Picture one look; takes a few milliseconds."""
        left, top, right, bottom = look.square
        packed = base64.b64encode(look.jpeg()).decode("ascii")
        return cls(
            time_s=look.time_s,
            square=Square(left=left, top=top, right=right, bottom=bottom),
            crop=f"data:image/jpeg;base64,{packed}",
        )


class ExplainedAnswer(PredictionAnswer):
    """The answer of `POST /predict` with `explain=true`."""

    explain: tuple[ExplainedFrame, ...] = Field(
        description="The `clip.frames_used` frames that the model saw, in the order of time."
    )

    @classmethod
    def with_looks(cls, answer: PredictionAnswer, looks: Iterable[Look]) -> Self:
        """Add to an answer what the model looked at."""
        explained = tuple(ExplainedFrame.of(look) for look in looks)
        return cls(**dict(answer), explain=explained)
