"""Which frames of a clip to keep, decided from timestamps alone.

Times here are whole ticks of the video stream's own clock, so that every comparison is exact.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low
from typing import TypeVar

FrameT = TypeVar("FrameT")


@dataclass(frozen=True)
class Span:
    """The time a clip takes, in ticks: from its first frame until its last one ends.

    Raises:
        ValueError: it does not end after it starts.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        """Check the order."""
        if self.end <= self.start:
            raise ValueError(f"an end after the start {self.start}; received {self.end}")


def span_of(pts: Sequence[int], *, last_duration: int | None = None) -> Span:
    """Return the span of a clip from its frames' timestamps.

    Args:
        pts: presentation timestamps in any order, ticks; at least one.
        last_duration: how long the last frame is shown, ticks, where the container says; else as
            long as the median frame.

    Raises:
        ValueError: there is no timestamp.
    """
    if not pts:
        raise ValueError("at least one timestamp; received none")
    if last_duration is not None and last_duration > 0:
        return Span(min(pts), max(pts) + last_duration)
    return Span(min(pts), max(pts) + typical_gap(pts))


def typical_gap(pts: Sequence[int]) -> int:
    """Return the median step between distinct timestamps, in ticks; 1 where there is no step."""
    ordered = sorted(set(pts))
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    return median_low(gaps) if gaps else 1


def target_times(span: Span, count: int) -> tuple[Fraction, ...]:
    """Return the centres of `count` equal parts of a span, in ticks.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"at least 1 target; received {count}")
    length = span.end - span.start
    return tuple(
        span.start + Fraction((2 * place + 1) * length, 2 * count) for place in range(count)
    )


def nearest(
    frames: Iterable[tuple[int, FrameT]], targets: Iterable[Fraction]
) -> Iterator[tuple[int, FrameT]]:
    """Yield, for each target, the frame nearest in time; of two equally near, the earlier.

    Holds two frames at most, and asks for no frame after the one that settles the last target.

    Args:
        frames: (pts in ticks, frame), pts never falling.
        targets: times in ticks, never falling.

    Yields:
        (pts in ticks, frame), one for each target; nothing where there is no frame.
    """
    stream = iter(frames)
    before = next(stream, None)
    if before is None:
        return
    after = next(stream, None)
    for target in targets:
        while after is not None and after[0] <= target:
            before, after = after, next(stream, None)
        if after is None or target - before[0] <= after[0] - target:
            yield before
        else:
            yield after


def pick_frames(pts: Sequence[int], count: int, *, last_duration: int | None = None) -> list[int]:
    """Return the places of the frames to keep: `count` of them, spread evenly over time.

    A frame is kept more than once where there are fewer frames than targets.

    Args:
        pts: presentation timestamps in ticks, never falling; at least one.
        count: how many to keep, at least 1.
        last_duration: see `span_of`.

    Raises:
        ValueError: `pts` is empty or falls, or `count` is below 1.
    """
    if any(later < earlier for earlier, later in pairwise(pts)):
        raise ValueError("timestamps that never fall; received one earlier than the one before")
    targets = target_times(span_of(pts, last_duration=last_duration), count)
    places = ((time, place) for place, time in enumerate(pts))
    return [place for _, place in nearest(places, targets)]


def reset_offsets(
    dts: Sequence[int | None], pts: Sequence[int | None], *, tolerance: int
) -> list[int]:
    """Return what to add to each packet's times so that a clock that starts anew runs on.

    Joined transport streams jump back in time. Each jump back of the decoding clock by more than
    `tolerance` begins a part that is moved to follow what came before it.

    Args:
        dts: decoding timestamps in ticks, in the file's order; None where unknown.
        pts: presentation timestamps in ticks, in the same order; None where unknown.
        tolerance: the largest jump back that is taken for rounding, in ticks.
    """
    gap = typical_gap([time for time in dts if time is not None])
    offsets: list[int] = []
    offset, latest, before = 0, None, None
    for decode_time, show_time in zip(dts, pts, strict=True):
        if decode_time is not None:
            if before is not None and latest is not None and decode_time < before - tolerance:
                offset = latest + gap - decode_time
            before = decode_time
        known = [time + offset for time in (decode_time, show_time) if time is not None]
        latest = max([*known, latest] if latest is not None else known, default=None)
        offsets.append(offset)
    return offsets
