"""Training the localiser, and measuring where it looks."""

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.network.composition import SignNetwork
from pipeline.training.store import Store

Tensor = Any
_INSIDE, _LOST = 0.9, 0.3  # share of a hand in its crop; overlap with its box


def heat_loss(target: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy over the cells; nothing where the target is all zeros (no hand)."""
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)


def box_loss(target: Tensor, boxes: Tensor) -> Tensor:
    """Distance from the true box in its own sides, over the cells the target weighs."""
    side = ops.maximum(target[..., 2], 1e-3)
    off = ops.abs(boxes[..., :2] - target[..., :2]) / side[..., None]
    bigger = ops.abs(ops.log(boxes[..., 2]) - ops.log(side))
    return ops.sum(target[..., 3] * (off[..., 0] + off[..., 1] + bigger), axis=-1)


def presence_loss(target: Tensor, logits: Tensor) -> Tensor:
    """Binary cross-entropy of whether there is a hand."""
    target = ops.reshape(target, (-1,))
    return ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))


def overlap(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> Any:  # noqa: ANN401 - any backend's tensor
    """Intersection over union of squares [..., 3] (centre x, centre y, side)."""
    low = np.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
    high = np.minimum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    return shared / (first[..., 2] ** 2 + second[..., 2] ** 2 - shared)


def inside(crops: npt.NDArray[np.float32], hands: npt.NDArray[np.float32]) -> Any:  # noqa: ANN401 - any backend's tensor
    """Share of each hand square that its crop covers."""
    low = np.maximum(crops[..., :2] - crops[..., 2:] / 2, hands[..., :2] - hands[..., 2:] / 2)
    high = np.minimum(crops[..., :2] + crops[..., 2:] / 2, hands[..., :2] + hands[..., 2:] / 2)
    return np.prod(np.maximum(high - low, 0), axis=-1) / hands[..., 2] ** 2


def judge_localiser(
    network: SignNetwork, store: Store, rows: npt.NDArray[np.intp]
) -> dict[str, float]:
    """Measure where the localiser looks, on clips whose boxes are known.

    Returns:
        ``overlap``: mean intersection over union with the known boxes; ``inside``: share of frames
        whose crop covers at least nine tenths of the hand's box; ``lost``: share of frames with an
        overlap below 0.3; ``seen``: share of frames said to show a hand.
    """
    moments = np.arange(0, store.frames.shape[1], 2)
    found, seen = [], []
    for row in rows:
        canvases = ops.cast(ops.convert_to_tensor(store.frames[row][moments]), "float32")
        boxes, presence = network.locate(canvases, frames=len(moments))
        found.append(ops.convert_to_numpy(boxes))
        seen.append(ops.convert_to_numpy(presence))
    boxes, known = np.stack(found), store.boxes[np.ix_(rows, moments)]
    shared = overlap(boxes, known)
    crops = boxes * np.array([1.0, 1.0, network.config.crop_margin], np.float32)
    return {
        "overlap": float(shared.mean()),
        "inside": float((inside(crops, known) >= _INSIDE).mean()),
        "lost": float((shared < _LOST).mean()),
        "seen": float((np.stack(seen) > 0).mean()),
    }
