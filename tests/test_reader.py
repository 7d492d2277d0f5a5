"""The composition: a clip's bytes to the model's tensor, and to a ranking."""

import pickle
from dataclasses import replace
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest

from signwrite.bundle import Manifest
from signwrite.classifier import Classification
from signwrite.clip import ClipInfo, Limits, opened
from signwrite.errors import LimitExceededError
from signwrite.frames import fit
from signwrite.ranking import UncertaintyRule
from signwrite.reader import ClipTensor, Reader, read_tensor
from signwrite.recipe import Recipe
from signwrite.sampling import nearest, pick_frames, target_times
from signwrite.vocabulary import Vocabulary
from tests.clips import BAD, BLUE, GOOD, RED, counter_clip, encode, read_number

RECIPE = Recipe(frames_per_clip=6, canvas_px=96)


def numbers_in(tensor: ClipTensor) -> list[int]:
    """Read the frame numbers off the picture inside its black borders."""
    placement = fit(tensor.info.width, tensor.info.height, canvas_px=tensor.frames.shape[1])
    rows = slice(placement.top, placement.top + placement.height)
    columns = slice(placement.left, placement.left + placement.width)
    return [read_number(frame[rows, columns]) for frame in tensor.frames]


@pytest.mark.parametrize("name", GOOD)
def test_every_good_clip_becomes_a_tensor(name: str) -> None:
    good = GOOD[name]
    tensor = read_tensor(good.content, recipe=RECIPE)
    assert tensor.frames.shape == RECIPE.clip_shape
    assert tensor.frames.max() > 150
    assert (tensor.info.width, tensor.info.height) == (good.width, good.height)
    assert tensor.info.frames_decoded <= len(good.numbers)
    numbers = numbers_in(tensor)
    assert numbers[0] in good.numbers[:5]
    if good.at_least is None:
        assert numbers == sorted(numbers)
        assert set(numbers) <= set(good.numbers)
        assert tensor.frames_used == len(set(numbers)) == min(6, len(good.numbers))
        assert tensor.info.duration_s == pytest.approx(good.duration_s, abs=0.05)


@pytest.mark.parametrize("name", BAD)
def test_every_bad_clip_is_refused(name: str) -> None:
    with pytest.raises(BAD[name].error):
        read_tensor(BAD[name].content, recipe=RECIPE)


@pytest.mark.parametrize("count", [1, 5, 6, 12, 29, 30])
@pytest.mark.parametrize("name", ["mp4-h264", "ts-h264", "avi-h264", "mp4-fragmented"])
def test_the_frames_kept_are_the_ones_the_timestamps_call_for(name: str, count: int) -> None:
    recipe = Recipe(frames_per_clip=count, canvas_px=96)
    tensor = read_tensor(GOOD[name].content, recipe=recipe)
    places = pick_frames(range(30), count)
    assert numbers_in(tensor) == places
    assert tensor.pts_s == pytest.approx(np.array(places) / 30, abs=1e-6)


def test_a_variable_frame_rate_is_sampled_by_time_not_by_number() -> None:
    # 20 frames in the first second, 5 in the second: half of the kept ones come from each.
    tensor = read_tensor(GOOD["mp4-variable-rate"].content, recipe=RECIPE)
    assert tensor.pts_s == pytest.approx([0.15, 0.5, 0.85, 1.2, 1.4, 1.8], abs=0.001)
    assert numbers_in(tensor) == [3, 10, 17, 21, 22, 24]


def test_twice_the_frame_rate_shows_the_same_moments() -> None:
    slow = read_tensor(counter_clip(30, rate=30), recipe=RECIPE)
    fast = read_tensor(counter_clip(60, rate=60), recipe=RECIPE)
    assert fast.pts_s == pytest.approx(slow.pts_s, abs=1 / 30)


def test_a_clip_with_fewer_frames_shows_some_twice() -> None:
    tensor = read_tensor(GOOD["two-frames"].content, recipe=RECIPE)
    assert numbers_in(tensor) == [0, 0, 1, 1, 1, 1]  # the third is nearer to the second frame
    assert tensor.frames_used == 2
    np.testing.assert_array_equal(tensor.frames[2], tensor.frames[5])


