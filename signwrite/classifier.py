"""What turns a batch of clips into scores, and its TensorFlow adapter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from signwrite.errors import BundleError


@dataclass(frozen=True)
class Classification:
    """What the model says of a batch of B clips with T frames and L signs.

    Attributes:
        scores: float32 [B, L], calibrated probabilities; each row sums to 1.
        hand: float32 [B], the probability that the clip shows a hand.
        boxes: float32 [B, T, 4], where the model looked in each frame: x_min, y_min, x_max, y_max
            as fractions of the canvas, origin top left.
    """

    scores: npt.NDArray[np.float32]
    hand: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]


class Classifier(Protocol):
    """Anything that scores a batch of clips."""

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        """Score uint8 [B, T, S, S, 3] clips, RGB; B may be any number from 1."""
        ...


def check_clips(clips: npt.NDArray[np.uint8]) -> None:
    """Refuse what is no batch of clips.

    Raises:
        ValueError: the array is not uint8 with five axes.
    """
    if clips.dtype != np.uint8 or clips.ndim != 5:  # noqa: PLR2004 - B, T, S, S, 3
        raise ValueError(f"uint8 [B, T, S, S, 3]; received {clips.dtype} {list(clips.shape)}")


class SavedModelClassifier:
    """Runs a TensorFlow SavedModel's `serving_default` signature.

    Args:
        path: the SavedModel folder.
        threads: how many CPU threads one call may use; TensorFlow's own choice by default. The
            first adapter of a process decides, as TensorFlow starts its pools once.

    Raises:
        BundleError: the folder holds no SavedModel with the expected signature.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load the model; takes seconds, as TensorFlow itself is imported here."""
        try:
            import tensorflow as tf  # noqa: PLC0415 - seconds of import that only a model needs
        except ModuleNotFoundError as error:
            raise BundleError("TensorFlow, to run a SavedModel; it is not installed") from error
        if threads is not None:
            _limit_threads(tf, threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        try:
            self._model = tf.saved_model.load(str(path))  # holds the variables the signature uses
            self._signature = self._model.signatures["serving_default"]
        except (OSError, KeyError, ValueError) as error:
            raise BundleError(f"a SavedModel with a serving_default signature: {error}") from error
        self._constant = tf.constant

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        """Score uint8 [B, T, S, S, 3] clips, RGB.

        Raises:
            ValueError: the array is not uint8 with five axes.
        """
        check_clips(clips)
        outputs = self._signature(clips=self._constant(clips))
        return Classification(
            scores=outputs["scores"].numpy(),
            hand=outputs["hand"].numpy(),
            boxes=outputs["boxes"].numpy(),
        )


def _limit_threads(tf: Any, threads: int) -> None:  # noqa: ANN401 - TensorFlow ships no types
    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise BundleError(f"{threads} threads must be set before TensorFlow starts") from error
