"""The file that describes a whole run: where the videos are, and how each stage is to work."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.drawing.tutorial import BOXES_FILE, SIGNERS_FILE, TIMES_FILE
from pipeline.evaluation import LIKENESS
from pipeline.landmarks.table import LANDMARKS_FILE
from pipeline.training.params import STARTS, TrainParams, read_object
from signwrite.errors import InputError
from signwrite.vocabulary import ASL_LETTERS

Split = Literal["train", "validation", "test"]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExampleParams(_Params):
    """Videos that are drawn."""

    signers: int = Field(default=4, ge=3)
    signs: tuple[str, ...] = ASL_LETTERS
    seed: int = 0


class CutParams(_Params):
    """How videos are cut, and signers divided."""

    shares: dict[Split, float] | None = None
    seed: int = 0
    fps: float | None = None
    skip_missing: bool = False


class ExtractParams(_Params):
    """How frames are written as JPEG."""

    quality: int = Field(default=95, ge=1, le=100)


class FindLandmarksParams(_Params):
    """How the teacher finds landmarks: its model file, by default fetched."""

    model: Path | None = None


class RunParams(_Params):
    """A whole run. Paths are relative to the file that says so.

    Attributes:
        name: of the model.
        version: of the model.
        about: a file with what its card says beside the figures.
        out: the folder of everything that the run makes.
        example: draw the videos.
        download: a list of videos to download.
        videos: the folder of the videos; by default ``videos`` in `out` where they are drawn or
            downloaded.
        annotations: who signs what and when; drawn videos bring theirs.
        signers: who is in which video.
        boxes: hand boxes by video and frame.
        landmarks: hand landmarks by video and frame.
        find_landmarks: let the teacher find them, where `boxes` says that there is a hand.
        cut: how to cut.
        extract: write JPEGs too; nothing else needs them.
        train: how to train.
        quantise: make the model in 8-bit integers too, for CPUs.
        evaluate: the splits to measure on.
        likeness: share of differing bits below which clips of two splits are near-duplicates.
    """

    name: str
    version: str = "0.1.0"
    about: Path | None = None
    out: Path
    example: ExampleParams | None = None
    download: Path | None = None
    videos: Path | None = None
    annotations: Path | None = None
    signers: Path | None = None
    boxes: Path | None = None
    landmarks: Path | None = None
    find_landmarks: FindLandmarksParams | None = None
    cut: CutParams = CutParams()
    extract: ExtractParams | None = None
    train: TrainParams = TrainParams()
    quantise: bool = False
    evaluate: tuple[Split, ...] = ("validation",)
    likeness: float = Field(default=LIKENESS, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.example is not None:
            given = {
                "download",
                "videos",
                "annotations",
                "signers",
                "boxes",
                "landmarks",
                "find_landmarks",
            } & self.model_fields_set
            if given:
                raise ValueError(f"drawn videos bring their own {', '.join(sorted(given))}")
        elif self.annotations is None:
            raise ValueError("annotations wanted, or example to draw videos with theirs")
        elif self.videos is None and self.download is None:
            raise ValueError("videos wanted (their folder), or download (a list of them)")
        if self.find_landmarks is not None and (self.boxes is None or self.landmarks is not None):
            raise ValueError("find_landmarks wants boxes, and no landmarks that are known already")
        return self

    def _landmarks(self, folder: Path, *, out: Path, videos: Path) -> Path | None:
        if self.example is not None:
            return videos / LANDMARKS_FILE
        if self.find_landmarks is not None:
            return out / LANDMARKS_FILE
        return None if self.landmarks is None else folder / self.landmarks

    def resolved(self, folder: Path) -> Self:
        """Return the same with every path made absolute, from a folder; what is left out filled."""

        def at(path: Path | None) -> Path | None:
            return None if path is None else folder / path

        out = folder / self.out
        videos = at(self.videos) or out / "videos"
        drawn = self.example is not None
        starts = {
            each: start
            if (start := getattr(self.train, each)) == "imagenet"
            else str(folder / start)
            for each in STARTS
        }
        return self.model_copy(
            update={
                "out": out,
                "videos": videos,
                "about": at(self.about),
                "download": at(self.download),
                "annotations": videos / TIMES_FILE if drawn else at(self.annotations),
                "signers": videos / SIGNERS_FILE if drawn else at(self.signers),
                "boxes": videos / BOXES_FILE if drawn else at(self.boxes),
                "landmarks": self._landmarks(folder, out=out, videos=videos),
                "find_landmarks": found
                if (found := self.find_landmarks) is None
                else found.model_copy(update={"model": at(found.model)}),
                "train": self.train.model_copy(update=starts),
            }
        )


def read_run_params(path: Path) -> RunParams:
    """Read the file of a run.

    Raises:
        InputError: it cannot be read, or a value is not one that is allowed; all are named.
    """
    content: dict[str, Any] = read_object(path)
    try:
        params = RunParams.model_validate(content)
    except ValidationError as error:
        lines = (
            f"{path}: {'.'.join(map(str, found['loc'])) or 'run'}: "
            f"{found['msg'].removeprefix('Value error, ')}"
            + ("" if isinstance(found["input"], dict) else f"; received {found['input']!r}")
            for found in error.errors()
        )
        raise InputError("\n".join(lines)) from error
    return params.resolved(path.absolute().parent)