def test_decoding_stops_at_the_last_frame_that_is_needed() -> None:
    content = encode("mp4", "mpeg4", numbers=range(200))
    tensor = read_tensor(content, recipe=Recipe(frames_per_clip=1, canvas_px=96))
    assert numbers_in(tensor) == [100]
    assert tensor.info.frames_decoded < 110
    assert tensor.info.duration_s == pytest.approx(200 / 30, abs=0.01)


# Just before the damage, a frame that was passed over may have been the nearest one left.
@pytest.mark.parametrize("name", sorted(GOOD.keys() - {"ts-damaged", "mp4-truncated"}))
def test_what_is_passed_over_changes_nothing(name: str) -> None:
    tensor = read_tensor(GOOD[name].content, recipe=RECIPE)
    with opened(GOOD[name].content, limits=Limits()) as clip:
        targets = target_times(clip.span, RECIPE.frames_per_clip)
        every = list(nearest(clip.frames(), targets))
        for shown, (pts, frame) in zip(tensor.frames, every, strict=True):
            placement = fit(frame.width, frame.height, canvas_px=RECIPE.canvas_px)
            rows, columns = placement.region
            pixels = frame.rgb(placement.width, placement.height)
            np.testing.assert_array_equal(shown[rows, columns], pixels, err_msg=str(pts))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_frames_that_no_other_refers_to_are_passed_over(codec: str) -> None:
    content = encode("mp4", codec, numbers=range(60))
    tensor = read_tensor(content, recipe=Recipe(frames_per_clip=3, canvas_px=96))
    assert numbers_in(tensor) == pick_frames(range(60), 3)
    assert tensor.info.frames_decoded < 40


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("mp4-h264", slice(16, 80), slice(0, 96)),
        ("mp4-rotated-90", slice(16, 80), slice(0, 96)),
        ("mp4-non-square", slice(32, 64), slice(0, 96)),
    ],
)
def test_the_picture_lies_centred_on_black(name: str, rows: slice, columns: slice) -> None:
    frames = read_tensor(GOOD[name].content, recipe=RECIPE).frames.copy()
    picture = frames[:, rows, columns]
    middle = picture.shape[1] // 2
    assert picture[:, middle, 24].astype(float) == pytest.approx(np.array([RED] * 6), abs=10)
    assert picture[:, middle, 72].astype(float) == pytest.approx(np.array([BLUE] * 6), abs=10)
    assert picture[:, 2, 4].min() > 230
    picture[:] = 0
    assert frames.max() == 0


def test_a_portrait_clip_has_its_borders_left_and_right() -> None:
    content = encode("mp4", "libx264", size=(64, 96))
    frame = read_tensor(content, recipe=RECIPE).frames[0]
    assert frame[:, :16].max() == frame[:, 80:].max() == 0
    assert frame[48, 24].astype(float) == pytest.approx(RED, abs=10)


def test_a_frame_that_shrinks_is_placed_by_its_own_shape() -> None:
    small = encode("mpegts", "libx264", numbers=range(15), size=(32, 96), options={"bf": "0"})
    wide = encode("mpegts", "libx264", numbers=range(15), options={"bf": "0"})
    frames = read_tensor(wide + small, recipe=RECIPE).frames
    assert frames[0, 48, 4].astype(float) == pytest.approx(RED, abs=10)
    assert frames[-1, :, :32].max() == frames[-1, :, 64:].max() == 0
    assert frames[-1, 48, 40].astype(float) == pytest.approx(RED, abs=10)


def test_reading_twice_gives_the_same_bits() -> None:
    for name in ("mp4-h264", "mp4-hevc-10bit", "webm-vp9", "mov-alpha"):
        first, second = (read_tensor(GOOD[name].content, recipe=RECIPE) for _ in range(2))
        np.testing.assert_array_equal(first.frames, second.frames)
        np.testing.assert_array_equal(first.pts_s, second.pts_s)


def test_limits_are_passed_on() -> None:
    with pytest.raises(LimitExceededError, match="max_seconds"):
        read_tensor(counter_clip(), recipe=RECIPE, limits=Limits(max_seconds=0.5))


