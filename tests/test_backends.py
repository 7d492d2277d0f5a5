"""Keras' other backends: they train, and what they trained is exported and scores the same."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.clips.cut import cut_clips
from pipeline.example import write_tutorials
from pipeline.network.weights_folder import load_network
from pipeline.provenance import read_provenance
from tests.tiny import tiny_params

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


def run(code: str, *arguments: object, backend: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_trains_what_tensorflow_scores_alike(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    videos, clips = tmp_path / "videos", tmp_path / "clips"
    write_tutorials(videos, signers=3, signs=("NO", "YES"), short_side_px=96)
    cut_clips(videos, annotations=videos / "video_clip_times.csv", out=clips)
    starting = "import sys; from pathlib import Path; from tests.starting import starting_weights"
    run(f"{starting}; starting_weights(Path(sys.argv[1]))", tmp_path / "start.npz", backend=backend)
    starts = dict.fromkeys(("localiser_start", "backbone_start"), str(tmp_path / "start.npz"))
    (tmp_path / "params.json").write_text(json.dumps(tiny_params(epochs=1, steps=1) | starts))
    command = ["train", clips, "--out", tmp_path / "run", "--boxes", videos / "hand_boxes.csv"]
    command += ["--landmarks", videos / "hand_landmarks.csv", "--params", tmp_path / "params.json"]
    run("from pipeline.cli import main; main()", *command, backend=backend)
    weights = tmp_path / "run" / "model"
    told = read_provenance(weights)
    assert told is not None
    assert told.backend.startswith(f"{backend} ")
    shape = (2, 3, 96, 96, 3)
    seen = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "clips.npy", seen)
    run(CLASSIFY, weights, tmp_path / "clips.npy", tmp_path / "scores.npy", backend=backend)
    network, _, trained = load_network(weights)  # with TensorFlow, as all tests
    scores = network.classify(seen, temperature=trained.temperature)["scores"].numpy()
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), scores, atol=1e-4)
