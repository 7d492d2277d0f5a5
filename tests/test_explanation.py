"""What the model looked at: the right part of the right picture, whatever its shape."""

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from signwrite.answer import ExplainedFrame
from signwrite.backends import Backend, load_classifier
from signwrite.bundle import Bundle
from signwrite.clip import ClipInfo
from signwrite.clip.picture import jpeg_of
from signwrite.explanation import PICTURE_PX, Look, looks_of
from signwrite.reader import ClipTensor, Reader, read_tensor
from signwrite.recipe import Recipe
from tests.clips import BLUE, RED, counter_clip, encode, rotated_clip

RECIPE = Recipe(frames_per_clip=4, canvas_px=96)


def boxes(*box: float, frames: int = 4) -> npt.NDArray[np.float32]:
    return np.tile(np.array(box, np.float32), (frames, 1))


def opened(jpeg: bytes) -> npt.NDArray[np.uint8]:
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.format == "JPEG"
    return np.asarray(picture.convert("RGB"))


def test_squares_are_told_on_the_displayed_picture_not_on_the_canvas() -> None:
    tensor = read_tensor(counter_clip(), recipe=RECIPE)  # 96 x 64: black bands of a sixth
    looks = looks_of(tensor, boxes(0.5, 1 / 6, 1.0, 5 / 6))
    assert [look.time_s for look in looks] == tensor.pts_s.tolist()
    assert all(look.square == pytest.approx((0.5, 0.0, 1.0, 1.0), abs=1e-6) for look in looks)
    picture = opened(looks[0].jpeg())
    assert picture.shape == (64, 48, 3)  # as it is on the canvas: nothing is enlarged
    middle = picture[20:40, 10:40].reshape(-1, 3).mean(axis=0)
    assert middle == pytest.approx(BLUE, abs=12)


def test_a_square_beyond_the_picture_says_so_and_shows_black() -> None:
    tensor = read_tensor(counter_clip(), recipe=RECIPE)
    (look, *_) = looks_of(tensor, boxes(0.0, 0.0, 0.5, 0.5))
    assert look.square == pytest.approx((0.0, -0.25, 0.5, 0.5), abs=1e-6)
    picture = opened(look.jpeg())
    assert picture[:12].max() < 30
    assert picture[36:, 20:].reshape(-1, 3).mean(axis=0) == pytest.approx(RED, abs=12)


def test_an_upright_clip_has_its_bands_at_the_sides() -> None:
    tensor = read_tensor(encode("mp4", "libx264", size=(64, 96)), recipe=RECIPE)
    (look, *_) = looks_of(tensor, boxes(1 / 6, 0.0, 0.5, 1.0))
    assert look.square == pytest.approx((0, 0, 0.5, 1), abs=1e-6)
    assert opened(look.jpeg())[30:60].reshape(-1, 3).mean(axis=0) == pytest.approx(RED, abs=12)


def test_a_turned_clip_is_told_as_it_is_displayed() -> None:
    tensor = read_tensor(rotated_clip(90), recipe=RECIPE)  # stored upright, shown 96 x 64
    (look, *_) = looks_of(tensor, boxes(0.0, 1 / 6, 0.5, 5 / 6))
    assert look.square == pytest.approx((0, 0, 0.5, 1), abs=1e-6)
    assert opened(look.jpeg())[20:40].reshape(-1, 3).mean(axis=0) == pytest.approx(RED, abs=12)


def test_a_frame_that_the_tensor_has_twice_comes_once() -> None:
    tensor = read_tensor(counter_clip(2), recipe=RECIPE)
    assert len(looks_of(tensor, boxes(0, 0, 1, 1))) == tensor.frames_used == 2


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.5, 0.5), (1.0, 1.0, 1.0, 1.0), (0.0, 0.2, 0.0, 0.9)])
def test_a_box_without_an_area_still_gives_a_picture(box: tuple[float, ...]) -> None:
    tensor = read_tensor(counter_clip(), recipe=RECIPE)
    assert opened(looks_of(tensor, boxes(*box))[0].jpeg()).size > 0


def test_a_look_outlives_the_memory_that_it_was_cut_from() -> None:
    frames = np.full(RECIPE.clip_shape, 200, np.uint8)
    tensor = ClipTensor(frames, np.arange(4.0), ClipInfo(1.0, 96, 96, 4))
    (look, *_) = looks_of(tensor, boxes(0, 0, 1, 1))
    frames.fill(0)  # the next clip is decoded to the same place
    assert opened(look.jpeg()).min() > 190


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (401, 77), (128, 128), (90, 91)])
def test_a_picture_is_never_larger_than_asked_and_keeps_its_shape(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    height, width = opened(jpeg_of(noise, longest_px=PICTURE_PX)).shape[:2]
    assert max(height, width) <= PICTURE_PX
    scale = min(1.0, PICTURE_PX / max(shape))
    assert (height, width) == pytest.approx([side * scale for side in shape], abs=2)


def test_a_picture_is_small() -> None:
    """Noise is the worst that can be packed; a hand takes about a tenth of it."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    frame = ExplainedFrame.of(Look(0.0, (0, 0, 1, 1), noise))
    head, _, packed = frame.crop.partition(",")
    assert head == "data:image/jpeg;base64"
    assert opened(base64.b64decode(packed, validate=True)).shape == (128, 128, 3)
    assert len(frame.crop) < 40_000


@pytest.mark.parametrize("backend", ["openvino", "openvino-bf16"])
def test_every_runtime_looks_at_the_same(backend: Backend, tiny_bundle: Path) -> None:
    bundle = Bundle(tiny_bundle)
    clip = counter_clip()
    looks = {}
    for each in ("tensorflow", backend):
        classifier, _ = load_classifier(bundle, backend=each)
        reader = Reader(bundle.manifest, classifier=classifier)
        tensor = reader.read_tensor(clip)
        found = reader.rank(classifier.classify(tensor.frames[np.newaxis]), tensor=tensor)
        looks[each] = looks_of(tensor, found.boxes)
    for one, other in zip(looks["tensorflow"], looks[backend], strict=True):
        assert one.square == pytest.approx(other.square, abs=1e-5)
        np.testing.assert_array_equal(one.pixels, other.pixels)
