"""The part that says where the joints of a hand are in its crop."""

from typing import Any

import keras
from keras import ops

from pipeline.landmarks import LANDMARKS
from pipeline.network.config import NetworkConfig
from pipeline.network.localiser import CELL_PX, cell_centres
from pipeline.network.squares import Tensor

FINE_BLOCK, COARSE_BLOCK = "mixed2", "mixed7"
"""The blocks of InceptionV3 whose maps the joints are read from."""

_DEPTH = 0.1  # of the crop's side: one unit of the network's output
_SHARP = 4.0  # a joint that may be in two places is near the likelier one, not between them


def build_landmark_head(config: NetworkConfig) -> keras.Model:
    """Build the part that finds the joints.

    Each joint has a map of where it may be; its place is the mean over that map, as in Sun et al.
    2018, "Integral Human Pose Regression".

    Returns:
        A model of the backbone's maps ``fine`` [N, G, G, 288] and ``coarse`` [N, H, H, 768] -> dict
        of float32: ``heat`` [N, G * G, 21], logits of where each joint is; ``joints`` [N, 63]: x, y
        and depth of the 21 landmarks in sides of the crop, x and y from its top left.
    """
    cells = round(len(cell_centres(config.crop_px)) ** 0.5)
    fine = keras.Input((cells, cells, 288), name="fine")
    coarse = keras.Input((None, None, 768), name="coarse")
    wide = keras.layers.Conv2D(128, 1, activation="relu", name="hold")(coarse)
    wide = keras.layers.Resizing(cells, cells, name="upsample")(wide)
    near = keras.layers.Conv2D(96, 1, activation="relu", name="detail")(fine)
    both = keras.layers.Concatenate(name="both")([wide, near])
    both = keras.layers.Conv2D(128, 3, padding="same", activation="relu", name="fingers")(both)
    both = keras.layers.Conv2D(
        128, 3, padding="same", dilation_rate=2, activation="relu", name="hand"
    )(both)
    maps = keras.layers.Conv2D(4 * LANDMARKS, 1, dtype="float32", name="maps")(both)
    outputs = MeanPlaces(config.crop_px, dtype="float32", name="places")(maps)
    return keras.Model({"fine": fine, "coarse": coarse}, outputs, name="landmark_head")


@keras.saving.register_keras_serializable("signwrite")
class MeanPlaces(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Turns maps [N, G, G, 84] into joints: heat, two shifts and a depth for each of them.

    Args:
        crop_px: side of the crop that the maps are of.
    """

    def __init__(self, crop_px: int, **kwargs: Any) -> None:  # noqa: ANN401 - Keras' own
        """Remember the side."""
        super().__init__(**kwargs)
        self.crop_px = crop_px

    def call(self, maps: Tensor) -> dict[str, Tensor]:
        """Average each joint's places by its heat."""
        centres = cell_centres(self.crop_px)
        maps = ops.reshape(maps, (-1, len(centres), LANDMARKS, 4))
        heat = maps[..., 0]
        shift = maps[..., 1:3] * (CELL_PX / self.crop_px)
        places = ops.convert_to_tensor(centres[None, :, None]) + shift
        places = ops.concatenate([places, _DEPTH * maps[..., 3:]], axis=-1)
        joints = ops.sum(ops.softmax(_SHARP * heat, axis=1)[..., None] * places, axis=1)
        return {"heat": heat, "joints": ops.reshape(joints, (-1, 3 * LANDMARKS))}

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config: dict[str, Any] = super().get_config()
        return config | {"crop_px": self.crop_px}


def place_joints(joints: Tensor, squares: Tensor) -> Tensor:
    """Turn joints in sides of their crops, [N, 63], into fractions of the canvas, [N, 21, 3].

    Args:
        joints: x and y from the crop's top left, and depth.
        squares: float32 [N, 3], the crops: centre x, centre y, side as fractions of the canvas.
    """
    joints = ops.reshape(joints, (-1, LANDMARKS, 3))
    side = squares[:, None, 2:]
    corner = squares[:, None, :2] - side / 2
    corner = ops.concatenate([corner, ops.zeros_like(side)], axis=-1)
    return corner + joints * side


def mirror_joints(joints: Tensor) -> Tensor:
    """Swap left and right of joints [..., 21, 3], fractions of the canvas."""
    return joints * ops.convert_to_tensor([-1.0, 1.0, 1.0], dtype="float32") + (
        ops.convert_to_tensor([1.0, 0.0, 0.0], dtype="float32")
    )


def surround_joints(joints: Tensor, *, extent: float) -> Tensor:
    """Return the box around joints [N, 21, 3]: float32 [N, 3], centre x, centre y, side.

    Args:
        joints: as fractions of the canvas.
        extent: the side in longer extents of the joints.
    """
    high, low = ops.max(joints[..., :2], axis=1), ops.min(joints[..., :2], axis=1)
    side = extent * ops.max(high - low, axis=-1, keepdims=True)
    return ops.concatenate([(high + low) / 2, side], axis=-1)
