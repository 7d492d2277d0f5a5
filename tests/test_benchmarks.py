"""The programs that say what the choices in the recipe are worth, on drawn clips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from benchmarks import ablation, knee
from pipeline.cli import app
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.table import read_table
from pipeline.training.store import Store
from signwrite.recipe import Recipe
from tests.rows import ROW
from tests.servers import ROOT
from tests.starting import starting_weights
from tests.tiny import tiny_params


def row(without: str, signer: str, likelihood: float, *, right: int = 1) -> ablation.Row:
    return ablation.Row(
        reader="crops",
        without=without,
        fold=1,
        clip=signer,
        signer=signer,
        right=right,
        likelihood=likelihood,
    )


def test_what_is_lost_is_counted_clip_by_clip() -> None:
    rows = [
        row(ablation.WHOLE, "ann", -0.5),
        row(ablation.WHOLE, "bob", -0.7),
        row("blur", "ann", -0.9, right=0),
        row("blur", "bob", -1.1),
    ]
    whole, without = ablation.summarise(rows)[2:]
    assert whole == "| crops | nothing | 100.0% | +0.000 | +0.000 to +0.000 |"
    assert without == "| crops | blur | 50.0% | -0.400 | -0.400 to -0.400 |"


@pytest.mark.parametrize(("share", "kept"), [(1.0, 4), (0.5, 2), (0.01, 1)])
def test_a_share_of_the_training_signers_is_kept_and_nobody_else_is_touched(
    share: float, kept: int
) -> None:
    clips = tuple(
        replace(ROW, signer=f"s{number}", sign=sign, split="train" if number < 4 else "test")
        for number in range(6)
        for sign in "AB"
    )
    empty = np.zeros((len(clips), 0), np.float32)
    thinned = ablation.thin_out(Store(empty.astype(np.uint8), empty, empty, clips), share=share)
    left = {clip.signer for clip in thinned.clips if clip.split == "train"}
    assert len(left) == kept
    assert len(thinned.rows("train")) == 2 * kept
    assert len(thinned.rows("test")) == 4


def test_a_second_look_and_more_pixels_cost_more() -> None:
    def cost(*, crop_px: int = 96, looks: int = 2, frames: int = 4) -> float:
        config = NetworkConfig.model_validate({"crop_px": crop_px, "looks": looks})
        network = SignNetwork(config, recipe=Recipe(), signs=26)
        return knee.count_gflop(network, frames=frames)

    assert cost(frames=8) == pytest.approx(2 * cost())
    assert cost(looks=1) < cost() < cost(crop_px=128)
    # InceptionV3 at 299 px is known to take 5.7 thousand millions of multiplications and additions.
    alone = cost(crop_px=299, looks=1, frames=1) - cost(looks=1, frames=1)
    assert alone == pytest.approx(11.4, rel=0.15)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``videos/`` of four drawn signers and their ``clips/``."""
    folder = tmp_path_factory.mktemp("benchmarks")
    example = ["example", "--out", str(folder / "videos"), "--signers", "4", "--signs", "B,L"]
    cut = ["cut", str(folder / "videos" / "video_clip_times.csv")]
    cut += ["--videos", str(folder / "videos"), "--signers", str(folder / "videos" / "signers.csv")]
    for command in (example, [*cut, "--out", str(folder / "clips")]):
        said = CliRunner().invoke(app, command)
        assert said.exit_code == 0, said.output
    return folder


def known(folder: Path) -> list[str]:
    tables = ("hand_boxes.csv", "hand_landmarks.csv")
    boxes, landmarks = (str(folder / "videos" / table) for table in tables)
    return ["--store", str(folder / "store"), "--boxes", boxes, "--landmarks", landmarks]


@pytest.mark.slow
def test_a_training_is_compared_with_one_that_lacks_something(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starting_weights(drawn / "start.npz")
    params = tiny_params(epochs=1, steps=1) | {"backbone_start": str(drawn / "start.npz")}
    (drawn / "params.yaml").write_text(yaml.safe_dump(params))
    out = drawn / "ablation"
    command = [str(drawn / "clips"), *known(drawn), "--params", str(drawn / "params.yaml")]
    command += [
        "--folds",
        "2",
        "--only",
        "1",
        "--out",
        str(out),
        "--without",
        "joints",
        "--without",
        "pace",
    ]
    ablation.main(command)
    rows = read_table(out / "ablation.csv", ablation.Row)
    tried = list(dict.fromkeys((each.reader, each.without) for each in rows))
    assert tried == [
        ("crops", "nothing"),
        ("crops", "joints"),
        ("movements", "nothing"),
        ("movements", "pace"),
    ]
    assert len(rows) == 4 * len(tried)
    assert len({each.signer for each in rows}) == 2
    written = (out / "ablation.csv").stat().st_mtime_ns
    capsys.readouterr()
    ablation.main(command)  # nothing is left to do
    assert (out / "ablation.csv").stat().st_mtime_ns == written
    assert "| crops | joints |" in capsys.readouterr().out


def test_an_invention_that_nobody_knows_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["clips", "--store", "s", "--boxes", "b", "--landmarks", "l", "--params", "p"]
    with pytest.raises(SystemExit):
        ablation.main([*given, "--without", "blurr"])
    assert "wanted some of mirror, " in (told := capsys.readouterr().err)
    assert told.strip().endswith("received blurr")


@pytest.mark.slow
def test_the_knee_has_a_cell_for_each_count_of_frames(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "knee.csv"
    command = [str(drawn / "clips"), *known(drawn), "--weights", str(ROOT / "models/asl-letters")]
    command += ["--steps", "1", "--batch", "2", "--crops", "96", "--out", str(out)]
    knee.main(command)
    rows = read_table(out, knee.Row)
    assert [(each.crop_px, each.frames) for each in rows] == [(96, n) for n in knee.FRAMES]
    assert all(0.0 <= each.top1 <= each.top3 <= 1.0 for each in rows)
    assert rows[1].gflop == pytest.approx(2 * rows[0].gflop)
    assert "| 96 |" in capsys.readouterr().out
