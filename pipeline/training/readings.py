"""What trained parts say of whole clips: where the hand is, its joints, each frame's sign."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.files import whole_file
from pipeline.landmarks import LANDMARKS
from pipeline.network.composition import SignNetwork
from pipeline.network.squares import Tensor
from pipeline.training.augmentation import warp_square
from pipeline.training.scenes import draw_window_beside
from pipeline.training.stage import JIT_COMPILE
from pipeline.training.store import Box, Store

Array = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Readings:
    """Clips, read frame by frame.

    Attributes:
        frame_logits: float32 [M, T, L].
        joints: float32 [M, T, 21, 3], as fractions of the canvas.
        boxes: float32 [M, T, 3], centre x, centre y, side as fractions of the canvas.
        presence: float32 [M, T], logits that there is a hand.
    """

    frame_logits: Array
    joints: Array
    boxes: Array
    presence: Array


class Compiled(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """A function of tensors, compiled as the backend can: arrays in, arrays out.

    Args:
        function: what to compile; its inputs keep their dtypes.
        parts: the models that it calls.
    """

    def __init__(self, function: Callable[..., Any], *, parts: Sequence[keras.Model]) -> None:
        """Remember the function."""
        super().__init__(dtype="float32")
        self.function, self.called = function, list(parts)
        self.compile(jit_compile=JIT_COMPILE)

    def call(self, inputs: Sequence[Tensor], training: bool = False) -> Any:  # noqa: ANN401, ARG002, FBT001, FBT002 - Keras' own
        """Call the function."""
        return self.function(*inputs)


def even_moments(kept: int, count: int) -> npt.NDArray[np.intp]:
    """Return the moments nearest to the centres of `count` equal spans of `kept` moments."""
    return np.ceil((np.arange(count) + 0.5) * kept / count - 1.0).astype(np.intp)


def read_plain(network: SignNetwork, store: Store, rows: Rows) -> Readings:
    """Read clips as serving does: T even moments, the hand found in those alone."""
    moments = even_moments(store.frames.shape[1], network.recipe.frames_per_clip)

    return _read(network, (store.frames[row][moments] for row in rows), frames=len(moments))


class PlainReader:
    """Reads the same clips as `read_plain` does, time and again, while the backbone learns.

    The localiser must have learnt: where the hand is at a first look is asked once.
    """

    def __init__(self, network: SignNetwork, store: Store, rows: Rows) -> None:
        """Remember what to read; nothing is read yet."""
        self._network, self._store, self._rows = network, store, rows
        self._moments = even_moments(store.frames.shape[1], network.recipe.frames_per_clip)
        self._model = Compiled(self._look, parts=list(network.parts.values()))

    def __call__(self) -> Readings:
        """Read the clips with what the backbone knows by now."""
        boxes, presence = self._located
        said = [
            self._model.predict_on_batch([self._store.frames[row][self._moments], located])
            for row, located in zip(self._rows, boxes, strict=True)
        ]
        logits, joints, looked_at = (np.stack(part) for part in zip(*said, strict=True))
        return Readings(logits, joints, looked_at, presence)

    def _look(self, canvases: Tensor, boxes: Tensor) -> tuple[Tensor, ...]:
        canvases = ops.cast(canvases, "float32")
        boxes = self._network.look_again(canvases, boxes)
        return (*self._network.describe(canvases, boxes), boxes)

    @cached_property
    def _located(self) -> tuple[Array, Array]:
        return locate_clips(self._network, self._store, self._rows, moments=self._moments)


def read_beside(network: SignNetwork, store: Store, rows: Rows, *, seed: int) -> Readings:
    """Read clips that show no hand: each one through a window beside its hand.

    They show faces, rooms and walls. Clips whose hand leaves no room beside it are left out.
    """
    rng = np.random.default_rng((seed, 6))
    size_px = store.frames.shape[2]
    moments = even_moments(store.frames.shape[1], network.recipe.frames_per_clip)

    def clips() -> Iterator[npt.NDArray[np.uint8]]:
        for row in rows:
            seen = [store.picture(row, moment) for moment in moments]
            around = _around([each.box for each in seen])
            window = draw_window_beside(seen[0].pixels, around, rng=rng)
            if window is not None:
                yield np.stack([warp_square(s.pixels, window, size_px=size_px)[0] for s in seen])

    return _read(network, clips(), frames=len(moments))


def pass_between(readings: Readings, signers: Sequence[str], *, seed: int) -> Readings:
    """Make clips of hands that pass from sign to sign: each moment is of another clip of a signer.

    Args:
        readings: clips of signs, M of them.
        signers: who signs in each.
        seed: of which moments go together.

    Returns:
        As many clips as have enough others of their signer, none of which shows a sign.
    """
    rng = np.random.default_rng((seed, 8))
    frames = readings.presence.shape[1]
    chosen = []
    for signer in signers:
        others = np.flatnonzero(np.array(signers) == signer)
        if len(others) >= frames:
            chosen.append(rng.choice(others, frames, replace=False))
    clips = np.array(chosen, np.intp).reshape(-1, frames)
    moments = np.arange(frames)
    return Readings(
        readings.frame_logits[clips, moments],
        readings.joints[clips, moments],
        readings.boxes[clips, moments],
        readings.presence[clips, moments],
    )


def judge_readings(network: SignNetwork, readings: Readings) -> dict[str, Array]:
    """Read whole clips: what `SignNetwork.read` returns, as arrays."""
    if not len(readings.presence):
        return dict.fromkeys(
            (*network.config.readers, "logits"), np.empty((0, network.signs), np.float32)
        )
    model = Compiled(network.read, parts=[network.parts["motion"], network.parts["blend"]])
    said: dict[str, Array] = model.predict_on_batch(
        [readings.frame_logits, readings.joints, readings.presence]
    )
    return said


def _read(network: SignNetwork, clips: Iterable[npt.NDArray[np.uint8]], *, frames: int) -> Readings:
    """Read canvases uint8 [T, S, S, 3] of clips, one clip after the other."""

    def read(canvases: Tensor) -> tuple[Tensor, ...]:
        canvases = ops.cast(canvases, "float32")
        boxes, presence = network.find(canvases, frames=frames)
        return (*network.describe(canvases, boxes), boxes, presence)

    model = Compiled(read, parts=list(network.parts.values()))
    shapes = ((frames, network.signs), (frames, LANDMARKS, 3), (frames, 3), (frames,))
    parts: tuple[list[Array], ...] = ([], [], [], [])
    for clip in clips:
        for part, said in zip(parts, model.predict_on_batch([clip]), strict=True):
            part.append(said)
    return Readings(
        *(
            np.array(part, np.float32).reshape(-1, *shape)
            for part, shape in zip(parts, shapes, strict=True)
        )
    )


def read_joints(network: SignNetwork, store: Store, rows: Rows) -> Array:
    """Find the joints in all kept frames of clips, where the store says the hand is.

    Returns:
        float32 [M, K, 21, 3], as fractions of the canvas.
    """

    def read(canvases: Tensor, boxes: Tensor) -> Tensor:
        return network.describe(ops.cast(canvases, "float32"), boxes)[1]

    model = Compiled(read, parts=list(network.parts.values()))
    joints = np.empty((len(rows), store.frames.shape[1], LANDMARKS, 3), np.float32)
    for place, row in enumerate(rows):
        joints[place] = model.predict_on_batch([store.frames[row], store.boxes[row]])
    return joints


def locate_unknown(store: Store, network: SignNetwork, *, cache: Path) -> Array:
    """Fill in the hand boxes that a store does not know; kept in the file `cache`.

    Returns:
        float32 [N, K, 3].
    """
    if cache.is_file():
        found: Array = np.load(cache, allow_pickle=False)
        return found
    boxes = store.boxes.copy()
    model = _locator(network, frames=store.frames.shape[1])
    for row in np.flatnonzero(np.isnan(boxes).any((1, 2))):
        found = model.predict_on_batch([store.frames[row]])[0]
        boxes[row] = np.where(np.isnan(boxes[row]), found, boxes[row])
    with whole_file(cache) as temporary, temporary.open("wb") as stream:
        np.save(stream, boxes)
    return boxes


def locate_clips(
    network: SignNetwork, store: Store, rows: Rows, *, moments: npt.NDArray[np.intp]
) -> tuple[Array, Array]:
    """Find the hand in the same moments of clips.

    Returns:
        Boxes float32 [M, T, 3], as fractions of the canvas, and presence float32 [M, T], logits.
    """
    model = _locator(network, frames=len(moments))
    found = [model.predict_on_batch([store.frames[row][moments]]) for row in rows]
    boxes, presence = (np.stack(part) for part in zip(*found, strict=True))
    return boxes, presence


def _locator(network: SignNetwork, *, frames: int) -> Compiled:
    def locate(canvases: Tensor) -> tuple[Tensor, Tensor]:
        boxes, presence = network.locate(ops.cast(canvases, "float32"), frames=frames)
        return boxes, presence

    return Compiled(locate, parts=[network.parts["localiser"], network.parts["presence"]])


def _around(boxes: list[Box]) -> Box:
    """Return the square around several."""
    squares = np.array(boxes)
    low = (squares[:, :2] - squares[:, 2:] / 2).min(axis=0)
    high = (squares[:, :2] + squares[:, 2:] / 2).max(axis=0)
    middle = (low + high) / 2
    return float(middle[0]), float(middle[1]), float((high - low).max())
