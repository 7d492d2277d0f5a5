"""BentoML's model store: bundles kept by tag, `name:version`, for `signwrite serve` and Bentos."""

import os
import shutil
from pathlib import Path

from signwrite.bundle import MANIFEST, Bundle, Manifest, read_manifest
from signwrite.errors import BundleError, InputError


def import_bundle(root: Path) -> str:
    """Copy a verified bundle into the store, whole or not at all.

    Args:
        root: the bundle's folder.

    Returns:
        Its tag. A bundle that is there already, the same in every byte, is left as it is.

    Raises:
        BundleError: the folder is no bundle, or is damaged.
        InputError: the store holds another bundle of that name and version.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # it reports what is saved
    manifest = Bundle(root).manifest
    tag = f"{manifest.name}:{manifest.version}"
    there = _find(tag)
    if there is None:
        _copy(root, manifest, tag=tag)
    elif read_manifest(there).digests != manifest.digests:
        raise InputError(
            f"model store: wanted a new version for a new model; {tag} is there and is another one"
        )
    return tag


def find_bundle(model: str) -> Path:
    """Find a bundle by its folder or its tag in the store.

    Args:
        model: a folder, or ``name:version`` (``name`` or ``name:latest`` mean the newest).

    Raises:
        BundleError: it is neither.
    """
    if Path(model).is_dir() or "/" in model:
        return Path(model)
    found = _find(model)
    if found is None:
        raise BundleError(
            f"a bundle is a folder with {MANIFEST}, or a tag in BentoML's model store; "
            f"received {model}, which is neither"
        )
    return found


def _copy(root: Path, manifest: Manifest, *, tag: str) -> None:
    import bentoml  # noqa: PLC0415 - seconds of import that only a tag needs

    try:
        with bentoml.models.create(tag, labels={"kind": "signwrite-bundle"}) as entry:
            for name in (*manifest.digests, MANIFEST):
                target = Path(entry.path) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / name, target)
            Bundle(Path(entry.path))  # what was copied is what was meant
    except (bentoml.exceptions.BentoMLException, ValueError) as error:
        raise InputError(f"model store: {error}") from error


def _find(tag: str) -> Path | None:
    """Return the folder of a tag; None where the store has none, or it is no tag."""
    import bentoml  # noqa: PLC0415 - as above

    try:
        return Path(bentoml.models.get(tag).path)
    except (bentoml.exceptions.BentoMLException, ValueError):
        return None
