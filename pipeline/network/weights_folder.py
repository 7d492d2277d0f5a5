"""A folder of trained weights: what training ends with, and what is shipped.

::

    weights.npz       every weight, float16
    provenance.json   what the model was made from
    model.json        the manifest that describes them
    README.md         its card, written out to read; evaluation adds it
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.files import whole_folder
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.network.weights import WEIGHTS, load_parts, save_parts
from pipeline.provenance import PROVENANCE, Provenance
from signwrite.bundle import MANIFEST, Bundle, Manifest, sha256_of
from signwrite.errors import BundleError


class TrainedNetwork(BaseModel):
    """What a manifest's `network` holds.

    Attributes:
        config: the structure.
        temperature: what the logits are divided by before the softmax; fitted on validation clips.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: NetworkConfig
    temperature: float = Field(gt=0.0, le=20.0)


def save_network(
    network: SignNetwork, *, manifest: Manifest, provenance: Provenance, out: Path
) -> None:
    """Write a folder of weights, whole or not at all.

    Args:
        network: the trained parts.
        manifest: what they are; its digests are made here.
        provenance: what they were made from.
        out: the folder.
    """
    with whole_folder(out) as folder:
        save_parts(network.parts, folder / WEIGHTS)
        told = provenance.model_dump_json(indent=1) + "\n"
        (folder / PROVENANCE).write_text(told, encoding="utf-8")
        write_manifest(manifest, folder)


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


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest with the digests of all that lies in the folder."""
    digests = {
        file.relative_to(folder).as_posix(): sha256_of(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }
    described = manifest.model_copy(update={"digests": digests})
    (folder / MANIFEST).write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")
