"""What `bentoml serve` and `bentoml build` are given, and what they refuse."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import bentoml
import httpx
import pytest
import yaml

from signwrite.bundle import MANIFEST
from tests.servers import ROOT, Server, running_server


def test_the_bentofile_names_a_service() -> None:
    bentofile = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    module, _, name = bentofile["service"].partition(":")
    service = getattr(import_module(module), name)
    assert isinstance(service, bentoml.Service)
    described = yaml.safe_load(yaml.dump(service.openapi_spec))  # as `bentoml build` writes it
    assert "/predict" in described["paths"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "SIGNWRITE_BUNDLE: Field required"),
        ({"SIGNWRITE_BUNDLE": "nowhere"}, "a bundle is a folder with model.json; received nowhere"),
        ({"SIGNWRITE_BUNDLE": ".", "SIGNWRITE_THREADS": "none"}, "SIGNWRITE_THREADS: "),
    ],
)
def test_a_server_that_cannot_serve_does_not_start(
    settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SIGNWRITE_")
    }
    home = {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", "service.app:SignWrite", "--port", "0"],
        cwd=ROOT,
        env={**environment, **home, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.slow
def test_a_model_that_does_not_fit_its_manifest_is_never_ready(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle)
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["vocabulary"] = manifest["vocabulary"][:-1]  # no digest covers the manifest itself
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    with running_server(tmp_path, bundle=bundle, wait=False) as server:
        statuses = until_dead(server)
        assert httpx.get(f"{server.url}/readyz").status_code == 503
        assert "scores of shape (1, 5); received (1, 6)" in server.log.read_text()
    assert statuses <= {200, 503}


def until_dead(server: Server) -> set[int]:
    """Ask `/livez` until it says no; return what it said."""
    statuses: set[int] = set()
    deadline = time.monotonic() + 120
    while 503 not in statuses and time.monotonic() < deadline:
        with suppress(httpx.TransportError):  # nobody listens yet
            statuses.add(httpx.get(f"{server.url}/livez", timeout=5).status_code)
        time.sleep(0.05)
    return statuses
