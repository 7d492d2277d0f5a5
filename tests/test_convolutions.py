"""Training has oneDNN compute its convolutions, on every processor, unless one says otherwise."""

import os
import platform
import subprocess
import sys

import pytest

USES = """
import pipeline
import numpy as np
import keras

keras.layers.Conv2D(8, 3)(np.zeros((2, 16, 16, 8), np.float32))
"""


@pytest.mark.skipif(platform.system() != "Linux", reason="TensorFlow has oneDNN on Linux only")
@pytest.mark.parametrize(("said", "used"), [(None, True), ("0", False)])
def test_onednn_computes_convolutions(said: str | None, *, used: bool) -> None:
    environment = {**os.environ, "ONEDNN_VERBOSE": "1", "KERAS_BACKEND": "tensorflow"}
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if said is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = said
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", USES], env=environment, capture_output=True, text=True, check=True
    )
    assert ("exec,cpu,convolution" in done.stdout) == used
