"""The programs that say what the choices in the recipe are worth, on drawn clips."""

import json
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from benchmarks import ablation, decoding, footage, knee, plots, serving, tables, training
from benchmarks.load import send_all
from benchmarks.peers.__main__ import NAIVE, OURS
from benchmarks.peers.__main__ import measure as compare
from pipeline.cli import app
from pipeline.clips.folds import divide_folds
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.table import read_table
from pipeline.training.params import TrainParams
from pipeline.training.store import Store
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe
from tests.clips import counter_clip, rotated_clip
from tests.rows import ROW
from tests.servers import ROOT, Server
from tests.starting import starting_weights
from tests.tiny import tiny_params


def row(
    without: str, signer: str, likelihood: float, *, right: int = 2, seed: int = 0
) -> ablation.Row:
    return ablation.Row(
        reader="crops",
        without=without,
        fold=1,
        seed=seed,
        signer=signer,
        clips=2,
        right=right,
        likelihood=likelihood,
    )


def test_what_is_lost_is_counted_signer_by_signer() -> None:
    rows = [
        row(ablation.WHOLE, "ann", -0.5),
        row(ablation.WHOLE, "bob", -0.7),
        row("blur", "ann", -0.9, right=0),
        row("blur", "bob", -1.1),
        row(ablation.WHOLE, "ann", -0.2, seed=1),
        row("blur", "ann", -0.1, seed=1),
    ]
    whole, without = ablation.compare(rows)[2:]
    assert whole == "| crops | nothing | 100.0% | +0.000 | +0.000 to +0.000 | +0.00, +0.00 |"
    assert without == "| crops | blur | 66.7% | -0.233 | -0.400 to -0.150 | -0.40, +0.10 |"


def test_what_is_left_out_together_is_left_out_one_by_one() -> None:
    both = ablation.leave_out("crops", "blur+joints", TrainParams())
    assert (both.augmentation.blur, both.augmentation.noise, both.joints_weight) == (0, 1, 0)
    assert ablation.kept_share("blur+half the signers") == 0.5
    assert ablation.kept_share("blur+joints") == ablation.kept_share(ablation.WHOLE) == 1.0


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
    @cache
    def network(crop_px: int, looks: int) -> SignNetwork:
        config = NetworkConfig.model_validate({"crop_px": crop_px, "looks": looks})
        return SignNetwork(config, recipe=Recipe(), signs=26)

    def cost(*, crop_px: int = 96, looks: int = 2, frames: int = 4) -> float:
        return knee.count_gflop(network(crop_px, looks), frames=frames)

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
@pytest.mark.usefixtures("unbuilt")
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
        "joints+blur",
        "--without",
        "pace",
        "--seeds",
        "2",
    ]
    ablation.main(command)
    rows = read_table(out / "ablation.csv", ablation.Row)
    tried = list(dict.fromkeys((each.reader, each.seed, each.without) for each in rows))
    assert tried == [
        (reader, seed, without)
        for reader, kind in (("crops", "joints+blur"), ("movements", "pace"))
        for seed in (0, 1)
        for without in ("nothing", kind)
    ]
    assert [each.clips for each in rows] == [2] * (2 * len(tried))
    assert len({each.signer for each in rows}) == 2
    written = (out / "ablation.csv").stat().st_mtime_ns
    capsys.readouterr()
    ablation.main(command)  # nothing is left to do
    assert (out / "ablation.csv").stat().st_mtime_ns == written
    assert "| crops | joints+blur |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("unbuilt")
def test_kinds_of_invention_are_screened_together(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump(tiny_params(epochs=1, steps=1)))
    command = [str(drawn / "clips"), *known(drawn), "--params", str(params), "--out", str(tmp_path)]
    ablation.main([*command, "--folds", "2", "--only", "1", "--reader", "movements"])
    rows = read_table(tmp_path / "ablation.csv", ablation.Row)
    assert len(rows) == 2 * 16
    told = capsys.readouterr().out
    for kind in ablation.KINDS["movements"]:
        assert f"| movements | {kind} |" in told
    assert "16 trainings, 4 clips of 2 signers" in told


def test_an_invention_that_nobody_knows_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["clips", "--store", "s", "--boxes", "b", "--landmarks", "l", "--params", "p"]
    with pytest.raises(SystemExit):
        ablation.main([*given, "--without", "blurr"])
    assert "wanted some of mirror, " in (told := capsys.readouterr().err)
    assert told.strip().endswith("received blurr")
    with pytest.raises(SystemExit):
        ablation.main([*given, "--seeds", "2"])
    assert "--seeds: at least 1, more with --without only; received 2" in capsys.readouterr().err


