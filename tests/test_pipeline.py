"""The whole way, by the command line: drawn words in, a bundle that answers out."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from scipy.special import softmax
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.clips.manifest import read_manifest as read_rows
from pipeline.clips.manifest import write_manifest as write_rows
from pipeline.drawing.filming import BOX_MARGIN
from pipeline.jobs import ALONE, no_progress
from pipeline.network.weights_folder import load_network
from pipeline.provenance import fingerprint, read_provenance
from pipeline.training import store
from pipeline.training.readings import (
    PlainReader,
    even_moments,
    judge_readings,
    read_plain,
)
from pipeline.training.store import FRAMES_KEPT, HandTables, build_store
from pipeline.training.watch import Watch
from pipeline.workflow.model_stages import train_stage
from pipeline.workflow.params import CutParams, read_run_params
from pipeline.workflow.places import Places
from pipeline.workflow.stage import Crew
from pipeline.workflow.stages import plan_stages
from signwrite.backends import load_classifier
from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.errors import BundleError, InputError
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe
from tests.rows import ROW
from tests.servers import signwrite_serving
from tests.tiny import tiny_params

pytestmark = pytest.mark.usefixtures("unbuilt")

WORDS = ["HELLO", "YES", "NO"]
PARAMS = tiny_params(epochs=2, steps=1)
IDLE = tiny_params(epochs=0, steps=1)


def signwrite(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def succeed(*arguments: object) -> str:
    result = signwrite(*arguments)
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def fail(*arguments: object) -> str:
    """Return what a command says that ends as bad input does."""
    result = signwrite(*arguments)
    assert isinstance(result.exception, InputError)
    return str(result.exception)


def outcomes(output: str) -> dict[str, bool]:
    """Read what `signwrite run` says at its end: for each stage, whether it had to work."""
    lines = re.findall(r"^(\w+) +(up to date|[\d.]+ s)$", output, re.MULTILINE)
    return {stage: told != "up to date" for stage, told in lines}


def describe(root: Path, **more: object) -> Path:
    """Write the file of a run that draws three signers and trains two steps a stage."""
    starts = dict.fromkeys(("localiser_start", "backbone_start"), "start.npz")
    run = {
        "name": "words",
        "version": "1.2.3",
        "out": "run",
        "example": {"signers": 3, "signs": WORDS},
        "extract": {"quality": 90},
        "train": PARAMS | starts,
    }
    (root / "run.json").write_text(json.dumps(run | more))
    return root / "run.json"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with starting weights, and a run from drawn words to a bundle."""
    from tests.starting import starting_weights  # noqa: PLC0415 - imports Keras: seconds

    root = tmp_path_factory.mktemp("words")
    starting_weights(root / "start.npz")
    output = succeed("run", describe(root))
    assert list(outcomes(output)) == ["example", "cut", "extract", "train", "export", "evaluate"]
    assert all(outcomes(output).values())
    return root


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    """What the run made."""
    return root / "run"


