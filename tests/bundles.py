"""A real bundle, made in code in a second: a SavedModel that tells clips apart by their colours."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from signwrite.bundle import MANIFEST, SAVED_MODEL, Manifest, sha256_of
from signwrite.ranking import UncertaintyRule
from signwrite.recipe import Recipe
from signwrite.vocabulary import Vocabulary

TINY_RECIPE = Recipe(frames_per_clip=4, canvas_px=64)
TINY_SIGNS = ("A", "B", "C", "J", "THANK YOU", "Z")
TINY_RULE = UncertaintyRule(min_hand=0.5, min_top_score=0.0)

_QUARTERS = 2  # of the canvas, along each side


class ColourModel(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """Scores a clip by the mean colour of the quarters of its frames, in order of time.

    A clip that is played backwards, turned, or of other colours scores differently. `hand` is near
    0 for a black clip and near 1 for a bright one.
    """

    def __init__(self, recipe: Recipe, *, signs: int, seed: int) -> None:
        super().__init__()
        self._shape = recipe.clip_shape
        features = recipe.frames_per_clip * _QUARTERS * _QUARTERS * 3
        weights = np.random.default_rng(seed).normal(size=(features, signs)) / np.sqrt(features)
        self._weights = tf.constant(6.0 * weights, tf.float32)

    def clips(self, clips: tf.Tensor) -> dict[str, Any]:
        frames, side = self._shape[0], self._shape[1]
        half = side // _QUARTERS
        light = tf.cast(clips, tf.float32) / 255.0
        blocks = tf.reshape(light, [-1, frames, _QUARTERS, half, _QUARTERS, half, 3])
        means = tf.reduce_mean(blocks, axis=[3, 5])
        logits = tf.matmul(tf.reshape(means, [-1, self._weights.shape[0]]), self._weights)
        brightness = tf.reduce_mean(means, axis=[1, 2, 3, 4])
        whole = tf.constant([0.0, 0.0, 1.0, 1.0])
        return {
            "scores": tf.nn.softmax(logits),
            "hand": tf.sigmoid(100.0 * (brightness - 0.05)),
            "boxes": tf.broadcast_to(whole, [tf.shape(clips)[0], frames, 4]),
        }


def write_tiny_bundle(
    root: Path,
    *,
    name: str = "tiny-signs",
    version: str = "1.0.0",
    recipe: Recipe = TINY_RECIPE,
    signs: tuple[str, ...] = TINY_SIGNS,
    seed: int = 7,
) -> Path:
    """Write the bundle into the folder `root`, which must not exist, and return it.

    Args:
        root: where to.
        name: of the model.
        version: of the model.
        recipe: of the model.
        signs: that it knows.
        seed: of its weights; another one reads other signs.
    """
    model = ColourModel(recipe, signs=len(signs), seed=seed)
    signature = tf.function(
        model.clips,
        input_signature=[tf.TensorSpec([None, *recipe.clip_shape], tf.uint8, name="clips")],
    )
    tf.saved_model.save(model, str(root / SAVED_MODEL), signatures={"serving_default": signature})
    manifest = Manifest(
        name=name,
        version=version,
        recipe=recipe,
        vocabulary=Vocabulary(signs),
        uncertainty=TINY_RULE,
        network={"kind": "mean colours"},
        card={"intended_use": "tests"},
        digests={
            str(file.relative_to(root)): sha256_of(file)
            for file in sorted((root / SAVED_MODEL).rglob("*"))
            if file.is_file()
        },
    )
    (root / MANIFEST).write_text(manifest.model_dump_json(indent=2))
    return root
