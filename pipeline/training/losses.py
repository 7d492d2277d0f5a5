"""What training makes small: the losses of signs and of joints."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.landmarks import LANDMARKS
from pipeline.network.squares import Tensor
from pipeline.training.calibrate import Labels
from pipeline.training.movement import NO_SIGN
from pipeline.training.run import Run

_FAR = 0.05  # of the crop's side: joints further off pull no harder
_SPREAD = 0.06  # of the crop's side: how sharply a joint's heat is wanted
_JOINTS_SCALE = 3.0  # what the place of joints counts for against their heat


def sign_loss(run: Run) -> Callable[[Any, Any], Any]:
    """Return the loss of logits against labels, as the run's parameters want it."""
    smoothing, signs = run.params.label_smoothing, run.network.signs
    weights = np.ones(signs, np.float32)
    if run.params.class_weights == "balanced":
        weights = weigh_signs(run.labels[run.store.rows("train")], signs=signs)
    return partial(label_loss, smoothing=smoothing, weights=weights)


def joints_loss(target: Tensor, joints: Tensor) -> Tensor:
    """Distance [N] of joints [N, 63] from the target [N, 64]; nothing where that is not known.

    Huber's loss (1964, "Robust Estimation of a Location Parameter"): joints that the teacher cannot
    see must not outweigh the rest.
    """
    off = ops.abs(joints - target[:, :-1])
    near = off * off / (2 * _FAR)
    loss = ops.mean(ops.where(off < _FAR, near, off - _FAR / 2), axis=-1)
    return _JOINTS_SCALE * target[:, -1] * loss


def joints_heat_loss(target: Tensor, heat: Tensor, *, centres: npt.NDArray[np.float32]) -> Tensor:
    """Divergence [N] of the heat [N, C, 21] from a normal distribution around each joint.

    Args:
        target: float32 [N, 64], the joints, and whether they are known.
        heat: logits.
        centres: float32 [C, 2], of the cells, in sides of the crop.
    """
    places = ops.reshape(target[:, :-1], (-1, 1, LANDMARKS, 3))[..., :2]
    away = ops.sum(ops.square(ops.convert_to_tensor(centres[None, :, None]) - places), axis=-1)
    log_wanted = ops.log_softmax(-away / (2 * _SPREAD**2), axis=1)
    apart = ops.exp(log_wanted) * (log_wanted - ops.log_softmax(heat, axis=1))
    return target[:, -1] * ops.mean(ops.sum(apart, axis=1), axis=-1)


def label_loss(
    labels: Any,  # noqa: ANN401 - any backend's tensor
    logits: Any,  # noqa: ANN401 - any backend's tensor
    *,
    smoothing: float,
    weights: npt.NDArray[np.float32],
) -> Any:  # noqa: ANN401 - any backend's tensor
    """Cross-entropy [N] of logits [N, L], the true sign's target lowered by the smoothing.

    Each clip counts as much as the weight [L] of its sign. Where a clip shows no sign (`NO_SIGN`)
    every sign should be as likely as any other; it counts 1. One that is `DOUBTFUL` counts nothing.
    """
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    true = ops.one_hot(ops.maximum(labels, 0), len(weights))
    signs = ops.cast(labels >= 0, "float32")[:, None]
    smoothed = true * (1.0 - smoothing) + smoothing / len(weights)
    target = signs * smoothed + (1.0 - signs) / len(weights)
    weight = ops.sum(true * ops.convert_to_tensor(weights), axis=-1)
    weight = signs[:, 0] * weight + ops.cast(labels == NO_SIGN, "float32")
    return -weight * ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)


def weigh_signs(labels: Labels, *, signs: int) -> npt.NDArray[np.float32]:
    """Weigh each sign by how rare its clips are, float32 [L]; the mean over the clips is 1."""
    counts = np.bincount(labels, minlength=signs)
    even = len(labels) / np.count_nonzero(counts)
    weights: npt.NDArray[np.float32] = np.divide(even, counts.clip(1), dtype=np.float32)
    return weights
