"""The part that reads the frames of a clip together: what they show, and how the hand moves.

Two readers look at a clip. One averages what each frame alone shows. The other sees no pixel, only
the hand's joints and how they travel: it can tell a movement from the pose that it starts with. As
joints look alike whoever they belong to, it reads strangers nearly as well as those it learnt from.

Some signs are one pose, and differ only in how it moves. What stills say of them is pooled, and the
second reader alone tells them apart.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline.landmarks import LANDMARKS
from pipeline.network.config import NetworkConfig
from pipeline.network.squares import Tensor

_TIPS = (4, 8, 12, 16, 20)
_PALM = (0, 5, 9, 13, 17)
_LEAST = 1e-30  # of a probability against the highest one
_UNSEEN = 1e-4  # what a frame without a hand counts for in the reader of joints
_EVEN_BLEND = 0.5  # until it is fitted on validation clips

MOTION_FEATURES = 2 * LANDMARKS + LANDMARKS + 2 + 4 * len(_TIPS) + 2


def describe_motion(joints: Tensor, presence: Tensor) -> Tensor:
    """Describe how a hand is held and moves, in its own sizes, wherever it is in the picture.

    Where there is no hand, joints are found all the same, anywhere: a frame counts as far as it is
    likely to show one, and one that shows none is described by zeros.

    Args:
        joints: float32 [B, T, 21, 3], x, y and depth as fractions of the canvas.
        presence: float32 [B, T], logits that there is a hand.

    Returns:
        float32 [B, T, 87]: every joint against the palm's middle (x, y) and its depth; the palm
        against its mean over the clip; each fingertip against its mean over the clip, and its step
        from the frame before; how far the palm moved; the probability of a hand.
    """
    shows = ops.sigmoid(presence)[..., None]
    counts = count_frames(presence)[..., None]
    place = joints[..., :2]
    palm = ops.mean(ops.take(place, _PALM, axis=2), axis=2)
    extent = ops.max(ops.max(place, axis=2) - ops.min(place, axis=2), axis=-1, keepdims=True)
    size = ops.maximum(ops.sum(extent * counts, axis=1, keepdims=True), 1e-3) / 3.0
    shape = (place - palm[:, :, None]) / size[..., None]
    tips = ops.take(place, _TIPS, axis=2) / size[..., None]
    tips = tips - ops.sum(tips * counts[..., None], axis=1, keepdims=True)
    path = (palm - ops.sum(palm * counts, axis=1, keepdims=True)) / size
    both_show = shows * ops.concatenate([shows[:, :1], shows[:, :-1]], axis=1)
    held = [_flat(shape), joints[..., 2] / size, path, _flat(tips)]
    moves = [
        _flat(_steps(tips)),
        ops.sqrt(ops.sum(ops.square(_steps(path)), axis=-1, keepdims=True) + 1e-6),
    ]
    parts = [ops.clip(ops.concatenate(held, axis=-1), -4.0, 4.0) * shows]
    parts += [ops.clip(ops.concatenate(moves, axis=-1), -4.0, 4.0) * both_show, shows]
    return ops.concatenate(parts, axis=-1)


def count_frames(presence: Tensor) -> Tensor:
    """Return how much each frame of a clip counts: as much as it is likely to show a hand.

    Args:
        presence: float32 [B, T], logits that there is a hand.

    Returns:
        float32 [B, T]; they sum to 1 in each clip, even where no hand is seen at all.
    """
    return ops.softmax(ops.log_sigmoid(presence), axis=1)


def _flat(points: Tensor) -> Tensor:
    """Lay the last two axes out as one."""
    frames = ops.shape(points)[1]
    return ops.reshape(points, (-1, frames, points.shape[2] * points.shape[3]))


def _steps(path: Tensor) -> Tensor:
    """Return each frame's difference to the one before, along axis 1; zero for the first."""
    return ops.concatenate([ops.zeros_like(path[:, :1]), path[:, 1:] - path[:, :-1]], axis=1)


@keras.saving.register_keras_serializable("signwrite")
class Blend(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Adds up the logits of several readers, each with a weight of its own.

    The weights are fitted on validation clips when the readers are trained, not by gradients.
    """

    def build(self, shapes: Sequence[Any]) -> None:
        """Make one weight a reader."""
        self.shares = self.add_weight(
            shape=(len(shapes),),
            initializer=keras.initializers.Constant(_EVEN_BLEND),
            trainable=False,
            name="shares",
        )

    def call(self, logits: Sequence[Tensor]) -> Tensor:
        """Blend logits float32 [B, L] of each reader."""
        return ops.tensordot(ops.stack(logits, axis=-1), self.shares, axes=1)


def pool_alike(logits: Tensor, alike: Sequence[Sequence[int]]) -> Tensor:
    """Give the signs of a group one logit, that of their mean probability; others keep theirs.

    Args:
        logits: float32 [B, L].
        alike: groups of signs, by their numbers; no sign is in two.
    """
    if not alike:
        return logits
    signs = logits.shape[-1]
    means = np.zeros((signs, signs), np.float32)
    for group in alike:
        means[np.ix_(group, group)] = 1.0 / len(group)
    grouped = means.any(axis=0)
    highest = ops.max(logits, axis=-1, keepdims=True)
    mean = ops.matmul(ops.exp(logits - highest), ops.convert_to_tensor(means))
    return ops.where(grouped, ops.log(ops.maximum(mean, _LEAST)) + highest, logits)


def build_motion_reader(config: NetworkConfig, *, signs: int) -> keras.Model:
    """Build the reader of joints, for clips of any number of frames.

    Returns:
        A model float32 [B, T, 87] (`describe_motion`) -> logits float32 [B, L].
    """
    width = config.reader_width
    exact = {"dtype": "float32"}  # it is small, and steps between frames are smaller still
    motion = keras.Input((None, MOTION_FEATURES))
    seen = keras.layers.Conv1D(width, 1, activation="gelu", name="hold", **exact)(motion)
    seen = keras.layers.Dropout(0.3, **exact)(seen)
    seen = keras.layers.Conv1D(width, 3, padding="same", activation="gelu", name="move", **exact)(
        seen
    )
    seen = keras.layers.Dropout(0.3, **exact)(seen)
    seen = keras.layers.Conv1D(
        width, 3, padding="same", dilation_rate=2, activation="gelu", name="sequence", **exact
    )(seen)
    weight = keras.layers.Dense(1, kernel_initializer="zeros", name="attend", **exact)(seen)
    weight = keras.layers.Softmax(axis=1, **exact)(weight + ops.log(motion[..., -1:] + _UNSEEN))
    mean = keras.layers.Dot(axes=1, **exact)([weight, seen])[:, 0]
    highest = keras.layers.GlobalMaxPooling1D(**exact)(seen)
    whole = keras.layers.Concatenate(**exact)([mean, highest])
    whole = keras.layers.Dropout(0.3, **exact)(whole)
    logits = keras.layers.Dense(signs, name="motion_logits", **exact)(whole)
    return keras.Model(motion, logits, name="motion")


def build_blend(signs: int, *, readers: int = 2) -> keras.Model:
    """Build the sum of the readers' logits: so many float32 [B, L] -> [B, L]."""
    inputs = [keras.Input((signs,)) for _ in range(readers)]
    return keras.Model(inputs, Blend(name="blend", dtype="float32")(inputs), name="blend")
