"""Invented examples: their targets must say where the hand really went."""

import dataclasses

import cv2
import numpy as np
import pytest

from pipeline.clips.manifest import ClipRow
from pipeline.network.config import NetworkConfig
from pipeline.network.localiser import cell_centres
from pipeline.training.augmentation import (
    AS_DESIGNED,
    Augmentation,
    Border,
    Look,
    draw_look,
    warp_square,
)
from pipeline.training.crops import CropBatches
from pipeline.training.dataset import Draw
from pipeline.training.scenes import SceneBatches, draw_scene, draw_window_beside, scene_targets
from pipeline.training.store import Store

WIDTH, HEIGHT = 120, 90
CONFIG = NetworkConfig(localiser_px=96, crop_px=96)


def room_with_hand(x: int, y: int, half: int) -> np.ndarray:
    """A grey room with a bright green square for a hand."""
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    picture[y - half : y + half, x - half : x + half] = (0, 255, 0)
    return picture


def plain_look(*, mirror: bool) -> Look:
    look = draw_look(np.random.default_rng(0))
    return dataclasses.replace(
        look,
        gain=np.ones(3, np.float32),
        gamma=1.0,
        saturation=1.0,
        shrink=1.0,
        blur_px=0.0,
        noise=0.0,
        jpeg=0,
        mirror=mirror,
    )


def green_centre(picture: np.ndarray) -> np.ndarray:
    green = (picture[..., 1].astype(int) - picture[..., 0] > 100) & (picture[..., 2] < 90)
    rows, columns = np.nonzero(green)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.3])
@pytest.mark.parametrize("side", [40.0, 400.0])
def test_the_matrix_of_a_warp_is_where_the_pixels_went(
    *, mirror: bool, angle: float, side: float
) -> None:
    picture = cv2.resize(room_with_hand(50, 40, 6), None, fx=4, fy=4)
    square, matrix = warp_square(
        picture, (210.0, 170.0, side), size_px=128, angle=angle, stretch=1.1, mirror=mirror
    )
    at = matrix @ np.array([200.0, 160.0, 1.0])
    if side > 100:
        np.testing.assert_allclose(green_centre(square), at, atol=0.6)
    else:
        row, column = int(at[1]), int(at[0])
        assert square[row, column, 1] == 255


