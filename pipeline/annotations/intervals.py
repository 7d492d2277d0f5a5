"""What an annotation is: a sign between two times of a video; and the checks it must pass.

The interval is half open: a frame with timestamp t belongs to the sign when start_s <= t < end_s.
"""

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from signwrite.errors import InputError

# Slack for times that were rounded to a millisecond on their way into an annotation file.
TIME_SLACK_S = 0.001
MAX_SIGN_LENGTH = 100
_TIME = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an annotation was read, so that any later complaint can name the place.

    Attributes:
        file: name of the annotation file.
        video: the place of the video's name in it, e.g. ``"row 3, column 2"``.
        sign: the place of the sign.
        start: the place of the start time.
        end: the place of the end time.
    """

    file: str
    video: str
    sign: str
    start: str
    end: str


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One sign in one video.

    Attributes:
        video: file name of the video, e.g. ``"abc7.mp4"``.
        sign: what is signed; it also names a folder.
        start_s: time of the sign's first frame, in seconds as a player shows them.
        end_s: time of the first frame after the sign.
        signer: who signs, where the file says so.
        origin: where it was read; no part of what makes two annotations equal.
    """

    video: str
    sign: str
    start_s: float
    end_s: float
    signer: str | None = None
    origin: Origin | None = field(default=None, compare=False, repr=False)


class Faults:
    """Collects everything wrong with one file, to be raised as one error."""

    def __init__(self, file: str) -> None:
        """Start with no fault.

        Args:
            file: the name every line of the error begins with.
        """
        self._file = file
        self._lines: list[str] = []

    def add(self, place: str, *, wanted: str, received: str) -> None:
        """Note one fault: the place (row, column) in the file, what must be there, what is."""
        at = f"{self._file}, {place}" if place else self._file
        self._lines.append(f"{at}: wanted {wanted}; received {received}")

    def __bool__(self) -> bool:
        """Say whether any fault was noted."""
        return bool(self._lines)

    def raise_any(self) -> None:
        """Raise every fault noted so far, one a line.

        Raises:
            InputError: there is at least one fault.
        """
        if self._lines:
            raise InputError("\n".join(self._lines))


def parse_time(text: str, *, place: str, faults: Faults) -> float | None:
    """Read a time in seconds, finite and from 0 on; note a fault and return None otherwise."""
    # Stricter than float(), which also takes "nan", "1_000" and "-1".
    if _TIME.fullmatch(text) and math.isfinite(time_s := float(text)):
        return time_s
    faults.add(place, wanted="a time in seconds, 0 or more", received=repr(text))
    return None


def check_sign(sign: str, *, place: str, faults: Faults) -> None:
    """Note a fault when a sign cannot name a folder on every system."""
    allowed = sign.isprintable() and not set(sign) & set('/\\:*?"<>|') and sign == sign.strip(" .")
    if not sign or not allowed or len(sign) > MAX_SIGN_LENGTH:
        faults.add(
            place,
            wanted=f"a sign of 1 to {MAX_SIGN_LENGTH} printable characters that can name a folder "
            'without /\\:*?"<>| and without a dot or space at either end',
            received=repr(sign),
        )


def check_intervals(
    annotations: Sequence[Annotation],
    *,
    faults: Faults,
    durations_s: Mapping[str, float] | None = None,
) -> None:
    """Note everything wrong with the annotations of one file taken together.

    Args:
        annotations: as read; each must have an origin.
        faults: gets one entry for each fault found.
        durations_s: file names of the videos there are, and their durations in seconds;
            without it, the checks for unknown videos and for too late times are left out.
    """
    videos = defaultdict(list)
    for annotation in annotations:
        videos[annotation.video].append(annotation)
        origin = _origin(annotation)
        if annotation.end_s <= annotation.start_s:
            faults.add(
                origin.end,
                wanted=f"an end after the start at {annotation.start_s:g} s",
                received=f"{annotation.end_s:g} s",
            )
    for video, of_video in videos.items():
        _check_overlaps(of_video, faults=faults)
        if durations_s is not None:
            _check_against_video(of_video, durations_s.get(video), faults=faults)


def _check_overlaps(annotations: Iterable[Annotation], *, faults: Faults) -> None:
    ordered = sorted(annotations, key=lambda each: (each.start_s, each.end_s))
    for earlier, later in itertools.pairwise(ordered):
        if (earlier.sign, earlier.start_s, earlier.end_s) == (
            later.sign,
            later.start_s,
            later.end_s,
        ):
            faults.add(
                _origin(later).sign,
                wanted=f"each sign of a video once; {_origin(earlier).sign} holds the same",
                received=f"{later.sign} in {later.video} at {later.start_s:g} s again",
            )
        elif later.start_s < earlier.end_s - TIME_SLACK_S:
            faults.add(
                _origin(later).start,
                wanted=f"no overlap with {earlier.sign} ({earlier.start_s:g} to "
                f"{earlier.end_s:g} s in {earlier.video}, {_origin(earlier).start})",
                received=f"{later.sign} from {later.start_s:g} to {later.end_s:g} s",
            )


def _check_against_video(
    annotations: Iterable[Annotation], duration_s: float | None, *, faults: Faults
) -> None:
    for annotation in annotations:
        origin = _origin(annotation)
        if duration_s is None:
            faults.add(
                origin.video, wanted="a video that is there", received=f"{annotation.video!r}"
            )
        elif annotation.end_s > duration_s + TIME_SLACK_S:
            faults.add(
                origin.end,
                wanted=f"a time within {annotation.video} ({duration_s:.3f} s long)",
                received=f"{annotation.end_s:g} s",
            )


def _origin(annotation: Annotation) -> Origin:
    if annotation.origin is None:
        message = f"an annotation without an origin cannot be checked: {annotation!r}"
        raise ValueError(message)
    return annotation.origin
