"""Fixtures that cost seconds, made once: a real bundle, and really running servers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Playwright, sync_playwright

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings hide a test's output
# BentoML reads this once, when it is imported: its model store is the tests' own.
os.environ["BENTOML_HOME"] = tempfile.mkdtemp(prefix="bentoml-")
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cache-")

from tests.servers import ROOT, Server, running_server

MAX_BYTES = 1_000_000


def pytest_unconfigure() -> None:
    for each in ("BENTOML_HOME", "XDG_CACHE_HOME"):
        shutil.rmtree(os.environ[each], ignore_errors=True)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle whose answers depend on a clip's colours, order and orientation."""
    from tests.bundles import write_tiny_bundle  # noqa: PLC0415 - imports TensorFlow: seconds

    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def shipped_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, exported as `make run` does."""
    from pipeline.export import export_bundle  # noqa: PLC0415 - imports TensorFlow: seconds

    out = tmp_path_factory.mktemp("shipped") / "bundle"
    return export_bundle(ROOT / "models" / "asl-letters", out=out).root


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[Server]:
    """A server with the tiny bundle, several decoders, shared calls and a small limit on bytes."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(
        folder,
        bundle=tiny_bundle,
        max_bytes=str(MAX_BYTES),
        decoders="3",
        max_batch="8",
        max_requests="32",
    ) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="session")
def hasty_server(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[Server]:
    """A server with room for one request, which no clip can satisfy in time."""
    folder = tmp_path_factory.mktemp("hasty")
    with running_server(
        folder, bundle=tiny_bundle, max_requests="1", deadline_s="0.000001", decoders="1"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives a browser."""
    with sync_playwright() as driving:
        yield driving


@pytest.fixture(scope="module")
def unbuilt() -> Iterator[None]:
    """Train step by step, without building TensorFlow's graphs: quicker, where steps are few.

    tests/test_backends.py trains with graphs.
    """
    import tensorflow as tf  # noqa: PLC0415 - seconds

    tf.config.run_functions_eagerly(True)  # noqa: FBT003 - TensorFlow's own
    yield
    tf.config.run_functions_eagerly(False)  # noqa: FBT003 - as above
