"""From a clip to a ranking: the one composition that training, the CLI and the service call."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signwrite.bundle import Manifest
from signwrite.classifier import Classification, Classifier
from signwrite.clip import ClipInfo, DecodedFrame, Limits, Source, opened
from signwrite.errors import UnusableClipError
from signwrite.frames import fit, paste
from signwrite.ranking import Ranking, rank_signs
from signwrite.recipe import Recipe
from signwrite.sampling import nearest, target_times


@dataclass(frozen=True)
class ClipTensor:
    """A clip as the model sees it; plain arrays, so that it can cross processes.

    Attributes:
        frames: uint8 [T, S, S, 3], RGB, full range; each frame centred on black.
        pts_s: float64 [T], when each frame shows, seconds from the clip's first frame; never
            falling. A clip with fewer frames than T has some of them twice.
        info: what was learnt of the clip.

    Raises:
        ValueError: a shape, type or order is wrong.
    """

    frames: npt.NDArray[np.uint8]
    pts_s: npt.NDArray[np.float64]
    info: ClipInfo

    def __post_init__(self) -> None:
        """Check shapes, types and order."""
        shape = self.frames.shape
        if self.frames.dtype != np.uint8 or len(shape) != 4 or shape[1:] != (shape[1], shape[1], 3):  # noqa: PLR2004 - T, S, S, 3
            raise ValueError(f"uint8 [T, S, S, 3]; received {self.frames.dtype} {list(shape)}")
        if self.pts_s.dtype != np.float64 or self.pts_s.shape != shape[:1]:
            raise ValueError(
                f"float64 [{shape[0]}]; received {self.pts_s.dtype} {list(self.pts_s.shape)}"
            )
        if not np.isfinite(self.pts_s).all() or (np.diff(self.pts_s) < 0).any():
            raise ValueError("finite timestamps that never fall; received others")

    @property
    def frames_used(self) -> int:
        """How many different frames of the clip the tensor shows."""
        return len(np.unique(self.pts_s))


def read_tensor(
    source: Source,
    *,
    recipe: Recipe,
    limits: Limits | None = None,
    out: npt.NDArray[np.uint8] | None = None,
) -> ClipTensor:
    """Read a clip into the model's tensor, decoding only as far as the last frame that is kept.

    Args:
        source: the clip's bytes, or a file to read them from.
        recipe: how the clip becomes a tensor.
        limits: how large it may be; the defaults of `Limits` by default.
        out: uint8 of the recipe's `clip_shape`, where the frames are to be written; new memory by
            default.

    Raises:
        InputError: the path cannot be read.
        LimitExceededError: the clip is larger than a limit allows.
        UnsupportedMediaError: not a video container or codec on the allow-list.
        UnusableClipError: damaged, empty or without a frame.
    """
    frames = np.empty(recipe.clip_shape, dtype=np.uint8) if out is None else out
    frames.fill(0)  # what a frame does not cover is black
    pts_s = np.zeros(recipe.frames_per_clip, dtype=np.float64)
    first: DecodedFrame | None = None
    before: DecodedFrame | None = None
    with opened(source, limits=limits or Limits()) as clip:
        targets = target_times(clip.span, recipe.frames_per_clip)
        frames_wanted = clip.frames(clip.nearest_times(targets))
        for place, (pts, frame) in enumerate(nearest(frames_wanted, targets)):
            pts_s[place] = clip.seconds(pts)
            if frame is before:
                frames[place] = frames[place - 1]
            else:
                _compose(frame, frames[place])
            first, before = first or frame, frame
        if first is None:
            raise UnusableClipError("at least one frame; received none")
        info = ClipInfo(clip.duration_s, first.width, first.height, clip.frames_decoded)
    return ClipTensor(frames, pts_s, info)


@dataclass(frozen=True)
class Reading:
    """What a clip may show, and how it was read.

    Attributes:
        ranking: the signs, best first.
        info: what was learnt of the clip.
        frames_used: how many different frames the model saw.
        boxes: float32 [T, 4], where the model looked: x_min, y_min, x_max, y_max as fractions of
            the canvas, origin top left.
    """

    ranking: Ranking
    info: ClipInfo
    frames_used: int
    boxes: npt.NDArray[np.float32]


class Reader:
    """Reads clips with one model.

    Args:
        manifest: the model's recipe, vocabulary and rule of uncertainty.
        classifier: runs the model.
        limits: how large a clip may be; the defaults of `Limits` by default.
    """

    def __init__(
        self, manifest: Manifest, *, classifier: Classifier, limits: Limits | None = None
    ) -> None:
        """Compose the parts."""
        self.manifest = manifest
        self.limits = limits or Limits()
        self._classifier = classifier

    def read(self, source: Source, *, top_k: int | None = None) -> Reading:
        """Read one clip.

        Args:
            source: the clip's bytes, or a file to read them from.
            top_k: how many predictions to keep, 1 to the number of signs; all by default.

        Raises:
            InputError: the path cannot be read.
            ClipError: as `read_tensor`.
            ValueError: `top_k` is out of range.
        """
        tensor = self.read_tensor(source)
        classification = self._classifier.classify(tensor.frames[np.newaxis])
        return self.rank(classification, tensor=tensor, top_k=top_k)

    def read_tensor(self, source: Source) -> ClipTensor:
        """Do the first step of `read`: the clip as this model's tensor.

        Raises:
            InputError: the path cannot be read.
            ClipError: as the function `read_tensor`.
        """
        return read_tensor(source, recipe=self.manifest.recipe, limits=self.limits)

    def rank(
        self,
        classification: Classification,
        *,
        tensor: ClipTensor,
        row: int = 0,
        top_k: int | None = None,
    ) -> Reading:
        """Do the last step of `read`: one row of a classified batch as a reading.

        Args:
            classification: of a batch that holds the clip.
            tensor: the clip.
            row: the clip's place in the batch.
            top_k: as `read`.

        Raises:
            ValueError: `top_k` is out of range or the scores do not fit the vocabulary.
        """
        ranking = rank_signs(
            classification.scores[row],
            hand=float(classification.hand[row]),
            vocabulary=self.manifest.vocabulary,
            rule=self.manifest.uncertainty,
            top_k=top_k,
        )
        return Reading(ranking, tensor.info, tensor.frames_used, classification.boxes[row])


def _compose(frame: DecodedFrame, canvas: npt.NDArray[np.uint8]) -> None:
    placement = fit(frame.width, frame.height, canvas_px=canvas.shape[0])
    paste(frame.rgb(placement.width, placement.height), canvas, placement)
