"""The shipped model: what its card claims, its way from float16 to a served bundle, its answers."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import movements
from pipeline.cli import app
from pipeline.clips.cut import cut_clips
from pipeline.encoding import write_video
from pipeline.evaluation.card import CARD, card_text, figures_table
from pipeline.example import write_example_clip
from pipeline.network.weights import WEIGHTS, save_parts
from pipeline.network.weights_folder import load_network
from signwrite.answer import PredictionAnswer
from signwrite.backends import passes_gate
from signwrite.bundle import Bundle, read_manifest
from signwrite.vocabulary import ASL_LETTERS
from tests.servers import ROOT, Server, running_server

SHIPPED = ROOT / "models" / "asl-letters"
VIDEOS = ROOT.parent / "shared" / "asl_videos"
MOST_BYTES = 80 * 1024 * 1024


@pytest.fixture(scope="module")
def bundle(shipped_bundle: Path) -> Bundle:
    return Bundle(shipped_bundle)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("shipped-server")
    with running_server(folder, bundle=bundle.root) as running:
        yield running


def test_the_weights_are_whole_and_small_enough_for_the_repository() -> None:
    manifest = Bundle(SHIPPED).manifest  # verifies the digests
    assert tuple(manifest.vocabulary) == ASL_LETTERS
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < MOST_BYTES


def test_the_integers_lose_nothing_that_the_gate_minds() -> None:
    manifest = read_manifest(SHIPPED)
    exact, rough = (manifest.card["backends"][each] for each in ("tensorflow", "openvino-int8"))
    assert exact["clips"] == rough["clips"] == manifest.card["figures"]["validation"]["clips"]
    assert exact["top1"] == manifest.card["figures"]["validation"]["top"]["1"]["share"]
    assert rough["top1"] >= exact["top1"]  # README.md says so
    assert passes_gate(manifest, "openvino-int8")


def test_the_card_says_how_good_it_is_and_names_nobody() -> None:
    card = read_manifest(SHIPPED).card
    told = card["figures"]["validation"]
    for k in ("1", "3", "10"):
        assert told["top"][k]["low"] <= told["top"][k]["share"] <= told["top"][k]["high"]
    assert told["top"]["1"]["low"] > told["chance"]["1"]
    assert (
        card["data"]["train"]["signers"] > told["signers"] == card["data"]["validation"]["signers"]
    )
    assert {"intended_use", "not_for", "limits", "training_data", "split"} <= set(card)
    assert "by_signer" not in told


def test_the_readme_shows_the_figures_of_the_card() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("<!-- accuracy:begin -->")[1].split("<!-- accuracy:end -->")[0]
    told = read_manifest(SHIPPED).card["figures"]["validation"]
    assert shown.strip() == figures_table(told, split="validation")


def test_the_card_to_read_is_the_manifests() -> None:
    assert (SHIPPED / CARD).read_text(encoding="utf-8") == card_text(read_manifest(SHIPPED))


@pytest.mark.slow
def test_loading_and_saving_again_changes_no_weight(tmp_path: Path) -> None:
    network, _, _ = load_network(SHIPPED)
    save_parts(network.parts, tmp_path / WEIGHTS)
    with np.load(SHIPPED / WEIGHTS) as shipped, np.load(tmp_path / WEIGHTS) as again:
        assert set(shipped) == set(again)
        for name in shipped:
            np.testing.assert_array_equal(shipped[name], again[name], err_msg=name)


@pytest.mark.slow
def test_movements_are_read_by_the_order_of_their_frames() -> None:
    """Of drawn people that it never saw: a J whose frames are shuffled is none any more."""
    rows = {str(row["sign"]): row for row in movements.measure(SHIPPED, signers=20).rows}
    for sign in ("J", "Z"):
        assert int(str(rows[sign]["right"])) >= 19
        assert float(rows[sign]["mean score of it"]) > 0.8
        assert float(rows[sign]["shuffled"]) < 0.3
    for sign in ("I", "D", "others"):  # held still: in any order the same
        own = rows[sign]
        assert float(own["shuffled"]) == pytest.approx(float(own["mean score of it"]), abs=0.02)


@pytest.mark.slow
def test_the_command_line_answers_as_the_service_does(
    tmp_path: Path, bundle: Bundle, server: Server
) -> None:
    for sign in ("B", "L"):
        clip = write_example_clip(tmp_path / f"{sign}.mp4", sign)
        response = httpx.post(
            f"{server.url}/predict", files={"clip": clip.read_bytes()}, timeout=60
        )
        assert response.status_code == httpx.codes.OK
        command = ["predict", str(clip), "--model", str(bundle.root), "--json"]
        said = CliRunner().invoke(app, command).output.strip().splitlines()[-1]
        wanted = PredictionAnswer.model_validate_json(said)
        received = PredictionAnswer.model_validate_json(response.content)
        assert received.model == wanted.model
        assert received.clip == wanted.clip
        assert [each.sign for each in received.ranking] == [each.sign for each in wanted.ranking]
        for one, other in zip(received.ranking, wanted.ranking, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.slow
def test_the_model_endpoint_shows_the_card(server: Server) -> None:
    shown = httpx.get(f"{server.url}/model", timeout=10).json()
    assert shown["card"]["figures"] == read_manifest(SHIPPED).card["figures"]


@pytest.mark.slow
def test_a_plain_room_is_uncertain(tmp_path: Path, server: Server) -> None:

    wall = np.full((96, 128, 3), (150, 140, 120), np.uint8)
    write_video(tmp_path / "wall.mp4", [wall] * 20, fps=Fraction(10))
    assert post(server, tmp_path / "wall.mp4").json()["uncertain"] is True


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not VIDEOS.is_dir(), reason="needs the real videos in ../shared")
def test_a_person_it_never_saw_is_mostly_read_rightly(tmp_path: Path, server: Server) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "abc8.mp4").symlink_to(VIDEOS / "abc8.mp4")
    report = cut_clips(
        tmp_path / "videos",
        annotations=VIDEOS / "video_clip_times.csv",
        signers=VIDEOS / "signers.csv",
        out=tmp_path / "clips",
        skip_missing=True,
    )
    assert {row.split for row in report.rows} == {"validation"}
    right = 0
    for row in report.rows:
        answer = post(server, tmp_path / "clips" / row.clip).json()
        right += answer["ranking"][0]["sign"] == row.sign
    assert len(report.rows) == 26
    assert right >= 20


def post(server: Server, clip: Path) -> httpx.Response:
    """Post a clip that the service must be able to read."""
    files = {"clip": clip.read_bytes()}
    response = httpx.post(f"{server.url}/predict", files=files, timeout=60)
    assert response.status_code == httpx.codes.OK, response.text
    return response
