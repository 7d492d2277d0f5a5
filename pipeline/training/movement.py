"""Movements that training invents for the reader of joints, from those it has.

A clip is here 21 joints a moment. Every choice is drawn from the generator that is passed in.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from pipeline.landmarks import LANDMARKS
from pipeline.training.dataset import Draw

Joints = npt.NDArray[np.float32]  # [..., 21, 3]: x, y down and depth, in one unit

NO_SIGN = -1  # the label of a clip that shows none

_IMPRECISE = 0.04  # of the hand's size: a standard deviation of how far joints are off
_SCRAMBLED, _PASSING = 0.25, 0.1  # shares of clips: of those that move; of all
_MOVING = 0.8  # hand sizes: a fingertip that gets around further shows a movement
_TIPS = (4, 8, 12, 16, 20)
_SEEN, _UNSEEN = 4.0, -4.0  # logits of a hand's presence


class Movement(BaseModel):
    """How strongly each kind of invention is used on movements: 0 not at all, 1 as it was designed.

    Attributes:
        pace: a part of the clip only, faster, its moments uneven, some dropped.
        mirror: left for right.
        turn: turned in the picture.
        stretch: wider, narrower, slanted, deeper or flatter.
        drift: the whole hand wandering.
        imprecise: joints off their places.
        away: the hand coming late or leaving early.
        no_sign: hands that pass from sign to sign, and movements out of order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pace: float = Field(default=1.0, ge=0.0, le=1.5)
    mirror: float = Field(default=1.0, ge=0.0, le=2.0)
    turn: float = Field(default=1.0, ge=0.0, le=4.0)
    stretch: float = Field(default=1.0, ge=0.0, le=4.0)
    drift: float = Field(default=1.0, ge=0.0, le=4.0)
    imprecise: float = Field(default=1.0, ge=0.0, le=4.0)
    away: float = Field(default=1.0, ge=0.0, le=4.0)
    no_sign: float = Field(default=1.0, ge=0.0, le=2.0)


AS_MOVED = Movement()


def invent_movement(
    joints: Joints, *, frames: int, rng: np.random.Generator, strength: Movement = AS_MOVED
) -> tuple[Any, Any]:
    """Invent a clip: trimmed, faster, turned, stretched, mirrored, drifting, imprecise, incomplete.

    Args:
        joints: float32 [K, 21, 3], a clip's kept moments.
        frames: T.
        rng: draws everything.
        strength: of each invention.

    Returns:
        Joints float32 [T, 21, 3] and presence logits float32 [T].
    """
    before, after = _draw_away(frames, rng=rng, strength=strength)
    shown = drawn_moments(len(joints), frames - before - after, rng=rng, strength=strength)
    clip = joints[np.pad(shown, (before, after), mode="edge")].astype(np.float64)
    middle = clip[..., :2].mean(axis=(0, 1))
    clip[..., :2] = (clip[..., :2] - middle) @ _draw_warp(rng, strength=strength).T
    clip[..., 2] *= np.exp(rng.normal(0.0, 0.2 * strength.stretch))
    size = (clip[..., :2].max(axis=1) - clip[..., :2].min(axis=1)).max(axis=-1).mean()
    clip[..., :2] += size * strength.drift * _draw_drift(frames, rng=rng)[:, None]
    off = _IMPRECISE * size * strength.imprecise
    clip[..., :2] += rng.normal(0.0, off, clip[..., :2].shape)  # each frame is imprecise
    clip[..., :2] += rng.normal(0.0, off, (1, LANDMARKS, 2))  # and each hand is another
    presence = np.full(frames, _SEEN) + rng.normal(0.0, 1.0, frames)
    for away in (slice(0, before), slice(frames - after, frames)):
        _lead_away(clip[away], presence[away], size=size, rng=rng)
    clip[..., :2] += middle
    return clip.astype(np.float32), presence.astype(np.float32)


def drawn_moments(
    kept: int, count: int, *, rng: np.random.Generator, strength: Movement
) -> npt.NDArray[np.intp]:
    """Draw a stretch of at least half the clip, and even moments of it, each a little off."""
    length = kept * (rng.uniform(0.5, 1.0) if rng.random() < 0.6 * strength.pace else 1.0)
    start = rng.uniform(0.0, kept - length)
    uneven = 0.5 + 0.3 * strength.pace * rng.uniform(-1.0, 1.0, count)
    centres = start + (np.arange(count) + uneven) * length / count
    return np.clip(centres, 0, kept - 1).astype(np.intp)


def _draw_warp(rng: np.random.Generator, *, strength: Movement) -> npt.NDArray[np.float64]:
    angle = rng.normal(0.0, 0.2 * strength.turn)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag(np.exp(rng.normal(0.0, 0.1 * strength.stretch, 2)))
    shear = np.array([[1.0, rng.normal(0.0, 0.1 * strength.stretch)], [0.0, 1.0]])
    warp: npt.NDArray[np.float64] = turn @ stretch @ shear
    return warp @ np.diag([-1.0, 1.0]) if rng.random() < 0.5 * strength.mirror else warp


