"""When a signer does what: the states of a hand, frame by frame, of a clip or a whole tutorial."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd

import numpy as np

from pipeline.drawing.motion import HandState, Performance, between, lowered, shaken, tremor
from pipeline.drawing.sign_table import SIGNS
from pipeline.drawing.signer import Signer
from signwrite.errors import InputError

PAUSE_S = 0.4  # least time between two signs of a tutorial
_WAY_S = 0.3  # most time in which a hand comes into a clip, and in which it leaves
_WAY_SHARE = 0.2  # the same as a share of the clip
_TREMBLING = 26  # numbers of a state that tremble
# How far a signer's habits lie from the table: standard deviations in degrees.
_JOINT_HABIT, _SPREAD_HABIT, _THUMB_HABIT, _TURN_HABIT = 3.0, 1.5, 1.5, 7.0


@dataclass(frozen=True)
class Span:
    """Frames start to stop - 1 of a video show a sign."""

    sign: str
    start: int
    stop: int


@dataclass(frozen=True)
class Plan:
    """The course of a tutorial.

    Attributes:
        spans: the signs in order, pauses between them, before the first and after the last.
        frames: the number of frames of the whole video.
    """

    spans: tuple[Span, ...]
    frames: int


def perform(sign: str, signer: Signer) -> Performance:
    """Return a sign as one signer always does it.

    Raises:
        InputError: no such sign can be drawn.
    """
    if sign not in SIGNS:
        raise InputError(f"a sign that can be drawn, one of {', '.join(SIGNS)}; received {sign!r}")
    rng = np.random.default_rng([signer.seed, 4, zlib.crc32(sign.encode())])
    finger = [_JOINT_HABIT] * 3 + [_SPREAD_HABIT]
    scale = np.array([*(finger * 4), *([_THUMB_HABIT] * 5)])
    turn = np.radians(rng.normal(0, _TURN_HABIT, 3))
    return Performance(SIGNS[sign], rng.normal(0, 1, len(scale)) * scale, turn)


def clip_states(sign: str, signer: Signer, *, frames: int, fps: Fraction) -> Iterator[HandState]:
    """Yield the states of a clip: the hand comes, signs and goes.

    Raises:
        InputError: no such sign can be drawn.
    """
    way = min(round(_WAY_S * fps), int(_WAY_SHARE * frames))
    spans = (Span(sign, way, frames - way),)
    yield from plan_states(Plan(spans, frames), signer, fps=fps)


def plan_tutorial(signer: Signer, signs: Sequence[str], *, seconds: float) -> Plan:
    """Lay signs one after the other with pauses, as the tutorials this project learns from do.

    Every start and stop is a whole number of frames and a whole number of hundredths of a second,
    so that an annotation with two decimals is exact.

    Args:
        signer: gives the frame rate and the tempo.
        signs: in order.
        seconds: how long a sign lasts at tempo 1, about.
    """
    step = signer.fps // gcd(signer.fps, 100)
    pause = step * ceil(Fraction(str(PAUSE_S)) * signer.fps / step)
    length = step * max(1, round(seconds / signer.tempo * signer.fps / step))
    starts = [pause + place * (length + pause) for place in range(len(signs))]
    spans = tuple(Span(sign, at, at + length) for sign, at in zip(signs, starts, strict=True))
    return Plan(spans, pause + len(spans) * (length + pause))


def plan_states(plan: Plan, signer: Signer, *, fps: Fraction) -> Iterator[HandState]:
    """Yield the hand's state of every frame of a plan.

    Raises:
        InputError: a sign cannot be drawn.
    """
    phases = np.random.default_rng([signer.seed, 5]).uniform(0, 2 * np.pi, (_TREMBLING, 2))
    for index, state in enumerate(_steady_states(plan, signer)):
        shake = tremor(float(index / fps), phases=phases, strength=signer.tremor)
        yield shaken(state, shake)


def _steady_states(plan: Plan, signer: Signer) -> Iterator[HandState]:
    """Yield the states of a plan for a hand that does not tremble."""
    away = lowered(_palms_to_bottom(signer))
    here, at = away, 0
    for span in plan.spans:
        performance = perform(span.sign, signer)
        through = away if signer.drops_hand and here is not away else None
        yield from _pause(here, performance.at(0.0), frames=span.start - at, by_way_of=through)
        last = max(1, span.stop - span.start - 1)
        for index in range(span.stop - span.start):
            yield performance.at(index / last)
        here, at = performance.at(1.0), span.stop
    yield from _pause(here, away, frames=plan.frames - at, by_way_of=None)


def _pause(
    before: HandState, after: HandState, *, frames: int, by_way_of: HandState | None
) -> Iterator[HandState]:
    """Yield the states strictly between two."""
    for index in range(frames):
        yield between(before, after, (index + 1) / (frames + 1), by_way_of=by_way_of)


def _palms_to_bottom(signer: Signer) -> float:
    """Return how far, in palm lengths, a hand must sink to be out of the picture."""
    below = signer.size_px[1] - signer.hand_px[1]
    return below / signer.palm_px + 1.8
