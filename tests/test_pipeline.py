"""The whole way, by the command line: drawn words in, a bundle that answers out."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.network.weights_folder import load_network
from pipeline.training import store
from pipeline.training.store import FRAMES_KEPT, build_store
from pipeline.training.variants import even_moments, plain_variants, read_clips
from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.errors import BundleError
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

WORDS = "HELLO,YES,NO"
STAGE = {"epochs": 2, "steps": 2, "batch": 2, "rate": 1e-4}
PARAMS = {
    "recipe": {"frames_per_clip": 3, "canvas_px": 96},
    "network": {"localiser_px": 96, "crop_px": 96, "reader_width": 16},
    "variants": 1,
    "presence_scenes": {"train": 1, "validation": 1},
    **dict.fromkeys(("localiser", "presence", "head", "backbone", "reader"), STAGE),
}


def signwrite(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def succeed(*arguments: object) -> str:
    result = signwrite(*arguments)
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which words were drawn, cut and trained on for two steps a stage."""
    root = tmp_path_factory.mktemp("words")
    drawn, clips = root / "drawn", root / "clips"
    starting_weights(root / "start.npz")
    params = PARAMS | dict.fromkeys(("localiser_start", "backbone_start"), str(root / "start.npz"))
    (root / "params.json").write_text(json.dumps(params))
    succeed("example", "--out", drawn, "--signers", 3, "--signs", WORDS)
    succeed("cut", drawn / "video_clip_times.csv", "--videos", drawn, "--out", clips)
    train = ("train", clips, "--out", root / "run", "--boxes", drawn / "hand_boxes.csv")
    succeed(*train, "--params", root / "params.json", "--name", "words", "--version", "1.2.3")
    succeed("export", root / "run" / "model", "--out", root / "bundle")
    return root


def starting_weights(path: Path) -> None:
    """Write random starting weights in the form of an ImageNet file."""
    import keras  # noqa: PLC0415 - seconds of import that only this needs

    from pipeline.network.inception import in_creation_order  # noqa: PLC0415 - imports Keras

    keras.utils.set_random_seed(0)
    stock = keras.applications.InceptionV3(weights=None, include_top=False)
    arrays: dict[str, np.ndarray] = {}
    for place, layer in enumerate(in_creation_order(stock, keras.layers.Conv2D)):
        name = "conv2d" if place == 0 else f"conv2d_{place}"
        kernel = np.asarray(layer.get_weights()[0], np.float16)
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": np.zeros(kernel.shape[-1], np.float16)}
    np.savez(path, allow_pickle=False, **arrays)


@pytest.mark.slow
def test_a_vocabulary_of_words_is_trained_exported_and_read(folder: Path) -> None:
    manifest = Bundle(folder / "bundle").manifest
    assert tuple(manifest.vocabulary) == ("HELLO", "NO", "YES")
    assert (manifest.name, manifest.version) == ("words", "1.2.3")
    assert manifest.card["data"]["train"]["signers"] == 2
    assert manifest.card["data"]["validation"]["clips"] == 3
    clip = next((folder / "clips" / "validation").rglob("*.mp4"))
    answer = json.loads(
        succeed("predict", clip, "--model", folder / "bundle", "--json", "--top-k", 3)
    )
    assert {each["sign"] for each in answer["ranking"]} == set(manifest.vocabulary)
    assert sum(each["score"] for each in answer["ranking"]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.slow
def test_evaluation_puts_its_figures_into_the_card(folder: Path) -> None:
    weights = folder / "weights"
    shutil.copytree(folder / "run" / "model", weights)
    command = (
        "evaluate",
        folder / "bundle",
        "--clips",
        folder / "clips",
        "--out",
        folder / "report",
    )
    assert "3 clips of 1 unseen signers" in succeed(*command, "--card", weights)
    assert Bundle(weights).manifest.card["figures"]["validation"]["clips"] == 3


@pytest.mark.slow
def test_a_batch_scores_each_clip_as_it_scores_alone(folder: Path) -> None:
    bundle = Bundle(folder / "bundle")
    classifier = SavedModelClassifier(bundle.saved_model)
    clips = np.random.default_rng(0).integers(
        0, 256, (3, *bundle.manifest.recipe.clip_shape), dtype=np.uint8
    )
    together = classifier.classify(clips)
    np.testing.assert_allclose(together.scores.sum(axis=1), 1.0, atol=1e-5)
    assert together.boxes.shape == (3, 3, 4)
    assert ((together.hand >= 0) & (together.hand <= 1)).all()
    for place in range(3):
        alone = classifier.classify(clips[place : place + 1])
        np.testing.assert_allclose(alone.scores[0], together.scores[place], atol=1e-5)


@pytest.mark.slow
def test_training_reads_clips_bit_for_bit_as_serving_does(folder: Path) -> None:
    recipe = Bundle(folder / "bundle").manifest.recipe
    boxes = folder / "drawn" / "hand_boxes.csv"
    kept_clips = build_store(
        folder / "clips", recipe=recipe, out=folder / "run" / "store", boxes=boxes
    )
    kept = recipe.model_copy(update={"frames_per_clip": FRAMES_KEPT})
    for row, clip in enumerate(kept_clips.clips):
        served = read_tensor((folder / "clips" / clip.clip).read_bytes(), recipe=kept)
        np.testing.assert_array_equal(kept_clips.frames[row], served.frames)


@pytest.mark.slow
def test_training_judges_with_the_scores_that_serving_gives(folder: Path) -> None:
    bundle = Bundle(folder / "bundle")
    boxes = folder / "drawn" / "hand_boxes.csv"
    recipe = bundle.manifest.recipe
    decoded = build_store(
        folder / "clips", recipe=recipe, out=folder / "run" / "store", boxes=boxes
    )
    network, _, trained = load_network(folder / "run" / "model")
    rows = decoded.rows("validation")
    logits = read_clips(network, plain_variants(network, decoded, rows)) / trained.temperature
    judged = softmax(logits, axis=1)
    moments = even_moments(FRAMES_KEPT, recipe.frames_per_clip)
    clips = np.stack([decoded.frames[row][moments] for row in rows])
    served = SavedModelClassifier(bundle.saved_model).classify(clips).scores
    np.testing.assert_allclose(judged, served, atol=1e-3)  # features are kept as float16


@pytest.mark.slow
def test_damaged_weights_are_refused_and_the_older_bundle_stays(folder: Path) -> None:
    weights = folder / "damaged"
    shutil.copytree(folder / "run" / "model", weights)
    with (weights / "weights.npz").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"\0" * 64)
    result = signwrite("export", weights, "--out", folder / "bundle")
    assert isinstance(result.exception, BundleError)
    assert "SHA-256" in str(result.exception)
    Bundle(folder / "bundle")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_killed_in_the_middle_of_every_stage_ends_with_the_same_weights(folder: Path) -> None:
    out = folder / "killed"
    words = [sys.executable, "-c", "from pipeline.cli import main; main()", "train"]
    words += [str(folder / "clips"), "--out", str(out), "--boxes"]
    words += [str(folder / "drawn" / "hand_boxes.csv"), "--params", str(folder / "params.json")]
    for stage in ("localiser", "presence", "head", "backbone", "reader", None):
        said = train_until(words, None if stage is None else f"{stage} 1/2")
        assert "localiser 1/2" not in said or stage == "localiser"  # what is done is not redone
    files = (folder / "run" / "model" / "weights.npz", out / "model" / "weights.npz")
    with np.load(files[0]) as whole, np.load(files[1]) as resumed:
        assert set(whole) == set(resumed)
        for name in whole:
            np.testing.assert_array_equal(whole[name], resumed[name], err_msg=name)