def test_a_tensor_crosses_processes() -> None:
    tensor = read_tensor(counter_clip(), recipe=RECIPE)
    copied = pickle.loads(pickle.dumps(tensor))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(copied.frames, tensor.frames)
    np.testing.assert_array_equal(copied.pts_s, tensor.pts_s)
    assert copied.info == tensor.info


@pytest.mark.parametrize(
    "change",
    [
        {"frames": np.zeros((2, 8, 8, 3), dtype=np.float32)},
        {"frames": np.zeros((2, 8, 9, 3), dtype=np.uint8)},
        {"frames": np.zeros((2, 8, 8, 4), dtype=np.uint8)},
        {"frames": np.zeros((8, 8, 3), dtype=np.uint8)},
        {"pts_s": np.zeros(3)},
        {"pts_s": np.zeros(2, dtype=np.float32)},
        {"pts_s": np.array([1.0, 0.5])},
        {"pts_s": np.array([0.0, np.nan])},
    ],
    ids=str,
)
def test_a_tensor_is_checked_at_birth(change: dict[str, npt.NDArray[np.generic]]) -> None:
    info = ClipInfo(duration_s=1.0, width=8, height=8, frames_decoded=2)
    tensor = ClipTensor(np.zeros((2, 8, 8, 3), dtype=np.uint8), np.array([0.0, 0.5]), info)
    with pytest.raises(ValueError, match="received"):
        replace(tensor, **change)  # type: ignore[arg-type]  # wrong on purpose


class ByBrightness:
    """A classifier that can be worked out by hand: scores from the mean of each clip's frames."""

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        bright = clips.mean(axis=(1, 2, 3, 4)) / 255
        scores = np.stack([bright / 2, 1 - bright, bright / 2], axis=1).astype(np.float32)
        boxes = np.zeros((len(clips), clips.shape[1], 4), dtype=np.float32)
        boxes[:, :, 2:] = clips[:, :, :1, :1, :2].reshape(len(clips), -1, 2)
        return Classification(scores, bright.astype(np.float32), boxes)


def reader(*, min_hand: float = 0.0, limits: Limits | None = None) -> Reader:
    manifest = Manifest(
        name="by-brightness",
        version="1",
        recipe=RECIPE,
        vocabulary=Vocabulary(("B", "A", "C")),
        uncertainty=UncertaintyRule(min_hand=min_hand, min_top_score=0.0),
        network={},
        card={},
        digests={},
    )
    return Reader(manifest, classifier=ByBrightness(), limits=limits)


def test_a_reading_is_ranked_by_the_manifests_signs_and_rule() -> None:
    reading = reader().read(counter_clip())
    assert [prediction.sign for prediction in reading.ranking.predictions] == ["A", "B", "C"]
    assert not reading.ranking.uncertain
    assert reading.info.frames_decoded < 30  # the last target is settled one frame earlier
    assert reading.frames_used == 6
    assert reading.boxes.shape == (6, 4)
    assert reader(min_hand=0.9).read(counter_clip()).ranking.uncertain
    assert len(reader().read(counter_clip(), top_k=1).ranking.predictions) == 1


def test_a_batch_gives_each_clip_the_reading_it_has_alone() -> None:
    one = reader()
    sources = [GOOD[name].content for name in ("mp4-h264", "mp4-grey", "one-frame")]
    tensors = [one.read_tensor(BytesIO(source)) for source in sources]
    batch = ByBrightness().classify(np.stack([tensor.frames for tensor in tensors]))
    for row, (source, tensor) in enumerate(zip(sources, tensors, strict=True)):
        alone = one.read(source, top_k=2)
        together = one.rank(batch, tensor=tensor, row=row, top_k=2)
        assert together.ranking == alone.ranking
        assert (together.info, together.frames_used) == (alone.info, alone.frames_used)
        np.testing.assert_array_equal(together.boxes, alone.boxes)


def test_a_readers_limits_hold() -> None:
    strict = reader(limits=Limits(max_frames=10))
    with pytest.raises(LimitExceededError, match="at most 10 frames"):
        strict.read(counter_clip())


@pytest.mark.parametrize("top_k", [0, 4, -1])
def test_more_predictions_than_signs_cannot_be_asked_for(top_k: int) -> None:
    with pytest.raises(ValueError, match=f"received {top_k}"):
        reader().read(counter_clip(), top_k=top_k)
