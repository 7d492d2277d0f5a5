"""The Bento: built from this repository, it holds what serving needs and answers by itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bentoml
import httpx
import pytest
import yaml

from pipeline.model_store import import_bundle
from signwrite.bundle import MANIFEST, Bundle
from tests.clips import counter_clip
from tests.forms import post
from tests.servers import ROOT, bento_serving, decoders_of

VERSION = "1.2.3"


@pytest.fixture(scope="module")
def bento(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Bento with the tiny model, which is called as the shipped one is."""
    renamed = tmp_path_factory.mktemp("renamed") / "bundle"
    shutil.copytree(tiny_bundle, renamed)
    manifest = Bundle(tiny_bundle).manifest.model_copy(update={"name": "asl-letters"})
    (renamed / MANIFEST).write_text(manifest.model_dump_json())
    import_bundle(renamed)
    subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-m", "bentoml", "build", "--version", VERSION],
        cwd=ROOT,
        env=os.environ | {"BENTOML_DO_NOT_TRACK": "True"},
        check=True,
        capture_output=True,
        timeout=240,
    )
    return Path(bentoml.get(f"signwrite:{VERSION}").path)


def files_in(folder: Path) -> set[Path]:
    """The files below a folder, without compiled ones, by their path from the folder's root."""
    root = ROOT if folder.is_relative_to(ROOT) else folder
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(root) for path in files if "__pycache__" not in path.parts}


def pins_of(lock: str) -> set[str]:
    """The versions and hashes of a lock; BentoML lays it out in its own way."""
    pins = set(re.findall(r"^[\w.-]+==[\w.]+|--hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE))
    assert len(pins) > 100
    return pins


@pytest.mark.slow
def test_a_bento_holds_exactly_what_serving_needs(bento: Path) -> None:
    packed = files_in(bento / "src")
    wanted = files_in(ROOT / "service") | files_in(ROOT / "signwrite")
    assert {path for path in packed if path.parts[0] in {"service", "signwrite"}} == wanted
    assert len(packed - wanted) <= 4, packed - wanted  # BentoML's own: it copies its settings
    told = yaml.safe_load((bento / "bento.yaml").read_text())
    (model,) = told["models"]
    assert model["tag"].startswith("asl-letters:")
    locked = (bento / "env" / "python" / "requirements.txt").read_text()
    assert pins_of(locked) == pins_of((ROOT / "requirements" / "serve-openvino.txt").read_text())


@pytest.mark.slow
def test_a_bento_serves_its_own_code_and_model(bento: Path, tmp_path: Path) -> None:
    with bento_serving(tmp_path, f"signwrite:{VERSION}") as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            answer = post(client, counter_clip())
            described = client.get("/docs.json").json()
            page, palette = client.get("/"), client.get("/page/palette.css")
        assert answer.status_code == 200
        assert answer.json()["model"]["name"] == "asl-letters"
        assert described["info"]["version"] == VERSION
        assert "<title>SignWrite</title>" in page.text
        assert palette.status_code == 200
        for decoder in decoders_of(server):
            environment = Path(f"/proc/{decoder}/environ").read_bytes()
            assert f"PYTHONPATH={bento / 'src'}".encode() in environment
