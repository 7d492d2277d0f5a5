"""From trained weights to a served bundle, and a check that nothing changed on the way.

A bundle holds the SavedModel rebuilt from a folder of weights, and the same manifest with the
bundle's own digests.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.example import write_example_clip
from pipeline.files import whole_folder
from pipeline.network.composition import SignNetwork
from pipeline.network.weights_folder import load_network, write_manifest
from pipeline.provenance import PROVENANCE
from pipeline.verify import verify_bundle
from signwrite.bundle import QUANTISED, SAVED_MODEL, Bundle
from signwrite.errors import InputError
from signwrite.reader import read_tensor

_SHOWN = ("B", "J")  # a hand held still and one that moves, drawn


def export_bundle(weights: Path, *, out: Path) -> Bundle:
    """Rebuild the SavedModel of a folder of weights, and verify that it scores as the network does.

    Args:
        weights: the folder of weights.
        out: the bundle's folder; an older bundle there is replaced at the end, at once.

    Raises:
        BundleError: the weights are damaged, or the SavedModel's scores differ from the network's.
        InputError: Keras runs on another backend than TensorFlow.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise InputError(f"export: wanted Keras on tensorflow; received KERAS_BACKEND={backend}")
    keras.config.set_dtype_policy("float32")
    network, manifest, trained = load_network(weights)
    with whole_folder(out) as folder:
        module = _ServedModule(network, temperature=trained.temperature)
        tf.saved_model.save(
            module,
            str(folder / SAVED_MODEL),
            signatures={"serving_default": module.serve},
        )
        for name in (PROVENANCE, QUANTISED, Path(QUANTISED).with_suffix(".bin").name):
            if (weights / name).is_file():
                shutil.copyfile(weights / name, folder / name)
        write_manifest(manifest, folder)
        _verify(network, folder, temperature=trained.temperature)
    return Bundle(out)


class _ServedModule(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """What the SavedModel holds: each weight once, and one function."""

    def __init__(self, network: SignNetwork, *, temperature: float) -> None:
        super().__init__()
        self.held = [variable.value for part in network.parts.values() for variable in part.weights]
        shape = (None, *network.recipe.clip_shape)

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8, name="clips")])  # type: ignore[untyped-decorator]  # TensorFlow's own
        def serve(clips: Any) -> dict[str, Any]:  # noqa: ANN401 - a TensorFlow tensor
            scored: dict[str, Any] = network.classify(clips, temperature=temperature)
            return scored

        self.serve = serve


def _verify(network: SignNetwork, folder: Path, *, temperature: float) -> None:
    with TemporaryDirectory() as drawn:
        shown = [
            write_example_clip(Path(drawn, f"{sign}.mp4"), sign, seconds=1.0) for sign in _SHOWN
        ]
        clips = np.stack([read_tensor(clip, recipe=network.recipe).frames for clip in shown])
    scores = network.classify(tf.constant(clips), temperature=temperature)["scores"].numpy()
    verify_bundle(folder, clips=clips, scores=scores)
