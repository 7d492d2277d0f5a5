"""The five parts of the network and their composition."""

import keras
from keras import ops

from pipeline.network.config import FEATURES, NetworkConfig
from pipeline.network.inception import build_inception
from pipeline.network.localiser import build_localiser, build_presence, follow_hand
from pipeline.network.squares import Tensor, sample_squares, scale_pixels
from pipeline.network.temporal import build_reader, describe_path
from signwrite.recipe import Recipe


def build_backbone(config: NetworkConfig) -> keras.Model:
    """Build the part that describes a hand crop.

    Returns:
        A model float [N, crop_px, crop_px, 3] in [-1, 1] -> float32 [N, 2048].
    """
    trunk = build_inception(config.crop_px)
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pooled")(trunk.output)
    return keras.Model(trunk.input, pooled, name="backbone")


def build_frame_head(signs: int) -> keras.Model:
    """Build the linear layer that reads one frame: float32 [N, 2048] -> logits [N, L]."""
    features = keras.Input((FEATURES,))
    logits = keras.layers.Dense(signs, dtype="float32", name="frame_logits")(features)
    return keras.Model(features, logits, name="frame_head")


class SignNetwork:
    """The five parts and their composition.

    Args:
        config: the structure.
        recipe: what a clip's tensor is.
        signs: L, the number of signs.

    Attributes:
        parts: the trainable models by name: localiser, presence, backbone,
            frame_head, reader.
    """

    def __init__(self, config: NetworkConfig, *, recipe: Recipe, signs: int) -> None:
        """Build the parts, weights random."""
        self.config, self.recipe, self.signs = config, recipe, signs
        self.parts: dict[str, keras.Model] = {
            "localiser": build_localiser(config),
            "presence": build_presence(),
            "backbone": build_backbone(config),
            "frame_head": build_frame_head(signs),
            "reader": build_reader(config, frames=recipe.frames_per_clip, signs=signs),
        }

    def locate(self, canvases: Tensor, *, frames: int) -> tuple[Tensor, Tensor]:
        """Find the hand: float [B * T, S, S, 3], 0..255 -> boxes [B * T, 3], presence [B * T]."""
        count = ops.shape(canvases)[0]
        whole = ops.tile(ops.convert_to_tensor([[0.5, 0.5, 1.0]], dtype="float32"), (count, 1))
        small = sample_squares(canvases, whole, size_px=self.config.localiser_px)
        found = self.parts["localiser"](scale_pixels(small), training=False)
        boxes = follow_hand(found["heat"], found["boxes"], frames=frames)
        presence = self.parts["presence"](found["seen"], training=False)
        return boxes, presence[:, 0]

    def describe(self, canvases: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Read each frame's hand crop: -> features [N, 2048], frame logits [N, L]."""
        margin = ops.convert_to_tensor([1.0, 1.0, self.config.crop_margin], dtype="float32")
        crops = sample_squares(canvases, boxes * margin, size_px=self.config.crop_px)
        features = self.parts["backbone"](scale_pixels(crops), training=False)
        return features, self.parts["frame_head"](features, training=False)

    def classify(self, clips: Tensor, *, temperature: float) -> dict[str, Tensor]:
        """Compose the whole: uint8 [B, T, S, S, 3] -> what `Classification` holds."""
        frames, size_px = self.recipe.frames_per_clip, self.recipe.canvas_px
        canvases = ops.cast(ops.reshape(clips, (-1, size_px, size_px, 3)), "float32")
        boxes, presence = self.locate(canvases, frames=frames)
        features, frame_logits = self.describe(canvases, boxes)
        boxes = ops.reshape(boxes, (-1, frames, 3))
        presence = ops.reshape(presence, (-1, frames))
        features = ops.reshape(features, (-1, frames, FEATURES))
        frame_logits = ops.reshape(frame_logits, (-1, frames, self.signs))
        path = describe_path(boxes, presence)
        logits = self.parts["reader"]([features, frame_logits, path], training=False)
        half = boxes[..., 2:] * (self.config.crop_margin / 2)
        corners = ops.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
        return {
            "scores": ops.softmax(logits / temperature, axis=-1),
            "hand": ops.mean(ops.sigmoid(presence), axis=1),
            "boxes": ops.clip(corners, 0.0, 1.0),
        }