def test_a_table_of_another_form_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ablation.csv").write_text("reader,clip\ncrops,a.mp4\n")
    (tmp_path / "params.yaml").write_text("{}")
    given = ["clips", "--store", "s", "--boxes", "b", "--landmarks", "l", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        ablation.main([*given, "--params", str(tmp_path / "params.yaml")])
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "ablation.csv: wanted the columns reader, without, " in last
    assert last.endswith("received reader, clip")
    table = tmp_path / "knee.csv"
    table.write_text("crop_px,margin,frames\n128,1.15,4\n")
    with pytest.raises(SystemExit):
        knee.main([*given, "--out", str(table)])
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "knee.csv: wanted the columns crop_px, margin, steps, frames, " in last
    assert last.endswith("received crop_px, margin, frames")


@pytest.mark.slow
@pytest.mark.usefixtures("unbuilt")
def test_the_knee_has_a_cell_for_each_count_of_frames(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "knee.csv"
    fold = divide_folds(drawn / "clips", folds=2, out=tmp_path)[0]
    options = [*known(drawn), "--weights", str(ROOT / "models/asl-letters"), "--split", "test"]
    options += ["--steps", "1", "--batch", "2", "--crops", "96", "--out", str(out)]
    options += ["--margin", "1.2"]
    with pytest.raises(SystemExit):
        knee.main([str(drawn / "clips"), *options])
    assert "wanted clips of the split test; there are none" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        knee.main([str(fold), *options, "--margin", "0.5"])
    assert "96 px, margin 0.5: Input should be greater" in capsys.readouterr().err
    knee.main([str(fold), *options])
    rows = read_table(out, knee.Row)
    cells = [(r.crop_px, r.margin, r.steps, r.frames) for r in rows]
    assert cells == [(96, 1.2, 1, n) for n in knee.FRAMES]
    assert all(0.0 <= each.top1 <= each.top3 <= 1.0 for each in rows)
    assert rows[1].gflop == pytest.approx(2 * rows[0].gflop)
    assert "| 96 | 1.20 | 1 |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("unbuilt")
def test_a_training_step_is_measured_with_memory_kept_and_handed_back() -> None:
    kept, back = training.measure(rounds=1, steps=1, batch=2, crop_px=96).rows
    assert (kept["freed memory"], back["freed memory"]) == ("kept", "handed back")
    assert kept["time, against kept"] == "1.00 (1 to 1)"
    assert all(float(each["crops/s"]) > 0 for each in (kept, back))


def test_works_are_done_in_turn_and_compared_within_a_round() -> None:
    done: list[str] = []
    works = {name: partial(done.append, name) for name in ("one", "two")}
    seconds = tables.interleave(works, rounds=2)
    assert done == ["one", "two"] * 3  # a round to warm up
    assert {name: len(took) for name, took in seconds.items()} == {"one": 2, "two": 2}
    assert tables.ratio([1.0, 9.0, 4.0], [1.0, 3.0, 2.0]) == 2.0


def test_plots_show_what_the_tables_say() -> None:
    shares = {"1": "90%", "8": "75%"}
    roofline: list[tables.Row] = [
        {"backend": "one", "clips in a call": clips, "of the float32 peak": share}
        for clips, share in shares.items()
    ]
    (axes,) = plots.plot_roofline(tables.Table("roofline", "", "", tuple(roofline))).axes
    assert np.asarray(axes.lines[0].get_xydata()).tolist() == [[1, 90], [8, 75]]
    waits: tables.Row = {"p50, ms": 5.0, "p95, ms": 6.0, "p99, ms": 7.0}
    rates = {"loop in one process": 2.0, "1": 2.0, "2": 1.0}
    rows = tuple({"clients": name, "clips/s": each, **waits} for name, each in rates.items())
    rate, wait = plots.plot_knee(tables.Table("serving", "", "", rows)).axes
    assert np.asarray(rate.lines[0].get_xydata()).tolist() == [[1, 2], [2, 1]]
    drawn = [np.asarray(line.get_ydata()).tolist() for line in wait.lines]
    assert drawn == [[5, 5], [6, 6], [7, 7]]


def test_a_table_is_kept_as_it_is_printed(tmp_path: Path) -> None:
    table = tables.Table("name", "Title", "Note.", ({"what": "this", "ms": 0.12345, "n": 1234.5},))
    table.save(tmp_path)
    assert (tmp_path / "name.md").read_text().splitlines()[-1] == "| this | 0.123 | 1234 |"
    assert json.loads((tmp_path / "name.json").read_text())["rows"][0]["ms"] == 0.12345


def test_decoding_is_measured_in_the_process_and_out_of_it() -> None:
    table = decoding.measure({"a clip": counter_clip(30)}, rounds=1)
    one, middle = table.rows
    assert one["clip"] == "a clip"
    for column in ("to the tensor", "by the decoder process"):
        assert one[column] == middle[column]
        assert float(one[column]) > 0


def test_a_filmed_clip_is_as_large_and_long_as_was_asked() -> None:
    info = read_tensor(footage.film("B", size="480p", seconds=0.5), recipe=Recipe()).info
    assert (info.width, info.height) == (640, 480)
    assert info.duration_s == pytest.approx(0.5)


@pytest.mark.slow
def test_the_service_is_measured_against_a_loop(tiny_bundle: Path) -> None:
    clips = [counter_clip(20)] * 6
    against, spans = serving.measure(tiny_bundle, backend="tensorflow", clips=clips, rounds=1)
    assert [row["clients"] for row in against.rows[1:]] == [str(each) for each in serving.CLIENTS]
    assert all(float(row["clips/s"]) > 0 for row in against.rows)
    assert {"decode", "infer"} <= {row["span"] for row in spans.rows}


@pytest.mark.slow
def test_peers_are_asked_in_turn_and_their_answers_compared(server: Server) -> None:
    _, port = server.address
    clips = [counter_clip(20), rotated_clip(90), counter_clip(5)]
    table = compare({NAIVE: port, OURS: port}, clips=clips, rounds=1, clients=2)
    naive, ours = table.rows
    assert naive["same sign first"] == "-"
    assert ours["same sign first"] == "3/3"
    with pytest.raises(RuntimeError, match="1 clients failed"):
        send_all(port, [b"no clip"], clients=1)