def train_until(words: list[str], line: str | None) -> str:
    """Train in a process of its own, killed as soon as it prints a line that begins so."""
    said = ""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as child:  # noqa: S603 - our own interpreter and arguments
        assert child.stdout is not None
        for printed in child.stdout:
            said += printed
            if line is not None and printed.startswith(line):
                child.kill()
                return said
    assert child.returncode == 0, said
    return said


def test_decoding_that_was_killed_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    succeed("example", "--out", tmp_path / "drawn", "--signers", 2, "--signs", "YES,NO")
    drawn = tmp_path / "drawn"
    succeed("cut", drawn / "video_clip_times.csv", "--videos", drawn, "--out", tmp_path / "clips")
    recipe, boxes = Recipe(frames_per_clip=3, canvas_px=96), drawn / "hand_boxes.csv"
    whole = build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "whole", boxes=boxes)
    decoded: list[int] = []
    dies_at = 3

    def decode(task: store.DecodeTask) -> np.ndarray:
        if len(decoded) == dies_at:
            raise KeyboardInterrupt
        decoded.append(task.place)
        return real(task)

    real = store.decode_clip
    monkeypatch.setattr(store, "_CHUNK", 2)
    monkeypatch.setattr(store, "decode_clip", decode)
    with pytest.raises(KeyboardInterrupt):
        build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "cut", boxes=boxes)
    decoded.clear()
    resumed = build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "cut", boxes=boxes)
    assert decoded == [2, 3]  # the first chunk of two was whole
    np.testing.assert_array_equal(resumed.frames, whole.frames)
    np.testing.assert_array_equal(resumed.boxes, whole.boxes)
    assert not np.isnan(whole.boxes).any()
    decoded.clear()
    dies_at = 9
    build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "cut", boxes=None)
    assert decoded == [0, 1, 2, 3]  # without boxes it is another store


@pytest.mark.slow
def test_a_run_with_other_parameters_is_refused(folder: Path) -> None:
    (folder / "other.json").write_text(json.dumps(PARAMS | {"seed": 9}))
    result = signwrite(
        "train", folder / "clips", "--out", folder / "run", "--params", folder / "other.json"
    )
    assert "seed" in str(result.exception)


@pytest.mark.slow
def test_a_run_with_other_boxes_is_refused(folder: Path) -> None:
    boxes = folder / "other.csv"
    boxes.write_bytes((folder / "drawn" / "hand_boxes.csv").read_bytes() + b"\n")
    command = ("train", folder / "clips", "--out", folder / "run", "--boxes", boxes)
    result = signwrite(*command, "--params", folder / "params.json")
    assert str(result.exception).endswith("received other boxes")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("predict", "x.mp4", "--model", "nowhere"), "a bundle is a folder with model.json"),
        (("cut", "missing.csv", "--videos", "."), "missing.csv"),
        (("train", ".", "--out", "run", "--params", "params.json"), "params.json: variants: "),
        (("serve", "--model", "nowhere"), "a bundle is a folder with model.json"),
        (("example", "--sign", "NOSUCH", "--out", "x.mp4"), "NOSUCH"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "params.json").write_text('{"variants": 0}')
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_starting_weights_that_cannot_be_fetched_are_named(tmp_path: Path) -> None:
    code = "from pipeline.network.weights import read_starting_weights as r; r('imagenet')"
    nowhere = "http://127.0.0.1:9"  # the discard port: nothing listens
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_HOME": str(tmp_path), "https_proxy": nowhere, "no_proxy": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "InputError: starting weights" in last
    assert "backbone_start" in last
