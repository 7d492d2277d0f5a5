"""Which frames are kept: properties that hold for any timestamps."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signwrite.sampling import (
    Span,
    nearest,
    pick_frames,
    reset_offsets,
    span_of,
    target_times,
    typical_gap,
)

counts = st.integers(1, 40)
rising = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=200, unique=True).map(sorted)
never_falling = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=200).map(sorted)


@given(never_falling, counts)
def test_the_places_are_as_many_as_asked_in_order_and_in_range(pts: list[int], count: int) -> None:
    places = pick_frames(pts, count)
    assert len(places) == count
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] < len(pts)
    assert places == pick_frames(pts, count)


@given(never_falling, counts, st.integers(-(10**12), 10**12))
def test_a_clock_that_starts_elsewhere_changes_nothing(
    pts: list[int], count: int, shift: int
) -> None:
    assert pick_frames([time + shift for time in pts], count) == pick_frames(pts, count)


@given(never_falling, counts, st.integers(1, 1000))
def test_a_finer_clock_changes_nothing(pts: list[int], count: int, factor: int) -> None:
    # A clip of one moment lasts one tick, whatever a tick is, so both give its last duration.
    coarse = pick_frames(pts, count, last_duration=7)
    fine = pick_frames([time * factor for time in pts], count, last_duration=7 * factor)
    assert fine == coarse


@given(never_falling, counts)
def test_no_other_frame_is_nearer_and_of_two_equally_near_the_earlier_is_kept(
    pts: list[int], count: int
) -> None:
    for target, place in zip(
        target_times(span_of(pts), count), pick_frames(pts, count), strict=True
    ):
        distance = abs(pts[place] - target)
        assert distance == min(abs(time - target) for time in pts)
        assert all(abs(time - target) > distance for time in pts if time < pts[place])


@given(st.integers(1, 60), st.integers(1, 5000), st.integers(-(10**6), 10**6))
def test_as_many_as_there_are_is_each_once(count: int, gap: int, start: int) -> None:
    pts = [start + place * gap for place in range(count)]
    assert pick_frames(pts, count) == list(range(count))


@given(st.integers(1, 30), st.integers(1, 20), st.integers(1, 1000))
def test_frames_shown_again_do_not_move_the_moments(count: int, repeat: int, gap: int) -> None:
    """The same clip at a multiple of its frame rate shows the same moments, within one step."""
    slow_gap = gap * repeat
    slow = [place * slow_gap for place in range(30)]
    fast = [place * gap for place in range(30 * repeat)]
    moments_slow = [slow[place] for place in pick_frames(slow, count)]
    moments_fast = [fast[place] for place in pick_frames(fast, count)]
    for one, other in zip(moments_slow, moments_fast, strict=True):
        assert abs(one - other) <= slow_gap


@given(rising, counts, st.data())
def test_a_frame_more_never_moves_a_moment_away_from_its_target(
    pts: list[int], count: int, drawn: st.DataObject
) -> None:
    extra = drawn.draw(st.integers(pts[0], pts[-1]))
    more = sorted([*pts, extra])
    targets = target_times(span_of(pts, last_duration=5), count)
    before = pick_frames(pts, count, last_duration=5)
    after = pick_frames(more, count, last_duration=5)
    for target, one, other in zip(targets, before, after, strict=True):
        assert abs(more[other] - target) <= abs(pts[one] - target)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9), counts)
def test_targets_are_the_centres_of_equal_parts(start: int, length: int, count: int) -> None:
    targets = target_times(Span(start, start + length), count)
    steps = {later - earlier for earlier, later in pairwise(targets)}
    assert steps <= {Fraction(length, count)}
    assert targets[0] - start == start + length - targets[-1] == Fraction(length, 2 * count)


def test_nearest_asks_for_no_frame_past_the_one_that_settles_the_last_target() -> None:
    asked: list[int] = []

    def counted() -> Iterator[tuple[int, str]]:
        for time in range(0, 1000, 10):
            asked.append(time)
            yield time, str(time)

    kept = list(nearest(counted(), [Fraction(12), Fraction(27)]))
    assert kept == [(10, "10"), (30, "30")]
    assert asked == [0, 10, 20, 30]


def test_nearest_of_nothing_is_nothing() -> None:
    none: list[tuple[int, str]] = []
    assert list(nearest(none, [Fraction(1)])) == []


def test_frames_that_end_early_give_the_last_one() -> None:
    frames = [(0, "a"), (10, "b")]
    kept = nearest(frames, [Fraction(1), Fraction(50), Fraction(90)])
    assert [frame for _, frame in kept] == ["a", "b", "b"]


def test_the_last_frame_lasts_as_the_container_says_or_as_the_others_do() -> None:
    assert span_of([0, 10, 20], last_duration=5) == Span(0, 25)
    assert span_of([20, 0, 10]) == Span(0, 30)
    assert span_of([0, 10, 20], last_duration=0) == Span(0, 30)
    assert span_of([7]) == Span(7, 8)
    assert typical_gap([0, 0, 10, 20, 500]) == 10


@pytest.mark.parametrize(
    ("pts", "count"), [([], 1), ([0, 1], 0), ([1, 0], 1)], ids=["empty", "count", "falling"]
)
def test_nonsense_is_refused(pts: list[int], count: int) -> None:
    with pytest.raises(ValueError, match="received"):
        pick_frames(pts, count)
    with pytest.raises(ValueError, match="received 3"):
        Span(3, 3)


@given(rising)
def test_a_clock_that_runs_on_is_left_alone(times: list[int]) -> None:
    assert reset_offsets(list(times), list(times), tolerance=0) == [0] * len(times)


@given(
    st.lists(st.integers(2, 40), min_size=1, max_size=5),
    st.integers(1, 100),
    st.integers(-1000, 1000),
)
def test_parts_that_start_anew_follow_each_other(parts: list[int], gap: int, start: int) -> None:
    times: list[int | None] = [start + place * gap for part in parts for place in range(part)]
    offsets = reset_offsets(times, times, tolerance=0)
    mended = [
        time + offset for time, offset in zip(times, offsets, strict=True) if time is not None
    ]
    assert mended == [start + place * gap for place in range(sum(parts))]


def test_reordered_frames_are_no_new_start() -> None:
    dts: list[int | None] = [None, None, 0, 10, 20]
    pts: list[int | None] = [20, 50, 30, 40, None]
    assert reset_offsets(dts, pts, tolerance=0) == [0] * 5
    assert reset_offsets([10, 8, 20], [10, 8, 20], tolerance=2) == [0] * 3
