"""The part that reads the frames of a clip together, and how the hand moves."""

import keras
from keras import ops

from pipeline.network.config import FEATURES, NetworkConfig
from pipeline.network.squares import Tensor

_PATH_FEATURES = 7


def describe_path(boxes: Tensor, presence: Tensor) -> Tensor:
    """Describe how the hand moves, in hand sides, whatever its place and size in the picture.

    Args:
        boxes: float32 [B, T, 3]: centre x, centre y, side.
        presence: float32 [B, T] logits.

    Returns:
        float32 [B, T, 7]: place against the clip's mean (x, y), step from the frame before (x, y),
        log side against the clip's mean, speed, probability of a hand.
    """
    side = ops.mean(boxes[..., 2], axis=1, keepdims=True)[..., None]
    place = boxes[..., :2] / side
    step = place[:, 1:] - place[:, :-1]
    step = ops.concatenate([ops.zeros_like(place[:, :1]), step], axis=1)
    speed = ops.sqrt(ops.sum(step * step, axis=-1, keepdims=True) + 1e-6)
    log_side = ops.log(boxes[..., 2:])
    parts = [
        place - ops.mean(place, axis=1, keepdims=True),
        step,
        log_side - ops.mean(log_side, axis=1, keepdims=True),
        speed,
        ops.sigmoid(presence)[..., None],
    ]
    return ops.clip(ops.concatenate(parts, axis=-1), -3.0, 3.0)


def build_reader(config: NetworkConfig, *, frames: int, signs: int) -> keras.Model:
    """Build the temporal part: what the frames show and how the hand moves, read together.

    Each frame's logits are averaged with weights the layers give it (a frame in transition weighs
    little), and what the sequence shows is added.

    Returns:
        A model of [features float32 [B, T, 2048], frame logits [B, T, L], path [B, T, 7]]
        -> float32 logits [B, L].
    """
    width = config.reader_width
    features = keras.Input((frames, FEATURES))
    frame_logits = keras.Input((frames, signs))
    path = keras.Input((frames, _PATH_FEATURES))
    seen = keras.layers.Dropout(0.3)(features)
    seen = keras.layers.Dense(width, activation="relu", name="see")(seen)
    moved = keras.layers.Conv1D(width, 3, padding="same", activation="relu", name="move")(path)
    both = keras.layers.Concatenate()([seen, moved])
    both = keras.layers.Conv1D(width, 3, padding="same", activation="relu", name="join")(both)
    both = keras.layers.Dropout(0.2)(both)
    both = keras.layers.Conv1D(width, 3, padding="same", activation="relu", name="sequence")(both)
    weight = keras.layers.Dense(1, kernel_initializer="zeros", name="attend")(both)
    weight = keras.layers.Softmax(axis=1)(weight)
    shown = keras.layers.Dot(axes=1)([weight, frame_logits])
    whole = keras.layers.Concatenate()(
        [keras.layers.Dot(axes=1)([weight, both]), keras.layers.GlobalMaxPooling1D()(both)[:, None]]
    )
    whole = keras.layers.Dropout(0.3)(whole)
    added = keras.layers.Dense(signs, kernel_initializer="zeros", name="sequence_logits")(whole)
    logits = keras.layers.Reshape((signs,))(keras.layers.Add()([shown, added]))
    return keras.Model([features, frame_logits, path], logits, name="reader")
