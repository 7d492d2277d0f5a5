"""The part that finds the signing hand."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.network.config import NetworkConfig
from pipeline.network.inception import build_inception
from pipeline.network.squares import Tensor

FIRST_CELL_PX, CELL_PX = 13.5, 8.0  # centre of cell 0 and the pitch of InceptionV3's mixed2

_SEEN = 96  # channels of the localiser's last features


def build_localiser(config: NetworkConfig) -> keras.Model:
    """Build the part that finds the signing hand in one frame.

    Returns:
        A model float [N, px, px, 3] in [-1, 1] -> dict of float32: ``heat`` [N, G * G] logits of
        where the hand's centre is, ``boxes`` [N, G * G, 3] the box each cell would give (centre x,
        centre y, side as fractions), ``seen`` [N, 192] what it sees there and all around.
    """
    size_px = config.localiser_px
    trunk = build_inception(size_px, block=config.localiser_block)
    fine, coarse = trunk.outputs
    grid = fine.shape[1]
    wide = keras.layers.Conv2D(128, 1, activation="relu", name="context")(coarse)
    wide = keras.layers.Resizing(grid, grid, name="upsample")(wide)
    near = keras.layers.Conv2D(96, 1, activation="relu", name="detail")(fine)
    both = keras.layers.Concatenate(name="both")([wide, near])
    both = keras.layers.Conv2D(128, 3, padding="same", activation="relu", name="mix")(both)
    both = keras.layers.Conv2D(
        _SEEN, 3, padding="same", dilation_rate=2, activation="relu", name="spread"
    )(both)
    maps = keras.layers.Conv2D(4, 1, dtype="float32", name="maps")(both)
    outputs = CellBoxes(size_px, dtype="float32", name="cells")([maps, both])
    return keras.Model(trunk.input, outputs, name="localiser")


def cell_centres(size_px: int) -> npt.NDArray[np.float32]:
    """Return where InceptionV3's mixed2 looks: float32 [C, 2], x and y as fractions, row by row."""
    grid = (((size_px - 1) // 2 - 2 - 1) // 2 - 2 - 1) // 2
    line = (np.arange(grid) * CELL_PX + FIRST_CELL_PX) / size_px
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32)


@keras.saving.register_keras_serializable("signwrite")
class CellBoxes(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Turns the localiser's maps into one box a cell, and sums up what is seen where the hand is.

    Args:
        size_px: side of the localiser's input.
    """

    def __init__(self, size_px: int, **kwargs: Any) -> None:  # noqa: ANN401 - Keras' own
        """Remember the side."""
        super().__init__(**kwargs)
        self.size_px = size_px

    def call(self, inputs: list[Tensor]) -> dict[str, Tensor]:
        """Map [N, G, G, 4] and [N, G, G, 96] to heat, boxes and what is seen."""
        maps, features = inputs
        centres = ops.convert_to_tensor(cell_centres(self.size_px))
        cells = centres.shape[0]
        maps = ops.reshape(maps, (-1, cells, 4))
        x = centres[:, 0] + maps[..., 1] * (CELL_PX / self.size_px)
        y = centres[:, 1] + maps[..., 2] * (CELL_PX / self.size_px)
        side = 0.4 * ops.exp(ops.clip(maps[..., 3], -3.0, 1.5))
        boxes = ops.stack([x, y, side], axis=-1)
        features = ops.reshape(features, (-1, cells, _SEEN))
        chance = ops.softmax(maps[..., 0], axis=-1)
        there = ops.sum(chance[..., None] * features, axis=1)
        seen = ops.concatenate([there, ops.mean(features, axis=1)], axis=-1)
        return {"heat": maps[..., 0], "boxes": boxes, "seen": seen}

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config: dict[str, Any] = super().get_config()
        return config | {"size_px": self.size_px}


def build_presence() -> keras.Model:
    """Build the part that says whether there is a hand: what is seen [N, 192] -> logit [N, 1]."""
    seen = keras.Input((2 * _SEEN,))
    hidden = keras.layers.Dense(32, activation="relu", dtype="float32", name="weigh")(seen)
    logit = keras.layers.Dense(1, dtype="float32", name="hand")(hidden)
    return keras.Model(seen, logit, name="presence")


def follow_hand(heat: Tensor, boxes: Tensor, *, frames: int) -> Tensor:
    """Choose one box a frame, each frame leaning on its clip.

    A cell's evidence is its own frame's times its mean over the clip, so that a glance at a resting
    hand or a face is outvoted. The box is the mean over the cells near the best one, by evidence;
    its side is drawn half-way to the clip's geometric mean.

    Args:
        heat: float32 [B * T, C] logits.
        boxes: float32 [B * T, C, 3].
        frames: T.

    Returns:
        float32 [B * T, 3]: centre x, centre y, side.
    """
    cells = heat.shape[1]
    chance = ops.softmax(heat, axis=-1)
    clip = ops.mean(ops.reshape(chance, (-1, frames, cells)), axis=1, keepdims=True)
    clip = ops.reshape(ops.repeat(clip, frames, axis=1), (-1, cells))
    evidence = chance * (clip + 1e-4)
    # Not argmax: Keras' is one that other runtimes than TensorFlow cannot read.
    best = ops.cast(evidence >= ops.max(evidence, axis=-1, keepdims=True), "float32")
    best = best / ops.sum(best, axis=-1, keepdims=True)
    centre = ops.sum(best[..., None] * boxes, axis=1, keepdims=True)
    away = ops.max(ops.abs(boxes[..., :2] - centre[..., :2]), axis=-1)
    near = ops.cast(away < 0.35 * centre[..., 2], "float32") * evidence
    near = near / (ops.sum(near, axis=-1, keepdims=True) + 1e-12)
    place = ops.sum(near[..., None] * boxes[..., :2], axis=1)
    log_side = ops.sum(near * ops.log(boxes[..., 2]), axis=1)
    mean = ops.mean(ops.reshape(log_side, (-1, frames)), axis=1, keepdims=True)
    mean = ops.reshape(ops.repeat(mean, frames, axis=1), (-1,))
    side = ops.exp(0.5 * log_side + 0.5 * mean)
    return ops.concatenate([place, side[:, None]], axis=-1)
