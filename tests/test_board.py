"""What a run shows in TensorBoard, read back with TensorBoard's own reader."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from pipeline.training.board import Board


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def test_figures_are_shown_by_stage_and_epoch(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        board.scalars("head", 0, {"loss": 2.0, "top1": 0.25})
        board.scalars("head", 1, {"loss": 1.0, "top1": 0.5})
    shown = read(tmp_path)
    assert sorted(shown.Tags()["scalars"]) == ["head/loss", "head/top1"]
    assert [(each.step, each.value) for each in shown.Scalars("head/top1")] == [(0, 0.25), (1, 0.5)]


def test_a_run_that_goes_on_adds_to_what_is_shown(tmp_path: Path) -> None:
    for epoch in (0, 1):
        with Board(tmp_path) as board:
            board.scalars("head", epoch, {"loss": float(epoch)})
    assert [each.value for each in read(tmp_path).Scalars("head/loss")] == [0.0, 1.0]


def test_pictures_are_shown(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (11, 20, 30, 3), dtype=np.uint8)
    with Board(tmp_path) as board:
        board.frames("head", 0, pictures)
        board.confusion("head", 0, np.array([[3, 1], [0, 2]]), ["YES", "NO"])
    shown = read(tmp_path)
    sheet = shown.Images("head/examples")[0]
    assert (sheet.width, sheet.height) == (8 * 30, 2 * 20)
    assert shown.Images("head/confusion")[0].width > 100


def test_parameters_and_the_graph_are_shown(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="last")])
    with Board(tmp_path) as board:
        board.graph(model)
        board.parameters({"seed": 3, "head": {"rate": 0.5}, "start": None}, {"top1": 0.75})
    shown = read(tmp_path)
    assert any("last" in node.name for node in shown.Graph().node)
    told = shown.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    started = metadata.parse_session_start_info_plugin_data(told).hparams
    assert started["head.rate"].number_value == pytest.approx(0.5)
    assert started["start"].string_value == "None"
    assert shown.Scalars("run/top1")[0].value == pytest.approx(0.75)