@pytest.mark.slow
def test_a_vocabulary_of_words_is_trained_exported_and_read(folder: Path) -> None:
    manifest = Bundle(folder / "bundle").manifest
    assert tuple(manifest.vocabulary) == ("HELLO", "NO", "YES")
    assert (manifest.name, manifest.version) == ("words", "1.2.3")
    assert manifest.card["data"]["train"]["signers"] == 2
    assert manifest.card["data"]["validation"]["clips"] == 3
    clip = next((folder / "clips" / "validation").rglob("*.mp4"))
    answer = json.loads(succeed("predict", clip, "--model", folder / "bundle", "--json"))
    assert {each["sign"] for each in answer["ranking"]} == set(manifest.vocabulary)
    assert sum(each["score"] for each in answer["ranking"]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.slow
def test_a_vocabulary_of_words_is_served_by_its_tag(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the same bundle again is no other one
        assert succeed("store", "--model", folder / "bundle").split() == ["words:1.2.3"]
    clip = next((folder / "clips" / "validation").rglob("*.mp4"))
    with signwrite_serving(tmp_path, "--model", "words:1.2.3") as server:
        posted = httpx.post(f"{server.url}/predict", files={"clip": clip.read_bytes()}, timeout=60)
        model = httpx.get(f"{server.url}/model").json()
    assert posted.status_code == 200, posted.text
    ranking = posted.json()["ranking"]
    assert {each["sign"] for each in ranking} == {"HELLO", "NO", "YES"}
    told = json.loads(succeed("predict", clip, "--model", folder / "bundle", "--json"))
    assert ranking == told["ranking"]
    assert model["card"]["figures"]["validation"]["clips"] == 3


@pytest.mark.slow
def test_a_run_leaves_figures_in_the_cards_of_what_it_ends_with(folder: Path) -> None:
    for made in (folder / "weights", folder / "bundle"):
        assert Bundle(made).manifest.card["figures"]["validation"]["clips"] == 3
    assert "3 clips of 1 unseen signer " in (folder / "report" / "validation.md").read_text()
    provenance = read_provenance(folder / "bundle")
    assert provenance is not None
    assert provenance == read_provenance(folder / "trained")
    assert len(provenance.seen["train"].signers) == 2
    assert len(provenance.seen["validation"].clips) == 3
    assert provenance.given["backbone_start"]["name"] == "start.npz"


@pytest.mark.slow
def test_blocks_that_are_frozen_stay_as_they_started(folder: Path) -> None:
    with np.load(folder / "trained" / "weights.npz") as trained:
        biases = [trained[f"backbone/conv{number:02}/bias"] for number in range(94)]
    moved = [number for number, bias in enumerate(biases) if bias.any()]  # all started from 0
    assert moved == list(range(85, 94))  # what makes up mixed10, the block after the frozen ones


@pytest.mark.slow
def test_what_is_done_is_not_done_again(root: Path) -> None:
    assert not any(outcomes(succeed("run", root / "run.json")).values())
    times = root / "run" / "videos" / "video_clip_times.csv"
    times.write_bytes(times.read_bytes())  # newer, but the same
    assert not any(outcomes(succeed("run", root / "run.json")).values())


@pytest.mark.slow
def test_a_change_is_followed_as_far_as_it_reaches(root: Path) -> None:
    """Quality concerns the pictures alone; a clip that is cut again as it was, nobody else."""
    changed = describe(root, extract={"quality": 50})
    worked = outcomes(succeed("run", changed))
    assert [stage for stage, done in worked.items() if done] == ["extract"]
    clip = next((root / "run" / "clips" / "train").rglob("*.mp4"))
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) // 2])
    worked = outcomes(succeed("run", changed))
    assert [stage for stage, done in worked.items() if done] == ["cut"]
    assert clip.read_bytes() == whole
    (root / "run" / "report" / "validation.html").unlink()
    worked = outcomes(succeed("run", changed))
    assert [stage for stage, done in worked.items() if done] == ["evaluate"]
    until = outcomes(succeed("run", describe(root), "--until", "extract"))
    assert until == {"example": False, "cut": False, "extract": True}


@pytest.mark.slow
def test_another_training_does_not_cost_the_former_one(root: Path) -> None:
    before = (root / "run" / "trained" / "weights.npz").read_bytes()
    starts = dict.fromkeys(("localiser_start", "backbone_start"), "start.npz")
    output = succeed("run", describe(root, train=IDLE | starts), "--until", "train")
    assert outcomes(output)["train"]
    assert (root / "run" / "trained" / "weights.npz").read_bytes() != before
    output = succeed("run", describe(root))
    assert "localiser 1/2" not in output
    assert (root / "run" / "trained" / "weights.npz").read_bytes() == before


@pytest.mark.slow
def test_figures_are_put_into_a_card_by_hand_too(folder: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(folder / "trained", weights)
    command = ("evaluate", folder / "exported", "--clips", folder / "clips", "--out", tmp_path)
    assert "3 clips of 1 unseen signer " in succeed(*command, "--card", weights)
    assert Bundle(weights).manifest.card["figures"]["validation"]["clips"] == 3


@pytest.mark.slow
def test_a_signer_who_taught_the_model_cannot_test_it(folder: Path, tmp_path: Path) -> None:
    rows = read_rows(folder / "clips")
    swapped = {"train": "test", "validation": "train"}
    write_rows(tmp_path, [replace(row, split=swapped[row.split]) for row in rows])
    for split in ("train", "validation"):
        (tmp_path / split).symlink_to(folder / "clips" / split)
    result = signwrite("evaluate", folder / "bundle", "--clips", tmp_path, "--split", "test")
    assert isinstance(result.exception, InputError)
    for signer in {row.signer for row in rows if row.split == "train"}:
        assert signer in str(result.exception)


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
    kept_clips = build_store(folder / "clips", recipe=recipe, out=folder / "store")
    kept = recipe.model_copy(update={"frames_per_clip": FRAMES_KEPT})
    for row, clip in enumerate(kept_clips.clips):
        served = read_tensor((folder / "clips" / clip.clip).read_bytes(), recipe=kept)
        np.testing.assert_array_equal(kept_clips.frames[row], served.frames)


@pytest.mark.slow
def test_training_judges_with_the_scores_that_serving_gives(folder: Path) -> None:
    bundle = Bundle(folder / "bundle")
    recipe = bundle.manifest.recipe
    decoded = build_store(folder / "clips", recipe=recipe, out=folder / "store")
    network, _, trained = load_network(folder / "trained")
    rows = decoded.rows("validation")
    said = judge_readings(network, read_plain(network, decoded, rows))
    logits = said["logits"] / trained.temperature
    judged = softmax(logits, axis=1)
    moments = even_moments(FRAMES_KEPT, recipe.frames_per_clip)
    clips = np.stack([decoded.frames[row][moments] for row in rows])
    served = SavedModelClassifier(bundle.saved_model).classify(clips).scores
    np.testing.assert_allclose(judged, served, atol=1e-4)


@pytest.mark.slow
def test_training_reads_clips_anew_with_what_the_backbone_knows_by_then(folder: Path) -> None:
    recipe = Bundle(folder / "bundle").manifest.recipe
    decoded = build_store(folder / "clips", recipe=recipe, out=folder / "store")
    network, _, _ = load_network(folder / "trained")
    rows = decoded.rows("validation")[:2]
    read = PlainReader(network, decoded, rows)
    before = read()
    bias = network.parts["frame_head"].weights[-1]
    bias.assign(bias + 1.0)
    for part, wanted in vars(read_plain(network, decoded, rows)).items():
        np.testing.assert_allclose(getattr(read(), part), wanted, atol=1e-3, err_msg=part)
    np.testing.assert_allclose(read().frame_logits, before.frame_logits + 1.0, atol=1e-3)


@pytest.mark.slow
def test_damaged_weights_are_refused_and_the_older_bundle_stays(
    folder: Path, tmp_path: Path
) -> None:
    weights, bundle = tmp_path / "damaged", tmp_path / "bundle"
    shutil.copytree(folder / "trained", weights)
    shutil.copytree(folder / "bundle", bundle)
    with (weights / "weights.npz").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"\0" * 64)
    result = signwrite("export", weights, "--out", bundle)
    assert isinstance(result.exception, BundleError)
    assert "SHA-256" in str(result.exception)
    Bundle(bundle)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_killed_in_every_stage_ends_as_one_that_was_not(root: Path, tmp_path: Path) -> None:
    (tmp_path / "start.npz").symlink_to(root / "start.npz")
    described = describe(tmp_path)
    trained = [f"{part} 1/2" for part in ("localiser", "presence", "head", "backbone", "motion")]
    before, after = ["== example", "== cut", "== extract"], ["== export", "== evaluate"]
    for line in [*before, *trained, *after]:
        said = run_until(described, line)
        assert "localiser 1/2" not in said or line == "localiser 1/2"  # what is done is kept
    said = run_until(described, None)
    assert "== train" not in said
    assert "Traceback" not in said
    whole, resumed = root / "run", tmp_path / "run"
    for name in ("clips/clips.csv", "frames/frames.csv", "report/validation.json"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    files = [made / "weights" / "weights.npz" for made in (whole, resumed)]
    with np.load(files[0]) as one, np.load(files[1]) as other:
        assert set(one) == set(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def run_until(described: Path, line: str | None) -> str:
    """Run in a process of its own, killed as soon as it prints a line that begins so."""
    said = ""
    code = "import tensorflow as tf; tf.config.run_functions_eagerly(True); "  # as `unbuilt` does
    code += "from pipeline.cli import main; main()"
    words = [sys.executable, "-c", code, "run", str(described)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
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
    recipe = Recipe(frames_per_clip=3, canvas_px=96)
    tables = HandTables(drawn / "hand_boxes.csv", drawn / "hand_landmarks.csv")
    whole = build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "whole", tables=tables)
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
        build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "cut", tables=tables)
    decoded.clear()
    resumed = build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "cut", tables=tables)
    assert decoded == [2, 3]  # the first chunk of two was whole
    np.testing.assert_array_equal(resumed.frames, whole.frames)
    np.testing.assert_array_equal(resumed.boxes, whole.boxes)
    np.testing.assert_array_equal(resumed.landmarks, whole.landmarks)
    assert not np.isnan(whole.boxes).any()
    assert not np.isnan(whole.landmarks).any()
    assert whole.hand_extent() == pytest.approx(BOX_MARGIN, rel=0.02)
    decoded.clear()
    unknown = build_store(tmp_path / "clips", recipe=recipe, out=tmp_path / "cut")
    assert decoded == []  # what is known of the hand is no part of what is decoded
    assert np.isnan(unknown.boxes).all()
    assert np.isnan(unknown.landmarks).all()
    assert unknown.hand_extent() is None


@pytest.mark.slow
def test_a_training_run_with_other_parameters_or_boxes_is_refused(
    root: Path, tmp_path: Path
) -> None:
    folder, videos = root / "run", root / "run" / "videos"
    boxes, joints = videos / "hand_boxes.csv", ("--landmarks", videos / "hand_landmarks.csv")
    starts = dict.fromkeys(("localiser_start", "backbone_start"), str(root / "start.npz"))
    (tmp_path / "params.json").write_text(json.dumps(PARAMS | starts | {"seed": 9}))
    (run,) = (run for run in (folder / "train").iterdir() if (run / "localiser.csv").is_file())
    train = ("train", folder / "clips", "--out", run, "--params")
    result = signwrite(*train, tmp_path / "params.json", "--boxes", boxes, *joints)
    assert str(result.exception).endswith("received other seed")
    (tmp_path / "params.json").write_text(json.dumps(PARAMS | starts))
    (tmp_path / "boxes.csv").write_bytes(boxes.read_bytes() + b"\n")
    result = signwrite(*train, tmp_path / "params.json", "--boxes", tmp_path / "boxes.csv", *joints)
    assert str(result.exception).endswith("received other boxes")
    result = signwrite(*train, tmp_path / "params.json", "--boxes", boxes)
    assert str(result.exception).endswith("received other landmarks")


@pytest.mark.parametrize(
    ("params", "received"),
    [
        ({"doubtful": {"v.mp4": ["A", "B"]}}, "received B in v.mp4"),
        ({"alike": [["A", "J"]]}, "received J"),
        ({"alike": [["A"]]}, "groups of two signs or more wanted"),
        ({"alike": [["A", "B"], ["B", "C"]]}, "no sign twice"),
    ],
)
def test_a_slip_in_what_is_said_of_clips_and_signs_takes_no_folder(
    params: dict[str, object], received: str, tmp_path: Path
) -> None:
    write_rows(tmp_path / "clips", [replace(ROW, video="v.mp4", sign="A", split="train")])
    (tmp_path / "params.json").write_text(json.dumps(params))
    result = signwrite(
        "train", tmp_path / "clips", "--out", tmp_path / "run", "--params", tmp_path / "params.json"
    )
    assert received in str(result.exception)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_training_starts_from_trained_weights_too(root: Path, tmp_path: Path) -> None:
    """A dictionary of its own, from the weights of another: no download, no epoch."""
    trained = root / "run" / "trained"
    starts = dict.fromkeys(("localiser_start", "backbone_start"), str(trained))
    (tmp_path / "params.json").write_text(json.dumps(IDLE | starts))
    boxes = root / "run" / "videos" / "hand_boxes.csv"
    train = ("train", root / "run" / "clips", "--out", tmp_path / "run", "--boxes", boxes)
    store = ("--store", root / "run" / "store")
    succeed(*train, "--params", tmp_path / "params.json", *store)
    with (
        np.load(trained / "weights.npz") as source,
        np.load(tmp_path / "run" / "model" / "weights.npz") as started,
    ):
        names = [name for name in source if not name.startswith("blend/")]  # fitted anew
        assert len(names) > 200
        for name in names:
            np.testing.assert_array_equal(source[name], started[name], err_msg=name)
    told = read_provenance(tmp_path / "run" / "model")
    assert told is not None
    assert told.started_from == {"trained": read_provenance(trained)}
    card = Bundle(tmp_path / "run" / "model").manifest.card["training"]
    assert card["started_from"]["trained"]["training"]["backbone"]["epochs"] > 0
    assert card["backbone"]["epochs"] == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_in_integers_is_made_and_measured(root: Path, tmp_path: Path) -> None:
    described = describe(tmp_path, quantise=True)
    copy = tmp_path / "run"
    for name in ("videos", "clips", "trained"):
        shutil.copytree(root / "run" / name, copy / name)
    stages = {stage.name: stage for stage in plan_stages(read_run_params(described))}
    assert list(stages) == ["example", "cut", "extract", "train", "quantise", "export", "evaluate"]
    crew = Crew(Watch(say=print, bar=lambda _: nullcontext(no_progress)), ALONE)
    for name in ("quantise", "export", "evaluate"):
        stages[name].work(crew)
    bundle = Bundle(copy / "bundle")
    assert bundle.quantised.is_file()
    measured = Bundle(copy / "weights").manifest.card["backends"]
    assert measured == bundle.manifest.card["backends"]
    assert measured["tensorflow"]["clips"] == measured["openvino-int8"]["clips"] == 3
    clips = copy / "clips"
    evaluate = ("evaluate", bundle.root, "--clips", clips, "--out", tmp_path / "report")
    integers = (*evaluate, "--backend", "openvino-int8", "--card", copy / "quantised")
    assert "wanted answers of this bundle; there are none" in fail(*integers)
    succeed(*evaluate, "--card", copy / "quantised")
    succeed(*integers)
    assert Bundle(copy / "quantised").manifest.card["backends"] == measured
    compared = measured["openvino-int8"]["against_reference"]
    reports = (tmp_path / "report" / "openvino-int8", tmp_path / "report")
    told = succeed("compare", *(report / "validation.json" for report in reports))
    assert f"| mean log likelihood of the sign | {compared['likelihood']['share']:+.3f} (" in told
    frames = read_tensor(next(clips.rglob("*.mp4")), recipe=bundle.manifest.recipe).frames
    exact, rough = (
        load_classifier(bundle, backend=backend)[0].classify(frames[None])
        for backend in ("tensorflow", "openvino-int8")
    )
    assert 0 < np.abs(exact.scores - rough.scores).max() < 0.1  # another model, and hardly so
    off = np.abs(exact.boxes - rough.boxes)
    assert 0 < np.median(off) < 0.01  # now and then this localiser, hardly trained, is undecided


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everybody_is_left_out_once(root: Path, tmp_path: Path) -> None:
    folder = root / "run"
    drawn = tmp_path / "drawn"
    succeed("example", "--out", drawn, "--signers", 4, "--signs", "YES,NO")
    clips = tmp_path / "clips"
    succeed("cut", drawn / "video_clip_times.csv", "--videos", drawn, "--out", clips)
    briefly = {"localiser": tiny_params(epochs=1, steps=1)["localiser"]}
    starts = dict.fromkeys(("localiser_start", "backbone_start"), str(folder / "trained"))
    (tmp_path / "params.json").write_text(json.dumps(IDLE | starts | briefly))
    tables = ("--boxes", drawn / "hand_boxes.csv", "--landmarks", drawn / "hand_landmarks.csv")
    params = (*tables, "--params", tmp_path / "params.json")
    crossval = ("crossval", clips, "--out", tmp_path / "cv", "--folds", 2, *params)
    assert "other folds are not measured yet" in succeed(*crossval, "--only", 2)
    assert not (tmp_path / "cv" / "fold-1" / "train").exists()
    assert "8 clips of 4 unseen signers" in succeed(*crossval)
    content = json.loads((tmp_path / "cv" / "crossval.json").read_text())
    assert {each["clip"] for each in content["answers"]} == {row.clip for row in read_rows(clips)}
    for fold in (1, 2):
        told = read_provenance(tmp_path / "cv" / f"fold-{fold}" / "bundle")
        assert told is not None
        left_out = {
            fingerprint(row.signer)
            for row in read_rows(tmp_path / "cv" / f"fold-{fold}" / "clips")
            if row.split == "test"
        }
        assert len(left_out) == 2
        assert not left_out & {*told.seen["train"].signers, *told.seen["validation"].signers}
    card = shutil.copytree(tmp_path / "cv" / "fold-1" / "train" / "model", tmp_path / "card")
    kept = shutil.copytree(tmp_path / "cv" / "measured", tmp_path / "kept")
    shutil.rmtree(tmp_path / "cv")
    again = (*crossval, "--measured", kept)
    assert "fold 1 of 2" not in succeed(*again, "--card", card)  # what is measured is kept
    assert json.loads((tmp_path / "cv" / "crossval.json").read_text()) == content
    written = (card / "README.md").read_text()
    assert "## Figures: crossval\n\nEverybody was left out once." in written
    assert "| 8 clips of 4 unseen signers |" in written
    assert "every joint of the hand" in written
    assert "--only: wanted folds from 1 to 2; received 0, 3" in fail(
        *again, "--only", 3, "--only", 0
    )
    (tmp_path / "params.json").write_text(json.dumps(IDLE | starts | briefly | {"seed": 1}))
    assert "fold-1.json: wanted this fold, measured; it was made from other " in fail(*again)
    (kept / "fold-1.json").write_text("{}")
    assert "fold-1.json: a measured fold wanted; Field required" in fail(*again)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("predict", "x.mp4", "--model", "nowhere"), "a bundle is a folder with model.json"),
        (("cut", "missing.csv", "--videos", "."), "missing.csv"),
        (("train", ".", "--out", "run", "--params", "params.json"), "params.json: variants: "),
        (("serve", "--model", "nowhere"), "a bundle is a folder with model.json"),
        (("example", "--sign", "NOSUCH", "--out", "x.mp4"), "NOSUCH"),
        (("evaluate", "nowhere"), "a tag in BentoML's model store; received nowhere"),
        (("cut", "missing.csv", "--videos", ".", "--share", "train"), "--share: wanted a split"),
        (("convert", "missing.csv", "x", "--to", "excel"), "wanted one of legacy, tidy, eaf"),
        (("run", "run.json"), "run.json: run: annotations wanted, or example"),
        (("run", "params.json"), "params.json: variants: Extra inputs"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "params.json").write_text('{"variants": 0}')
    (tmp_path / "run.json").write_text('{"name": "words", "out": "run"}')
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


