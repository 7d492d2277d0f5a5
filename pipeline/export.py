"""From trained weights to a served bundle, and a check that nothing changed on the way.

A folder of weights holds ``weights.npz`` (float16) and the manifest that describes them; a bundle
holds the SavedModel rebuilt from them and the same manifest with the bundle's own digests.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.files import whole_folder
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.network.weights import load_parts, save_parts
from signwrite.bundle import MANIFEST, SAVED_MODEL, Bundle, Manifest, sha256_of
from signwrite.classifier import SavedModelClassifier
from signwrite.errors import BundleError

WEIGHTS = "weights.npz"
_TOLERANCE = 1e-4  # of a score, between the network in memory and the exported one


class TrainedNetwork(BaseModel):
    """What a manifest's `network` holds.

    Attributes:
        config: the structure.
        temperature: what the logits are divided by before the softmax; fitted on validation clips.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: NetworkConfig
    temperature: float = Field(gt=0.0, le=20.0)


def save_weights(network: SignNetwork, *, manifest: Manifest, out: Path) -> None:
    """Write a folder of weights, whole or not at all.

    Args:
        network: the trained parts.
        manifest: what they are; its digests are made here.
        out: the folder.
    """
    with whole_folder(out) as folder:
        save_parts(network.parts, folder / WEIGHTS)
        _write_manifest(manifest, folder)


def load_network(weights: Path) -> tuple[SignNetwork, Manifest, TrainedNetwork]:
    """Rebuild the network of a folder of weights.

    Raises:
        BundleError: the folder is not one, or is damaged.
        InputError: the weights are not those of the network that the manifest describes.
    """
    manifest = Bundle(weights).manifest
    try:
        trained = TrainedNetwork.model_validate(manifest.network)
    except ValidationError as error:
        raise BundleError(f"{weights / MANIFEST}: network: {error.errors()[0]['msg']}") from error
    network = SignNetwork(trained.config, recipe=manifest.recipe, signs=len(manifest.vocabulary))
    load_parts(network.parts, weights / WEIGHTS)
    return network, manifest, trained


def export_bundle(weights: Path, *, out: Path) -> Bundle:
    """Rebuild the SavedModel of a folder of weights, and verify that it scores as the network does.

    Args:
        weights: the folder of weights.
        out: the bundle's folder; an older bundle there is replaced at the end, at once.

    Raises:
        BundleError: the weights are damaged, or the SavedModel's scores differ from the network's.
    """
    keras.config.set_dtype_policy("float32")
    network, manifest, trained = load_network(weights)
    with whole_folder(out) as folder:
        module = _ServedModule(network, temperature=trained.temperature)
        tf.saved_model.save(
            module,
            str(folder / SAVED_MODEL),
            signatures={"serving_default": module.serve},
        )
        _write_manifest(manifest, folder)
        _verify(network, folder / SAVED_MODEL, temperature=trained.temperature)
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


def _verify(network: SignNetwork, saved_model: Path, *, temperature: float) -> None:
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (2, *network.recipe.clip_shape), dtype=np.uint8)
    wanted = network.classify(tf.constant(clips), temperature=temperature)["scores"].numpy()
    received = SavedModelClassifier(saved_model).classify(clips).scores
    if (apart := float(np.abs(wanted - received).max())) > _TOLERANCE:
        raise BundleError(f"scores within {_TOLERANCE} of the network's; received {apart:.2g} off")


def _write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest with the digests of all that lies in the folder."""
    digests = {
        file.relative_to(folder).as_posix(): sha256_of(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }
    described = manifest.model_copy(update={"digests": digests})
    (folder / MANIFEST).write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")
