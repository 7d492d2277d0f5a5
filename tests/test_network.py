"""The network's own parts: folding, the one resampling, where cells look, which box is chosen."""

import keras
import numpy as np
import pytest
from keras import ops

from pipeline.network.config import NetworkConfig
from pipeline.network.inception import build_inception
from pipeline.network.localiser import build_localiser, cell_centres, follow_hand
from pipeline.network.squares import sample_squares
from pipeline.network.temporal import describe_path
from pipeline.network.weights import CONVOLUTIONS, StartingWeights, folded, start_inception


def numbers(tensor: object) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def test_folded_inception_computes_what_the_stock_one_does() -> None:
    rng = np.random.default_rng(0)
    stock = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(96, 96, 3))
    for layer in stock.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    rng.normal(0.0, 0.1, beta.shape),
                    rng.normal(0.0, 0.1, mean.shape),
                    rng.uniform(0.5, 1.5, variance.shape),
                ]
            )
    ours = build_inception(96)
    assert start_inception(ours, folded(stock)) == []
    pictures = rng.uniform(-1.0, 1.0, (2, 96, 96, 3)).astype(np.float32)
    wanted, received = stock.predict(pictures, verbose=0), ours.predict(pictures, verbose=0)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(received, wanted, atol=1e-4 * float(np.abs(wanted).max()) + 1e-6)


def test_kernels_the_source_lacks_stay_random_and_are_named() -> None:
    model = build_inception(96, block="mixed3")
    kernels: list[tuple[np.ndarray | None, np.ndarray]] = [
        (None, np.zeros(0, np.float32))
    ] * CONVOLUTIONS
    layers = {int(layer.name[4:]): layer for layer in model.layers if layer.name[4:].isdigit()}
    for place, layer in layers.items():
        kernel, bias = layer.get_weights()
        kernels[place] = (None if place == 3 else kernel * 0 + 1, bias + 2)
    assert start_inception(model, StartingWeights(kernels, None)) == ["conv03"]
    assert (layers[3].get_weights()[1] == 2).all()
    assert (layers[0].get_weights()[0] == 1).all()


def test_sampling_the_whole_frame_at_its_size_changes_nothing() -> None:
    frames = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    whole = np.array([[0.5, 0.5, 1.0]] * 2, np.float32)
    np.testing.assert_allclose(
        numbers(sample_squares(frames, whole, size_px=32)), frames, rtol=1e-5
    )


def test_sampling_cuts_the_square_that_was_asked_for() -> None:
    frames = np.random.default_rng(1).uniform(0, 255, (1, 40, 40, 3)).astype(np.float32)
    box = np.array([[20 / 40, 12 / 40, 16 / 40]], np.float32)  # columns 12..28, rows 4..20
    cut = numbers(sample_squares(frames, box, size_px=16))
    np.testing.assert_allclose(cut, frames[:, 4:20, 12:28], rtol=1e-4)


def test_sampling_is_black_beyond_the_frame() -> None:
    frames = np.full((1, 32, 32, 3), 200.0, np.float32)
    cut = numbers(sample_squares(frames, np.array([[0.0, 0.5, 1.0]], np.float32), size_px=32))
    assert (cut[:, :, :14] == 0).all()
    np.testing.assert_allclose(cut[:, :, 18:], 200.0, rtol=1e-4)


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((1, 64, 64, 3), np.float32)
    stripes[:, :, ::2] = 200.0
    small = numbers(sample_squares(stripes, np.array([[0.5, 0.5, 1.0]], np.float32), size_px=16))
    assert small[:, :, 1:-1].std() < 5.0
    assert small[:, :, 1:-1].mean() == pytest.approx(100.0, abs=3.0)


@pytest.mark.parametrize("size_px", [96, 127, 160, 192, 224])
def test_every_cell_of_the_localiser_has_its_centre(size_px: int) -> None:
    grid = build_inception(size_px, block="mixed3").outputs[0].shape[1]
    centres = cell_centres(size_px)
    assert len(centres) == grid * grid
    assert centres.min() > 0.0
    assert centres.max() < 1.0


def test_a_cell_looks_where_its_centre_says() -> None:
    model = build_localiser(NetworkConfig(localiser_px=192))
    fine = keras.Model(model.input, model.get_layer("detail").input)
    plain = np.zeros((1, 192, 192, 3), np.float32)
    centres = cell_centres(192)
    for cell in (10 * 21 + 10, 8 * 21 + 12):  # far enough from the edges to look all around
        dotted = plain.copy()
        x, y = (centres[cell] * 192).astype(int)
        dotted[0, y - 1 : y + 1, x - 1 : x + 1] = 1.0
        change = np.abs(fine.predict(dotted, verbose=0) - fine.predict(plain, verbose=0))
        change = change.sum(-1).reshape(-1)
        heaviest = (change[:, None] * centres).sum(0) / change.sum()
        assert np.abs(heaviest - centres[cell]).max() < 8 / 192


def test_a_glance_elsewhere_is_outvoted_by_the_clip() -> None:
    cells = cell_centres(96)
    boxes = np.concatenate([cells, np.full((len(cells), 1), 0.3, np.float32)], -1)
    hand, face = 10, len(cells) - 5
    heat = np.full((6, len(cells)), -5.0, np.float32)
    heat[:, hand] = 4.0
    heat[3, face] = 4.5
    chosen = numbers(follow_hand(heat, np.repeat(boxes[None], 6, 0).astype(np.float32), frames=6))
    assert np.abs(chosen[:, :2] - cells[hand]).max() < 0.1


def test_a_path_is_told_in_hand_sides_wherever_it_lies() -> None:
    rng = np.random.default_rng(2)
    boxes = np.concatenate(
        [rng.uniform(0.3, 0.5, (1, 6, 2)), rng.uniform(0.1, 0.12, (1, 6, 1))], -1
    ).astype(np.float32)
    presence = np.zeros((1, 6), np.float32)
    moved = boxes + np.array([0.2, 0.1, 0.0], np.float32)
    larger = boxes * np.float32(1.5)
    told = numbers(describe_path(boxes, presence))
    np.testing.assert_allclose(numbers(describe_path(moved, presence)), told, atol=1e-4)
    np.testing.assert_allclose(numbers(describe_path(larger, presence)), told, atol=1e-4)
    still = np.repeat(boxes[:, :1], 6, axis=1)
    assert np.abs(numbers(describe_path(still, presence))[..., :5]).max() < 1e-5
