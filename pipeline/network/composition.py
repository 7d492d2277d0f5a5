"""The parts of the network and their composition."""

import keras
from keras import ops

from pipeline.landmarks import LANDMARKS
from pipeline.network.config import FEATURES, NetworkConfig
from pipeline.network.inception import build_inception
from pipeline.network.joints import (
    COARSE_BLOCK,
    FINE_BLOCK,
    build_landmark_head,
    mirror_joints,
    place_joints,
    surround_joints,
)
from pipeline.network.localiser import build_localiser, build_presence, follow_hand
from pipeline.network.squares import Tensor, sample_squares, scale_pixels
from pipeline.network.temporal import (
    build_blend,
    build_motion_reader,
    count_frames,
    describe_motion,
    pool_alike,
)
from signwrite.recipe import Recipe

_RESIZED = 2.0  # a second look is at most so many times larger or smaller than the first


def build_backbone(config: NetworkConfig) -> keras.Model:
    """Build the part that describes a hand crop.

    Returns:
        A model float [N, crop_px, crop_px, 3] in [-1, 1] -> dict: ``features`` float32 [N, 2048],
        and the maps that joints are read from, ``fine`` [N, G, G, 288], ``coarse`` [N, H, H, 768].
    """
    trunk = build_inception(config.crop_px)
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pooled")(trunk.output)
    outputs = {
        "features": pooled,
        "fine": trunk.get_layer(FINE_BLOCK).output,
        "coarse": trunk.get_layer(COARSE_BLOCK).output,
    }
    return keras.Model(trunk.input, outputs, name="backbone")


def build_frame_head(signs: int) -> keras.Model:
    """Build the linear layer that reads one frame: float32 [N, 2048] -> logits [N, L]."""
    features = keras.Input((FEATURES,))
    logits = keras.layers.Dense(signs, dtype="float32", name="frame_logits")(features)
    return keras.Model(features, logits, name="frame_head")


class SignNetwork:
    """The parts and their composition.

    Args:
        config: the structure.
        recipe: what a clip's tensor is.
        signs: L, the number of signs.

    Attributes:
        parts: the models by name: localiser, presence, backbone, frame_head,
            landmark_head, motion, blend.
    """

    def __init__(self, config: NetworkConfig, *, recipe: Recipe, signs: int) -> None:
        """Build the parts, weights random."""
        self.config, self.recipe, self.signs = config, recipe, signs
        self.parts: dict[str, keras.Model] = {
            "localiser": build_localiser(config),
            "presence": build_presence(),
            "backbone": build_backbone(config),
            "frame_head": build_frame_head(signs),
            "landmark_head": build_landmark_head(config),
            "motion": build_motion_reader(config, signs=signs),
            "blend": build_blend(signs, readers=len(config.readers)),
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

    def find(self, canvases: Tensor, *, frames: int) -> tuple[Tensor, Tensor]:
        """Find the hand as `locate` does; then, in a second look, where its joints say it is."""
        boxes, presence = self.locate(canvases, frames=frames)
        return self.look_again(canvases, boxes), presence

    def look_again(self, canvases: Tensor, boxes: Tensor) -> Tensor:
        """Find the hand where its joints, seen in boxes [N, 3], say it is; one look keeps those."""
        if self.config.looks == 1:
            return boxes
        _, joints = self.describe(canvases, boxes)
        around = surround_joints(joints, extent=self.config.hand_extent)
        side = ops.clip(around[:, 2:], boxes[:, 2:] / _RESIZED, boxes[:, 2:] * _RESIZED)
        return ops.concatenate([around[:, :2], side], axis=-1)

    def describe(self, canvases: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Read each frame's hand crop: -> frame logits [N, L], joints [N, 21, 3] on the canvas."""
        margin = ops.convert_to_tensor([1.0, 1.0, self.config.crop_margin], dtype="float32")
        squares = boxes * margin
        crops = sample_squares(canvases, squares, size_px=self.config.crop_px)
        seen = self.parts["backbone"](scale_pixels(crops), training=False)
        maps = {each: seen[each] for each in ("fine", "coarse")}
        joints = self.parts["landmark_head"](maps, training=False)["joints"]
        logits = self.parts["frame_head"](seen["features"], training=False)
        return logits, place_joints(joints, squares)

    def read(self, frame_logits: Tensor, joints: Tensor, presence: Tensor) -> dict[str, Tensor]:
        """Read whole clips.

        Args:
            frame_logits: float32 [B, T, L].
            joints: float32 [B, T, 21, 3], on the canvas.
            presence: float32 [B, T], logits.

        Returns:
            A dict of float32 [B, L]: ``shown``, the frames' logits averaged, each counting as much
            as it is likely to show a hand, those of signs that look alike pooled; ``moved``, the
            logits of the joints' movement; ``told_apart``, where there are signs that look alike,
            what these say for one of them against the others; ``logits``, all of them blended.
        """
        # A left hand is a right one seen in a mirror: both ways of looking have a say.
        both = [
            self.parts["motion"](describe_motion(hand, presence), training=False)
            for hand in (joints, mirror_joints(joints))
        ]
        moved = (both[0] + both[1]) / 2
        shown = ops.sum(frame_logits * count_frames(presence)[..., None], axis=1)
        said = {"shown": pool_alike(shown, self.config.alike), "moved": moved}
        if self.config.alike:
            said["told_apart"] = moved - pool_alike(moved, self.config.alike)
        readers = [said[each] for each in self.config.readers]
        return said | {"logits": self.parts["blend"](readers, training=False)}

    def classify(self, clips: Tensor, *, temperature: float) -> dict[str, Tensor]:
        """Compose the whole: uint8 [B, T, S, S, 3] -> what `Classification` holds."""
        frames, size_px = self.recipe.frames_per_clip, self.recipe.canvas_px
        canvases = ops.cast(ops.reshape(clips, (-1, size_px, size_px, 3)), "float32")
        boxes, presence = self.find(canvases, frames=frames)
        frame_logits, joints = self.describe(canvases, boxes)
        boxes = ops.reshape(boxes, (-1, frames, 3))
        presence = ops.reshape(presence, (-1, frames))
        frame_logits = ops.reshape(frame_logits, (-1, frames, self.signs))
        joints = ops.reshape(joints, (-1, frames, LANDMARKS, 3))
        logits = self.read(frame_logits, joints, presence)["logits"]
        half = boxes[..., 2:] * (self.config.crop_margin / 2)
        corners = ops.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
        return {
            "scores": ops.softmax(logits / temperature, axis=-1),
            "hand": ops.mean(ops.sigmoid(presence), axis=1),
            "boxes": ops.clip(corners, 0.0, 1.0),
        }
