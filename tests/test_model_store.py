"""BentoML's model store: a bundle goes in whole, once, and is found by its tag."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.model_store import find_bundle, import_bundle
from signwrite.bundle import MANIFEST, Bundle
from signwrite.errors import BundleError, InputError


def named(bundle: Path, root: Path, **changes: str) -> Path:
    """Copy a bundle under another name or version."""
    shutil.copytree(bundle, root)
    manifest = json.loads((root / MANIFEST).read_text()) | changes
    (root / MANIFEST).write_text(json.dumps(manifest))
    return root


def test_a_bundle_is_found_by_its_tag(tiny_bundle: Path, tmp_path: Path) -> None:
    older = named(tiny_bundle, tmp_path / "older", name="kept", version="1.0.0")
    newer = named(tiny_bundle, tmp_path / "newer", name="kept", version="2.0.0-rc.1")
    assert import_bundle(older) == "kept:1.0.0"
    assert import_bundle(newer) == "kept:2.0.0-rc.1"
    assert Bundle(find_bundle("kept:1.0.0")).manifest == Bundle(older).manifest
    assert Bundle(find_bundle("kept:latest")).manifest == Bundle(newer).manifest
    assert find_bundle("kept") == find_bundle("kept:latest")


def test_another_model_does_not_take_a_version_that_is_there(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    first = named(tiny_bundle, tmp_path / "first", name="twice")
    import_bundle(first)
    assert import_bundle(first) == "twice:1.0.0"
    (first / "saved_model" / "more").write_text("x")
    manifest = json.loads((first / MANIFEST).read_text())
    more = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    manifest["digests"] |= {"saved_model/more": more}
    (first / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"twice:1\.0\.0 is there and is another one"):
        import_bundle(first)


def test_a_damaged_bundle_does_not_get_in(tiny_bundle: Path, tmp_path: Path) -> None:
    damaged = named(tiny_bundle, tmp_path / "damaged", name="damaged")
    file = next(each for each in (damaged / "saved_model").rglob("*") if each.is_file())
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(BundleError, match="SHA-256"):
        import_bundle(damaged)
    with pytest.raises(BundleError, match="which is neither"):
        find_bundle("damaged:1.0.0")


def test_a_version_that_the_store_cannot_hold_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model store: "):
        import_bundle(named(tiny_bundle, tmp_path / "odd", name="odd", version="1.0.0+gpu"))


@pytest.mark.parametrize("model", ["nosuch", "nosuch:1.0.0", "not a tag!", "::"])
def test_what_is_neither_folder_nor_tag_is_refused(model: str) -> None:
    with pytest.raises(BundleError, match=r"a bundle is a folder with model\.json, or a tag"):
        find_bundle(model)


def test_a_folder_is_itself(tiny_bundle: Path) -> None:
    assert find_bundle(str(tiny_bundle)) == tiny_bundle
