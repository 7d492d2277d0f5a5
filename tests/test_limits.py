"""How large a clip may be, held against what is decoded."""

import pickle

import pytest
from pydantic import ValidationError

from signwrite.clip import Limits, decoded_frames
from signwrite.errors import LimitExceededError, UnusableClipError
from tests import clips
from tests.clips import BAD, GOOD, counter_clip


def decoded(content: bytes, limits: Limits) -> list[tuple[int, int]]:
    return [(frame.width, frame.height) for frame in decoded_frames(content, limits=limits)]


LIMITED = {
    "max_seconds": (Limits(max_seconds=0.5), "at most 0.5 s", "1.0 s"),
    "max_frames": (Limits(max_frames=29), "at most 29 frames", "30 frames or more"),
    "max_pixels_per_frame": (Limits(max_pixels_per_frame=6143), "at most 6143 pixels", "96 x 64"),
    "max_side_px": (Limits(max_side_px=95), "sides of at most 95 pixels", "96 x 64"),
    "max_aspect": (Limits(max_aspect=1.4), "one side at most 1.4 times the other", "96 x 64"),
    "max_total_pixels": (
        Limits(max_total_pixels=10_000),
        "at most 10000 pixels in all frames",
        "12288 or more",
    ),
    "max_streams": (Limits(max_streams=1), "at most 1 streams", "2 or more"),
}


@pytest.mark.parametrize("limit", LIMITED)
@pytest.mark.parametrize("name", ["mp4-audio-first", "ts-audio"])
def test_a_limit_names_what_was_wanted_and_what_came(limit: str, name: str) -> None:
    limits, wanted, received = LIMITED[limit]
    with pytest.raises(LimitExceededError) as caught:
        decoded(GOOD[name].content, limits)
    assert (caught.value.limit, caught.value.wanted) == (limit, wanted)
    assert caught.value.received == received


@pytest.mark.parametrize(
    "limits", [Limits(max_pixels_per_frame=96 * 64), Limits(max_side_px=96), Limits(max_frames=30)]
)
def test_a_limit_allows_what_just_fits(limits: Limits) -> None:
    assert len(decoded(counter_clip(), limits)) == 30


def test_pixel_aspect_counts_towards_the_limits() -> None:
    with pytest.raises(LimitExceededError, match="192 x 64"):
        decoded(GOOD["mp4-non-square"].content, Limits(max_aspect=2.9))


def test_a_larger_frame_half_way_does_not_slip_past_the_limit() -> None:
    small = clips.encode("mpegts", "libx264", size=(48, 32), options={"bf": "0"})
    large = clips.encode("mpegts", "libx264", size=(192, 128), options={"bf": "0"})
    with pytest.raises(LimitExceededError, match="192 x 128"):
        decoded(small + large, Limits(max_pixels_per_frame=96 * 64, max_decode_errors=0))


def test_a_far_larger_frame_is_refused_by_the_decoder_before_it_takes_memory() -> None:
    small = clips.encode("mpegts", "libx264", size=(48, 32), options={"bf": "0"})
    large = clips.encode("mpegts", "libx264", size=(640, 480), options={"bf": "0"})
    limits = Limits(max_pixels_per_frame=96 * 64, max_decode_errors=0)
    with pytest.raises(UnusableClipError, match="damaged packets"):
        decoded(small + large, limits)


def test_limits_may_be_far_larger_than_ffmpegs_numbers() -> None:
    assert len(decoded(counter_clip(), Limits(max_pixels_per_frame=2**40))) == 30


def test_damage_is_borne_up_to_the_limit() -> None:
    content = GOOD["ts-damaged"].content
    assert decoded(content, Limits(max_decode_errors=30))
    broken = BAD["mp4-frames-destroyed"].content
    with pytest.raises(UnusableClipError, match="at most 3 damaged packets; received more"):
        decoded(broken, Limits(max_decode_errors=3))


def test_limits_are_frozen_checked_and_cross_processes() -> None:
    limits = Limits(max_seconds=3)
    assert pickle.loads(pickle.dumps(limits)) == limits  # noqa: S301 - our own bytes
    with pytest.raises(ValidationError):
        limits.max_seconds = 5.0
    for wrong in ({"max_second": 3}, {"max_seconds": 0}, {"max_seconds": float("inf")}):
        with pytest.raises(ValidationError):
            Limits.model_validate(wrong)
