"""Keras' backends, each in a process of its own: what they train scores the same anywhere."""

import importlib.util
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.clips.cut import cut_clips
from pipeline.example import write_tutorials
from pipeline.network.weights_folder import load_network
from pipeline.provenance import read_provenance
from tests.starting import starting_weights
from tests.tiny import FROZEN_TO, tiny_params

CLASSIFY = """
import sys
from pathlib import Path
import numpy as np
from keras import ops
from pipeline.network.weights_folder import load_network
network, _, trained = load_network(Path(sys.argv[1]))
clips = np.load(sys.argv[2])
scores = network.classify(ops.convert_to_tensor(clips), temperature=trained.temperature)["scores"]
np.save(sys.argv[3], ops.convert_to_numpy(scores))
"""


def run(code: str, *arguments: object, backend: str, compiled: Path) -> None:
    """Run code on a backend; what JAX compiles is kept for the next process."""
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(compiled),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | cache | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_backend_trains_what_tensorflow_scores_alike(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    videos, clips = tmp_path / "videos", tmp_path / "clips"
    write_tutorials(videos, signers=3, signs=("NO", "YES"), short_side_px=96)
    cut_clips(videos, annotations=videos / "video_clip_times.csv", out=clips)
    starting_weights(tmp_path / "start.npz")
    starts = dict.fromkeys(("localiser_start", "backbone_start"), str(tmp_path / "start.npz"))
    frozen_to = None if backend == "tensorflow" else FROZEN_TO  # the whole network once
    params = tiny_params(epochs=1, steps=1) | starts | {"frozen_to": frozen_to}
    params |= {stage: tiny_params(epochs=0, steps=1)[stage] for stage in ("presence", "head")}
    (tmp_path / "params.json").write_text(json.dumps(params))
    command = ["train", clips, "--out", tmp_path / "run", "--boxes", videos / "hand_boxes.csv"]
    command += ["--landmarks", videos / "hand_landmarks.csv", "--params", tmp_path / "params.json"]
    start = partial(run, backend=backend, compiled=tmp_path / "compiled")
    start("from pipeline.cli import main; main()", *command)
    weights = tmp_path / "run" / "model"
    told = read_provenance(weights)
    assert told is not None
    assert told.backend.startswith(f"{backend} ")
    shape = (2, 3, 96, 96, 3)
    seen = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "clips.npy", seen)
    start(CLASSIFY, weights, tmp_path / "clips.npy", tmp_path / "scores.npy")
    network, _, trained = load_network(weights)  # with TensorFlow, as all tests
    scores = network.classify(seen, temperature=trained.temperature)["scores"].numpy()
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), scores, atol=1e-4)