def test_signs_named_yes_and_no_are_words(tmp_path: Path) -> None:
    """YAML 1.1 reads them as truth values."""
    file = tmp_path / "run.yaml"
    file.write_text("name: words\nout: run\nexample: {signs: [YES, NO, ON, Y]}\n")
    example = read_run_params(file).example
    assert example is not None
    assert example.signs == ("YES", "NO", "ON", "Y")
    file.write_text("name: words\nout: run\nexample: {}\ncut: {skip_missing: true, fps: 1e1}\n")
    assert read_run_params(file).cut == CutParams(skip_missing=True, fps=10.0)


def test_other_starting_weights_of_the_same_name_are_another_training(tmp_path: Path) -> None:
    (tmp_path / "start.npz").write_bytes(b"one")
    params = read_run_params(describe(tmp_path))
    read = train_stage(params, Places(params.out)).inputs()
    assert read.count(tmp_path / "start.npz") == 1


def test_a_command_whose_packages_are_missing_says_so(tmp_path: Path) -> None:
    code = "import sys; sys.modules['yt_dlp'] = None; from pipeline.cli import main; main()"
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-c", code, "download", "39kghfhXtF4", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "signwrite: wanted the pipeline's packages (make env); yt_dlp is not there"
    )


@pytest.mark.slow
def test_a_second_run_in_the_folder_is_refused(root: Path) -> None:
    with (root / "run" / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = signwrite("run", root / "run.json")
    assert str(result.exception).endswith("wanted one run at a time; another is at work")


@pytest.mark.slow
def test_a_run_names_the_stage_it_does_not_have(root: Path) -> None:
    result = signwrite("run", root / "run.json", "--until", "download")
    assert "wanted one of example, cut, extract, train" in str(result.exception)


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
