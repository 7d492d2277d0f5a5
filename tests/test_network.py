"""The network's own parts: folding, the one resampling, where cells look, which box is chosen."""

import keras
import numpy as np
import pytest
from keras import ops

from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.network.inception import build_inception
from pipeline.network.joints import (
    COARSE_BLOCK,
    FINE_BLOCK,
    MeanPlaces,
    build_landmark_head,
    place_joints,
    surround_joints,
)
from pipeline.network.localiser import build_localiser, cell_centres, follow_hand
from pipeline.network.squares import sample_squares
from pipeline.network.temporal import (
    MOTION_FEATURES,
    build_blend,
    build_motion_reader,
    describe_motion,
    pool_alike,
)
from pipeline.network.weights import CONVOLUTIONS, StartingWeights, folded, start_inception
from signwrite.recipe import Recipe


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


@pytest.fixture
def moving_hand() -> np.ndarray:
    """Joints of a hand that moves: float32 [1, 6, 21, 3]."""
    rng = np.random.default_rng(2)
    hand = rng.uniform(-0.1, 0.1, (1, 1, 21, 3))
    path = np.cumsum(rng.normal(0.0, 0.02, (1, 6, 1, 3)), axis=1) * (1, 1, 0)
    return (hand + path + (0.4, 0.5, 0.0)).astype(np.float32)


def test_movement_is_told_in_hand_sizes_wherever_it_lies(moving_hand: np.ndarray) -> None:
    presence = np.zeros((1, 6), np.float32)
    told = numbers(describe_motion(moving_hand, presence))
    assert told.shape == (1, 6, MOTION_FEATURES)
    for other in (moving_hand + np.array([0.2, -0.1, 0.0], np.float32), moving_hand * 1.5):
        again = numbers(describe_motion(other.astype(np.float32), presence))
        np.testing.assert_allclose(again, told, atol=2e-3)


def test_a_hand_that_is_still_does_not_move(moving_hand: np.ndarray) -> None:
    presence = np.zeros((1, 6), np.float32)
    still = np.repeat(moving_hand[:, :1], 6, axis=1)
    of_still, of_moving = (
        numbers(describe_motion(joints, presence))[..., 63:-1] for joints in (still, moving_hand)
    )
    assert np.abs(of_still).max() < 2e-3
    assert np.abs(of_moving).max() > 0.2


