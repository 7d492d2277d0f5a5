"""The exported artefact: a SavedModel with all that is needed to serve it truthfully.

A bundle is a folder::

    model.json      the manifest: name, version, recipe, vocabulary, uncertainty rule, card, digests
    saved_model/    the TensorFlow SavedModel: uint8 [B, T, S, S, 3] -> scores, hand, boxes
    int8.xml, .bin  the same for OpenVINO in 8-bit integers, where it was quantised
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signwrite.errors import BundleError
from signwrite.ranking import UncertaintyRule
from signwrite.recipe import Recipe
from signwrite.vocabulary import Vocabulary

MANIFEST = "model.json"
SAVED_MODEL = "saved_model"
QUANTISED = "int8.xml"


class Manifest(BaseModel):
    """What a model is; the service's `GET /model` shows it whole.

    Attributes:
        name: lower case, digits and hyphens, e.g. ``asl-letters``.
        version: of the trained model, e.g. ``1.0.0``.
        card: the model card as JSON: data, split, figures with intervals, intended use, limits.
        network: the structure of the network, as the pipeline names it.
        digests: SHA-256 of each file beside the manifest, by its path relative to the bundle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    version: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*$", max_length=64)
    recipe: Recipe
    vocabulary: Vocabulary
    uncertainty: UncertaintyRule
    network: dict[str, Any]
    card: dict[str, Any]
    digests: dict[str, str]


class Bundle:
    """A verified bundle on disk.

    Args:
        root: the bundle's folder.

    Raises:
        BundleError: the manifest is missing, of an unknown format or recipe version, or a file is
            missing or differs from its digest.
    """

    def __init__(self, root: Path) -> None:
        """Read the manifest and verify every digest."""
        self.root = root
        self.manifest = read_manifest(root)
        for name, wanted in self.manifest.digests.items():
            file = root / name
            if not file.is_file():
                raise BundleError(f"the bundle {root.name} should hold {name}; it is missing")
            if (received := sha256_of(file)) != wanted:
                raise BundleError(
                    f"{name}: SHA-256 {wanted[:12]}… wanted; received {received[:12]}…"
                )

    @property
    def saved_model(self) -> Path:
        """The SavedModel's folder."""
        return self.root / SAVED_MODEL

    @property
    def quantised(self) -> Path:
        """The model in 8-bit integers; it may not be there."""
        return self.root / QUANTISED


def read_manifest(root: Path) -> Manifest:
    """Read a bundle's manifest.

    Raises:
        BundleError: there is none, or it is not one this code knows.
    """
    try:
        return Manifest.model_validate_json((root / MANIFEST).read_bytes())
    except OSError as error:
        raise BundleError(f"a bundle is a folder with {MANIFEST}; received {root}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{root / MANIFEST}: {where}: {first['msg']}") from error


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
