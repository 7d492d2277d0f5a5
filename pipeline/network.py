"""The network: a uint8 clip tensor in, calibrated scores out; built of Keras 3, any backend.

::

    clips uint8 [B, T, S, S, 3]
      -> sample the whole canvas at localiser_px   -> Localiser  -> hand box, presence per frame
      -> sample the hand box at crop_px            -> Backbone   -> 2048 features per frame
      -> features and the path of the boxes        -> Reader     -> logits [B, L]
      -> divided by the temperature, softmax       -> scores [B, L]

Both convolutional parts are `keras.applications.InceptionV3` (Szegedy et al. 2016, "Rethinking the
Inception Architecture") with batch normalisation folded into the convolutions; the localiser keeps
its first blocks only. Pixels are scaled to [-1, 1] here and nowhere else.
"""

from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import BaseModel, ConfigDict, Field

from signwrite.recipe import Recipe

Tensor = Any  # a tensor of whichever backend Keras runs on
FEATURES = 2048
FIRST_CELL_PX, CELL_PX = 13.5, 8.0  # centre of cell 0 and the pitch of InceptionV3's mixed2
_PATH_FEATURES = 7
_MODULE = "signwrite"


class NetworkConfig(BaseModel):
    """The structure of the network; saved in the manifest beside the weights.

    Attributes:
        localiser_px: side of the picture in which the hand is looked for.
        localiser_block: the InceptionV3 block that gives the localiser its context.
        crop_px: side of the hand crop that the backbone sees.
        crop_margin: side of the crop in sides of the hand box.
        reader_width: channels of the temporal layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    localiser_px: int = Field(default=192, ge=96, le=512)
    localiser_block: Literal["mixed3", "mixed4", "mixed5"] = "mixed3"
    crop_px: int = Field(default=160, ge=96, le=512)
    crop_margin: float = Field(default=1.2, ge=1.0, le=2.0)
    reader_width: int = Field(default=128, ge=16, le=512)


def build_inception(size_px: int, *, block: str | None = None) -> keras.Model:
    """Build InceptionV3 without its top, batch normalisation folded away, weights random.

    Args:
        size_px: side of the square input, float [N, size, size, 3] in [-1, 1].
        block: stop after this block (``mixed0``..``mixed10``); the whole network by default.

    Returns:
        A model whose convolutions are named ``conv00``..``conv93`` in the order in which
        `keras.applications` creates them, each with kernel and bias. Outputs the block's map, and
        mixed2's as well when a block is named.
    """
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(size_px, size_px, 3)
    )
    convolutions = in_creation_order(base, keras.layers.Conv2D)
    order = {layer.name: place for place, layer in enumerate(convolutions)}
    outputs: Any = base.output
    if block is not None:
        outputs = [base.get_layer("mixed2").output, base.get_layer(block).output]

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Conv2D):
            config |= {"use_bias": True, "name": f"conv{order[layer.name]:02d}"}
        return type(layer).from_config(config)

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Keras' own
        if isinstance(layer, keras.layers.BatchNormalization):
            return args[0]
        return layer(*args, **kwargs)

    cut = keras.Model(base.input, outputs)
    return keras.models.clone_model(cut, clone_function=clone, call_function=call)


def in_creation_order(model: keras.Model, kind: type[keras.Layer]) -> list[keras.Layer]:
    """Return a model's layers of one kind; Keras numbers their names through a whole process."""
    layers = [layer for layer in model.layers if isinstance(layer, kind)]

    def number(layer: keras.Layer) -> int:
        last = layer.name.rsplit("_", 1)[-1]
        return int(last) if last.isdigit() else 0

    return sorted(layers, key=number)


def sample_squares(frames: Tensor, boxes: Tensor, *, size_px: int) -> Tensor:
    """Cut a square from each frame and scale it, anti-aliased; black beyond the frame.

    Two small matrices a frame, one for rows and one for columns, hold the triangle filter, as wide
    as one output pixel where the square shrinks. It is the network's only resampling.

    Args:
        frames: float [N, S, S, 3].
        boxes: float32 [N, 3], centre x, centre y and side as fractions of the frame.
        size_px: side of the output.

    Returns:
        float [N, size_px, size_px, 3] in the frames' dtype and range.
    """
    canvas_px = frames.shape[1]

    def taps(centre: Tensor, side: Tensor) -> Tensor:
        step = side * canvas_px / size_px  # frame pixels per output pixel
        place = ops.arange(size_px, dtype="float32") + 0.5
        at = (centre - side / 2)[:, None] * canvas_px + place[None, :] * step[:, None]
        pixel = ops.arange(canvas_px, dtype="float32") + 0.5
        width = ops.maximum(step, 1.0)[:, None, None]
        weight = ops.relu(1.0 - ops.abs(pixel[None, None, :] - at[:, :, None]) / width)
        inside = ops.maximum(ops.sum(weight, axis=-1, keepdims=True), 0.5 * width)
        return ops.cast(weight / inside, frames.dtype)

    rows = taps(boxes[:, 1], boxes[:, 2])
    columns = taps(boxes[:, 0], boxes[:, 2])
    count = ops.shape(frames)[0]
    bands = ops.matmul(rows, ops.reshape(frames, (count, canvas_px, canvas_px * 3)))
    bands = ops.reshape(bands, (count, size_px, canvas_px, 3))
    across = ops.reshape(ops.transpose(bands, (0, 2, 1, 3)), (count, canvas_px, size_px * 3))
    squares = ops.reshape(ops.matmul(columns, across), (count, size_px, size_px, 3))
    return ops.transpose(squares, (0, 2, 1, 3))