def _draw_drift(frames: int, *, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw a slow wandering of the whole hand, in hand sizes [T, 2]."""
    time = np.linspace(-0.5, 0.5, frames)[:, None]
    slide = rng.normal(0.0, 0.12, 2) * time
    sway = rng.normal(0.0, 0.04, 2) * np.sin(rng.uniform(3, 9) * time + rng.uniform(0, 6))
    return slide + sway


def _draw_away(frames: int, *, rng: np.random.Generator, strength: Movement) -> tuple[int, int]:
    """Draw how many frames the hand comes late, and how many it leaves early."""
    most = max(1, frames // 4)
    before, after = (
        int(rng.integers(1, most + 1)) if rng.random() < 0.25 * strength.away else 0
        for _ in range(2)
    )
    return before, after


def _lead_away(clip: Any, presence: Any, *, size: float, rng: np.random.Generator) -> None:  # noqa: ANN401 - arrays changed in place
    """Make the hand of some frames one that is under way and opening, or that nobody sees."""
    count = len(clip)
    clip[..., :2] += size * rng.normal(0.0, 0.5, (count, 1, 2))
    clip += rng.normal(0.0, 0.15 * size, (count, LANDMARKS, 3))
    if rng.random() < 0.5:
        presence[:] = _UNSEEN + rng.normal(0.0, 1.0, count)


class MovementBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of invented clips: joints [B, T, 21, 3], presence [B, T], and labels [B].

    Some show no sign: hands that pass from sign to sign, and movements whose frames are in another
    order. Without those, it is enough to see that a hand moves, and not how.

    Args:
        joints: float32 [M, K, 21, 3], clips' kept moments.
        labels: int64 [M].
        drawn: float32 [P, S, K, 21, 3] of drawn signers; may hold none.
        drawn_labels: int64 [S].
        share: of a batch that is drawn.
        frames: T.
        strength: of each invention.
        draw: how much, and from which seed.
    """

    def __init__(
        self,
        joints: Joints,
        labels: npt.NDArray[np.int64],
        *,
        drawn: Joints,
        drawn_labels: npt.NDArray[np.int64],
        share: float,
        frames: int,
        strength: Movement,
        draw: Draw,
    ) -> None:
        """Remember where to draw from."""
        super().__init__()
        self.joints, self.labels = joints, labels
        self.drawn, self.drawn_labels = drawn, drawn_labels
        self.share, self.frames, self.strength, self.draw = share, frames, strength, draw

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return self.draw.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Invent one batch; a label of `NO_SIGN` says that a clip shows none."""
        rng = self.draw.generator(index)
        batch = self.draw.batch
        clips = np.empty((batch, self.frames, LANDMARKS, 3), np.float32)
        presence = np.empty((batch, self.frames), np.float32)
        labels = np.empty(batch, np.int64)
        for place in range(batch):
            clips[place], presence[place], labels[place] = self._invent(rng)
            chance = rng.random()
            none = self.strength.no_sign
            if chance < _SCRAMBLED * none and travel(clips[place]) > _MOVING:
                clips[place], labels[place] = rng.permutation(clips[place]), NO_SIGN
            elif chance > 1.0 - _PASSING * none:
                others = [self._invent(rng)[0] for _ in range(int(rng.integers(2, 6)))]
                clips[place], labels[place] = pass_on([clips[place], *others]), NO_SIGN
        return (clips, presence), labels

    def _invent(self, rng: np.random.Generator) -> tuple[Any, Any, int]:
        """Invent one clip of a sign: joints, presence and label."""
        if self.drawn.size and rng.random() < self.share:
            sign = rng.integers(len(self.drawn_labels))
            joints, label = self.drawn[rng.integers(len(self.drawn)), sign], self.drawn_labels[sign]
        else:
            clip = rng.integers(len(self.joints))
            joints, label = self.joints[clip], self.labels[clip]
        invented = invent_movement(joints, frames=self.frames, rng=rng, strength=self.strength)
        return *invented, int(label)


def travel(joints: Joints) -> float:
    """Return how far a fingertip gets around in a clip [T, 21, 3], in hand sizes."""
    place = joints[..., :2]
    size = (place.max(axis=1) - place.min(axis=1)).max(axis=-1).mean()
    return float(np.ptp(place[:, _TIPS], axis=0).max() / max(size, 1e-6))


def pass_on(clips: Sequence[Joints]) -> Joints:
    """Let a hand pass from clip to clip [T, 21, 3], each shown for its part of the time."""
    frames = len(clips[0])
    place = clips[0][..., :2].mean(axis=(0, 1))
    shown = np.empty_like(clips[0])
    for moment in range(frames):
        clip = clips[moment * len(clips) // frames]
        shown[moment] = clip[moment]
        shown[moment, :, :2] += place - clip[..., :2].mean(axis=(0, 1))
    return shown