def test_the_order_of_frames_matters_to_the_reader_of_joints(moving_hand: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    reader = build_motion_reader(NetworkConfig(reader_width=16), signs=3)
    presence = np.zeros((1, 6), np.float32)
    said = [
        numbers(reader(describe_motion(joints, presence)))
        for joints in (moving_hand, moving_hand[:, ::-1])
    ]
    assert np.abs(said[0] - said[1]).max() > 1e-3


def test_the_reader_of_joints_reads_any_number_of_frames(moving_hand: np.ndarray) -> None:
    reader = build_motion_reader(NetworkConfig(reader_width=16), signs=3)
    for frames in (1, 4, 6):
        joints, presence = moving_hand[:, :frames], np.zeros((1, frames), np.float32)
        said = numbers(reader(describe_motion(joints, presence)))
        assert said.shape == (1, 3)
        assert np.isfinite(said).all()


def test_where_joints_are_found_without_a_hand_does_not_matter(moving_hand: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    reader = build_motion_reader(NetworkConfig(reader_width=16), signs=3)
    presence = np.array([[-30, 30, 30, 30, 30, -30]], np.float32)
    strewn = moving_hand.copy()
    strewn[:, [0, 5]] = np.random.default_rng(3).random((2, 21, 3))
    described = [numbers(describe_motion(joints, presence)) for joints in (moving_hand, strewn)]
    np.testing.assert_allclose(described[0], described[1], atol=1e-4)
    np.testing.assert_allclose(described[1][:, [0, 5]], 0.0, atol=1e-6)
    assert np.abs(described[0][:, 1:5]).max() > 0.2
    said = [numbers(reader(each)) for each in described]
    np.testing.assert_allclose(said[0], said[1], atol=1e-4)


def test_frames_count_as_much_as_they_are_likely_to_show_a_hand(moving_hand: np.ndarray) -> None:
    config = NetworkConfig(localiser_px=96, crop_px=96, reader_width=16)
    network = SignNetwork(config, recipe=Recipe(frames_per_clip=6, canvas_px=96), signs=3)
    logits = np.random.default_rng(2).normal(size=(1, 6, 3)).astype(np.float32)
    for odds, counts in (
        ((9, 9, 9, 9, 9, 9), (1, 1, 1, 1, 1, 1)),
        ((-40, -40, -40, -40, -40, -40), (1, 1, 1, 1, 1, 1)),  # nobody there: no frame is better
        ((30, 30, 0, 0, -30, -200), (1, 1, 0.5, 0.5, 0, 0)),
    ):
        said = network.read(logits, moving_hand, np.array([odds], np.float32))
        wanted = np.average(logits, axis=1, weights=counts)
        np.testing.assert_allclose(numbers(said["shown"]), wanted, rtol=1e-5)


def test_a_hand_and_its_mirror_image_are_read_alike(moving_hand: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    recipe = Recipe(frames_per_clip=6, canvas_px=96)
    config = NetworkConfig(localiser_px=96, crop_px=96, reader_width=16)
    network = SignNetwork(config, recipe=recipe, signs=3)
    logits = np.random.default_rng(1).normal(size=(1, 6, 3)).astype(np.float32)
    mirrored = moving_hand * np.array((-1, 1, 1), np.float32) + np.array((1, 0, 0), np.float32)
    said = [
        network.read(logits, joints, np.zeros((1, 6), np.float32))
        for joints in (moving_hand, mirrored)
    ]
    for name in ("shown", "moved", "logits"):
        one, other = (numbers(each[name]) for each in said)
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert np.abs(numbers(said[0]["moved"])).max() > 1e-3


def test_stills_do_not_tell_apart_signs_that_look_alike(moving_hand: np.ndarray) -> None:
    """Whatever the frames say for one of a pair, movement alone chooses between them."""
    keras.utils.set_random_seed(0)
    config = NetworkConfig(localiser_px=96, crop_px=96, reader_width=16, alike=((0, 2),))
    network = SignNetwork(config, recipe=Recipe(frames_per_clip=6, canvas_px=96), signs=3)
    logits = np.zeros((2, 6, 3), np.float32)
    logits[0, :, 0] = logits[1, :, 2] = 5.0
    joints, presence = np.repeat(moving_hand, 2, axis=0), np.zeros((2, 6), np.float32)
    said = {name: numbers(each) for name, each in network.read(logits, joints, presence).items()}
    for name in ("shown", "moved", "told_apart", "logits"):
        np.testing.assert_allclose(said[name][0], said[name][1], atol=1e-5)
    assert said["shown"][0, 0] == said["shown"][0, 2] > said["shown"][0, 1]
    assert (np.diff(said["moved"][0, ::2]) > 0) == (np.diff(said["logits"][0, ::2]) > 0)


def test_signs_that_look_alike_keep_the_mean_of_their_probabilities() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    pooled = numbers(pool_alike(logits, ((3, 1), (4, 0))))
    for one, two in ((3, 1), (4, 0)):
        np.testing.assert_allclose(
            np.exp(pooled[:, one]), np.exp(logits[:, [one, two]]).mean(axis=1), rtol=1e-5
        )
        np.testing.assert_array_equal(pooled[:, one], pooled[:, two])
    np.testing.assert_allclose(pooled[:, 2], logits[:, 2], rtol=1e-5)


def test_a_blend_adds_its_readers_by_their_shares() -> None:
    blend = build_blend(3)
    blend.set_weights([np.array([0.25, 2.0], np.float32)])
    one, two = np.array([[1.0, 2.0, 3.0]], np.float32), np.array([[0.0, 1.0, -1.0]], np.float32)
    np.testing.assert_allclose(numbers(blend([one, two])), 0.25 * one + 2.0 * two, rtol=1e-6)


@pytest.mark.parametrize("size_px", [96, 128, 144, 160, 192, 224, 299])
def test_joints_are_read_from_maps_of_every_crop(size_px: int) -> None:
    config = NetworkConfig(crop_px=size_px)
    inception = build_inception(size_px)
    fine, coarse = (inception.get_layer(each).output for each in (FINE_BLOCK, COARSE_BLOCK))
    found = build_landmark_head(config)({"fine": fine, "coarse": coarse})
    assert found["joints"].shape[1:] == (63,)
    assert found["heat"].shape[1:] == (len(cell_centres(size_px)), 21)


def test_a_joint_is_where_its_map_is_hot() -> None:
    centres = cell_centres(160)
    cells = round(len(centres) ** 0.5)
    maps = np.zeros((1, cells * cells, 21, 4), np.float32)
    maps[0, 40, :, 0] = 50.0
    maps[0, 40, 7, 1:] = (0.5, -0.5, 2.0)
    joints = numbers(MeanPlaces(160)(maps.reshape(1, cells, cells, 84))["joints"]).reshape(21, 3)
    x, y = centres[40]
    np.testing.assert_allclose(joints[0], (x, y, 0.0), atol=1e-5)
    np.testing.assert_allclose(joints[7], (x + 4 / 160, y - 4 / 160, 0.2), atol=1e-5)


def test_joints_of_a_crop_are_placed_on_the_canvas() -> None:
    joints = np.tile(np.array([0.0, 0.5, 0.25], np.float32), 21)[None]
    placed = numbers(place_joints(joints, np.array([[0.6, 0.3, 0.2]], np.float32)))
    np.testing.assert_allclose(placed[0, 3], (0.5, 0.3, 0.05), atol=1e-6)


def test_a_box_surrounds_joints_as_far_as_it_is_told() -> None:
    joints = np.full((1, 21, 3), 0.5, np.float32)
    joints[0, 3, :2], joints[0, 8, :2] = (0.2, 0.4), (0.6, 0.5)
    around = numbers(surround_joints(joints, extent=1.5))
    np.testing.assert_allclose(around, [(0.4, 0.45, 0.6)], rtol=1e-5)


def test_a_second_look_is_taken_around_the_joints_of_the_first() -> None:
    keras.utils.set_random_seed(0)
    recipe = Recipe(frames_per_clip=2, canvas_px=96)
    config = NetworkConfig(localiser_px=96, crop_px=96, reader_width=16, hand_extent=1.3)
    network = SignNetwork(config, recipe=recipe, signs=3)
    canvases = np.random.default_rng(1).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    first, told = network.locate(canvases, frames=2)
    second, again = network.find(canvases, frames=2)
    _, joints = network.describe(canvases, first)
    np.testing.assert_allclose(numbers(again), numbers(told), atol=1e-6)
    around = numbers(surround_joints(joints, extent=1.3))
    np.testing.assert_allclose(numbers(second)[:, :2], around[:, :2], atol=1e-5)
    # Nothing has been learnt yet: the joints are all in one place, and the box may only be halved.
    assert around[:, 2].max() < 0.01
    np.testing.assert_allclose(numbers(second)[:, 2], numbers(first)[:, 2] / 2, rtol=1e-4)
    once = SignNetwork(config.model_copy(update={"looks": 1}), recipe=recipe, signs=3)
    for name, part in once.parts.items():
        part.set_weights(network.parts[name].get_weights())
    np.testing.assert_allclose(numbers(once.find(canvases, frames=2)[0]), numbers(first), atol=1e-6)