def scale_pixels(frames: Tensor) -> Tensor:
    """Scale pixels 0..255 to the [-1, 1] that InceptionV3 was trained on."""
    return frames / 127.5 - 1.0


def build_localiser(config: NetworkConfig) -> keras.Model:
    """Build the part that finds the signing hand in one frame.

    Returns:
        A model float [N, px, px, 3] in [-1, 1] -> dict of float32: ``heat`` [N, G * G] logits of
        where the hand's centre is, ``boxes`` [N, G * G, 3] the box each cell would give (centre x,
        centre y, side as fractions), ``presence`` [N] logit that there is a hand.
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
        96, 3, padding="same", dilation_rate=2, activation="relu", name="spread"
    )(both)
    maps = keras.layers.Conv2D(4, 1, dtype="float32", name="maps")(both)
    pooled = keras.layers.GlobalMaxPooling2D(name="seen")(both)
    presence = keras.layers.Dense(1, dtype="float32", name="presence")(pooled)
    outputs = CellBoxes(size_px, dtype="float32", name="cells")([maps, presence])
    return keras.Model(trunk.input, outputs, name="localiser")


def cell_centres(size_px: int) -> npt.NDArray[np.float32]:
    """Return where InceptionV3's mixed2 looks: float32 [C, 2], x and y as fractions, row by row."""
    grid = (((size_px - 1) // 2 - 2 - 1) // 2 - 2 - 1) // 2
    line = (np.arange(grid) * CELL_PX + FIRST_CELL_PX) / size_px
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32)


@keras.saving.register_keras_serializable(_MODULE)
class CellBoxes(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Turns the localiser's maps into one box a cell, in fractions of the picture.

    Args:
        size_px: side of the localiser's input.
    """

    def __init__(self, size_px: int, **kwargs: Any) -> None:  # noqa: ANN401 - Keras' own
        """Remember the side."""
        super().__init__(**kwargs)
        self.size_px = size_px

    def call(self, inputs: list[Tensor]) -> dict[str, Tensor]:
        """Map [N, G, G, 4] and [N, 1] to heat, boxes and presence."""
        maps, presence = inputs
        centres = cell_centres(self.size_px)
        maps = ops.reshape(maps, (-1, len(centres), 4))
        x = centres[:, 0] + maps[..., 1] * (CELL_PX / self.size_px)
        y = centres[:, 1] + maps[..., 2] * (CELL_PX / self.size_px)
        side = 0.4 * ops.exp(ops.clip(maps[..., 3], -3.0, 1.5))
        boxes = ops.stack([x, y, side], axis=-1)
        return {"heat": maps[..., 0], "boxes": boxes, "presence": presence[:, 0]}

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config: dict[str, Any] = super().get_config()
        return config | {"size_px": self.size_px}


def follow_hand(heat: Tensor, boxes: Tensor, *, frames: int) -> Tensor:
    """Choose one box a frame, each frame leaning on its clip.

    A cell's evidence is its own frame's, plus the mean over the clip, so that a glance at a resting
    hand or a face is outvoted. The box is the mean over the cells near the best one, by evidence;
    its side is drawn half-way to the clip's median-like geometric mean.

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
    best = ops.argmax(evidence, axis=-1)
    centre = ops.take_along_axis(boxes, ops.reshape(best, (-1, 1, 1)), axis=1)
    away = ops.max(ops.abs(boxes[..., :2] - centre[..., :2]), axis=-1)
    near = ops.cast(away < 0.35 * centre[..., 2], "float32") * evidence
    near = near / (ops.sum(near, axis=-1, keepdims=True) + 1e-12)
    place = ops.sum(near[..., None] * boxes[..., :2], axis=1)
    log_side = ops.sum(near * ops.log(boxes[..., 2]), axis=1)
    mean = ops.mean(ops.reshape(log_side, (-1, frames)), axis=1, keepdims=True)
    mean = ops.reshape(ops.repeat(mean, frames, axis=1), (-1,))
    side = ops.exp(0.5 * log_side + 0.5 * mean)
    return ops.concatenate([place, side[:, None]], axis=-1)


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


class SignNetwork:
    """The four parts and their composition.

    Args:
        config: the structure.
        recipe: what a clip's tensor is.
        signs: L, the number of signs.

    Attributes:
        parts: the trainable models by name: localiser, backbone, frame_head, reader.
    """

    def __init__(self, config: NetworkConfig, *, recipe: Recipe, signs: int) -> None:
        """Build the parts, weights random."""
        self.config, self.recipe, self.signs = config, recipe, signs
        self.parts: dict[str, keras.Model] = {
            "localiser": build_localiser(config),
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
        return boxes, found["presence"]

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