def test_a_scene_says_where_its_hand_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    found = 0

    def either_way(rng: np.random.Generator, *, strength: Augmentation) -> Look:
        assert strength.mirror > AS_DESIGNED.mirror
        return plain_look(mirror=rng.random() < 0.5)

    def uncovered(scene: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        del rng  # bars may hide a part of the hand, and with it its visible centre
        return scene

    def black(rng: np.random.Generator) -> Border:
        del rng  # a drawn border may be as green as the hand
        return cv2.BORDER_CONSTANT, (0, 0, 0)

    monkeypatch.setattr("pipeline.training.scenes.draw_look", either_way)
    monkeypatch.setattr("pipeline.training.scenes.cover_bars", uncovered)
    monkeypatch.setattr("pipeline.training.scenes.draw_border", black)
    for _ in range(60):
        x, y = int(rng.integers(20, 100)), int(rng.integers(20, 70))
        scene, box = draw_scene(
            room_with_hand(x, y, 10), (float(x), float(y), 20.0), size_px=96, rng=rng
        )
        if box[2] == 0:
            continue
        inside = 0.5 * box[2] < min(box[0], box[1], 1 - box[0], 1 - box[1])
        lit = scene[..., 1].astype(int) - scene[..., 0] > 100
        if not inside or not lit.any():
            continue
        np.testing.assert_allclose(green_centre(scene), np.array(box[:2]) * 96, atol=3.0)
        assert np.sqrt(lit.sum()) == pytest.approx(box[2] * 96, rel=0.35, abs=3.0)
        found += 1
    assert found > 20


def test_a_window_beside_the_hand_shows_none_of_it() -> None:
    rng = np.random.default_rng(1)
    picture = room_with_hand(30, 45, 15)
    for _ in range(50):
        window = draw_window_beside(picture, (30.0, 45.0, 30.0), rng=rng)
        assert window is not None
        square, _ = warp_square(picture, window, size_px=64)
        assert (square == 60).all()


def test_no_room_beside_the_hand_is_said() -> None:
    picture = room_with_hand(60, 45, 44)
    box = (60.0, 45.0, 110.0)
    assert draw_window_beside(picture, box, rng=np.random.default_rng(0)) is None


def test_targets_peak_at_the_cell_of_the_hand_and_are_zero_without_one() -> None:
    boxes = np.array([[0.7, 0.3, 0.2], [0.0, 0.0, 0.0]], np.float32)
    targets = scene_targets(boxes, size_px=96)
    peak = cell_centres(96)[targets["heat"][0].argmax()]
    assert np.abs(peak - boxes[0, :2]).max() <= 4 / 96 + 1e-6
    assert targets["heat"][0].sum() == pytest.approx(1.0, abs=1e-5)
    assert (targets["heat"][1] == 0).all()
    assert (targets["boxes"][1, :, 3] == 0).all()


@pytest.fixture
def store() -> Store:
    rng = np.random.default_rng(0)
    clips = tuple(
        ClipRow(
            clip=f"train/{sign}/{sign}.mp4",
            video="v.mp4",
            sign=sign,
            signer="s",
            split="train",
            start_s=0.0,
            end_s=1.0,
            first_frame=0,
            frames=4,
            fps=4.0,
            width=64,
            height=48,
            encoding="",
            video_sha256="",
            clip_sha256="",
        )
        for sign in "AB"
    )
    boxes = np.tile(np.array([0.5, 0.5, 0.3], np.float32), (2, 4, 1))
    joints = np.full((2, 4, 21, 3), np.nan, np.float32)
    joints[0] = np.append(rng.uniform(0.4, 0.6, (21, 2)), np.zeros((21, 1)), axis=1)
    frames = rng.integers(0, 256, (2, 4, 64, 64, 3), dtype=np.uint8)
    return Store(frames, boxes, joints, clips)


@pytest.mark.parametrize("kind", ["crops", "scenes"])
def test_a_batch_depends_on_its_seed_epoch_and_index_alone(store: Store, kind: str) -> None:
    def batch(*, seed: int = 1, epoch: int = 2, index: int = 0) -> np.ndarray:
        draw = Draw(batch=3, steps=4, seed=seed, epoch=epoch)
        rows = store.rows("train")
        if kind == "crops":
            drawn = CropBatches(
                store, rows, np.array([0, 1]), config=CONFIG, strength=AS_DESIGNED, draw=draw
            )
        else:
            drawn = SceneBatches(store, rows, config=CONFIG, draw=draw)
        pictures: np.ndarray = drawn[index][0]
        return pictures

    first = batch()
    assert first.shape == (3, 96, 96, 3)
    assert -1.0 <= first.min() < first.max() <= 1.0
    np.testing.assert_array_equal(first, batch())
    for other in (batch(seed=2), batch(epoch=3), batch(index=1)):
        assert not np.array_equal(first, other)


def test_a_picture_is_the_canvas_without_its_bars(store: Store) -> None:
    shown = store.picture(0, 1)
    assert shown.pixels.shape == (48, 64, 3)
    np.testing.assert_array_equal(shown.pixels, store.frames[0, 1, 8:56])
    assert shown.box == pytest.approx((32.0, 24.0, 19.2))
    wanted = store.landmarks[0, 1] * 64 - np.array([0.0, 8.0, 0.0], np.float32)
    np.testing.assert_allclose(shown.joints, wanted, atol=1e-4)


def test_a_batch_of_crops_says_where_joints_are_known(store: Store) -> None:
    draw = Draw(batch=16, steps=1, seed=1, epoch=0)
    rows, labels = store.rows("train"), np.array([0, 1])
    _, targets = CropBatches(store, rows, labels, config=CONFIG, strength=AS_DESIGNED, draw=draw)[0]
    assert targets["joints"].shape == (16, 64)
    np.testing.assert_array_equal(targets["joints"][:, -1] == 1, targets["signs"] == 0)
    assert (targets["joints"][targets["signs"] == 1] == 0).all()
    assert {0, 1} == set(targets["signs"])
