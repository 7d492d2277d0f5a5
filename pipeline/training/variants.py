"""Whole clips as the temporal part sees them: features and hand paths, plain or invented anew."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from keras import ops

from pipeline.files import whole_file
from pipeline.network.composition import SignNetwork
from pipeline.network.config import FEATURES
from pipeline.network.squares import scale_pixels
from pipeline.network.temporal import describe_path
from pipeline.training.augmentation import Look, draw_look, warp_square
from pipeline.training.dataset import draw_crop, draw_window_beside
from pipeline.training.store import Box, Store

_THREADS, _AHEAD = 2, 8  # OpenCV lets go of Python's lock

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Sightings:
    """Where the localiser sees the hand in every kept frame of a store.

    Attributes:
        boxes: float32 [N, K, 3], centre x, centre y, side as fractions of the canvas.
        presence: float32 [N, K], logit that there is a hand.
    """

    boxes: npt.NDArray[np.float32]
    presence: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Variants:
    """Clips described frame by frame.

    Attributes:
        features: float16 [M, T, 2048].
        boxes: float32 [M, T, 3].
        presence: float32 [M, T].
    """

    features: npt.NDArray[np.float16]
    boxes: npt.NDArray[np.float32]
    presence: npt.NDArray[np.float32]

    def frame_logits(self, network: SignNetwork) -> npt.NDArray[np.float32]:
        """Read each frame alone: float32 [M, T, L]."""
        kernel, bias = network.parts["frame_head"].get_weights()
        logits: npt.NDArray[np.float32] = self.features.astype(np.float32) @ kernel + bias
        return logits

    def inputs(self, network: SignNetwork) -> list[npt.NDArray[Any]]:
        """Return what the reader takes: features, frame logits and path."""
        path = ops.convert_to_numpy(
            describe_path(ops.convert_to_tensor(self.boxes), ops.convert_to_tensor(self.presence))
        )
        return [self.features, self.frame_logits(network), path]


def locate_all(store: Store, network: SignNetwork, *, cache: Path) -> Sightings:
    """Find the hand in every kept frame, or read what was found from the file `cache`."""
    if cache.is_file():
        with np.load(cache, allow_pickle=False) as arrays:
            return Sightings(arrays["boxes"], arrays["presence"])
    boxes, presence = np.empty_like(store.boxes), np.empty(store.boxes.shape[:2], np.float32)
    for row, frames in enumerate(store.frames):
        canvases = ops.cast(ops.convert_to_tensor(frames), "float32")
        found, seen = network.locate(canvases, frames=len(frames))
        boxes[row], presence[row] = ops.convert_to_numpy(found), ops.convert_to_numpy(seen)
    with whole_file(cache) as temporary, temporary.open("wb") as stream:
        np.savez(stream, boxes=boxes, presence=presence)
    return Sightings(boxes, presence)


def even_moments(kept: int, count: int) -> npt.NDArray[np.intp]:
    """Return the moments nearest to the centres of `count` equal spans of `kept` moments."""
    return np.ceil((np.arange(count) + 0.5) * kept / count - 1.0).astype(np.intp)


def plain_variants(network: SignNetwork, store: Store, rows: npt.NDArray[np.intp]) -> Variants:
    """Describe clips as serving does: T even moments, the hand found in those alone."""
    moments = even_moments(store.frames.shape[1], network.recipe.frames_per_clip)
    shape = (len(rows), len(moments))
    features = np.empty((*shape, FEATURES), np.float16)
    boxes, presence = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
    for place, row in enumerate(rows):
        canvases = ops.cast(ops.convert_to_tensor(store.frames[row][moments]), "float32")
        found, seen = network.locate(canvases, frames=len(moments))
        described, _ = network.describe(canvases, found)
        features[place] = ops.convert_to_numpy(described)
        boxes[place], presence[place] = ops.convert_to_numpy(found), ops.convert_to_numpy(seen)
    return Variants(features, boxes, presence)


def draw_variants(
    network: SignNetwork,
    store: Store,
    rows: npt.NDArray[np.intp],
    sightings: Sightings,
    *,
    count: int,
    seed: int,
) -> Variants:
    """Invent `count` variants of each clip: trimmed, faster, mirrored, with a new look."""
    frames, config = network.recipe.frames_per_clip, network.config

    def draw(place: int) -> tuple[npt.NDArray[np.intp], Look, npt.NDArray[np.float32]]:
        rng = np.random.default_rng((seed, place))
        moments = _drawn_moments(store.frames.shape[1], frames, rng=rng)
        look = draw_look(rng)
        seen = [store.picture(rows[place // count], moment) for moment in moments]
        crops = [
            draw_crop(picture, box, config=config, look=look, rng=rng) for picture, box in seen
        ]
        return moments, look, np.stack(crops).astype(np.float32)

    shape = (len(rows) * count, frames)
    features = np.empty((*shape, FEATURES), np.float16)
    boxes, presence = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
    for place, (moments, look, crops) in enumerate(_drawn_ahead(draw, shape[0])):
        described = network.parts["backbone"].predict_on_batch(scale_pixels(crops))
        features[place] = described
        row = rows[place // count]
        boxes[place], presence[place] = (
            sightings.boxes[row][moments],
            sightings.presence[row][moments],
        )
        if look.mirror:
            boxes[place, :, 0] = 1.0 - boxes[place, :, 0]
    return Variants(features, boxes, presence)


def _drawn_ahead(draw: Callable[[int], Drawn], count: int) -> Iterator[Drawn]:
    """Draw 0 to `count` in order, a few ahead, while the backbone looks at those before."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = deque(pool.submit(draw, place) for place in range(min(_AHEAD, count)))
        for place in range(count):
            yield waiting.popleft().result()
            if place + _AHEAD < count:
                waiting.append(pool.submit(draw, place + _AHEAD))


def empty_variants(
    network: SignNetwork, store: Store, rows: npt.NDArray[np.intp], *, seed: int
) -> npt.NDArray[np.float32]:
    """Look for a hand in clips that show none: each clip seen through a window beside the hand.

    Returns:
        float32 [M, T], presence logits; clips whose hand leaves no room beside it are left out.
    """
    rng = np.random.default_rng((seed, 6))
    size_px = store.frames.shape[2]
    presence = []
    for row in rows:
        moments = even_moments(store.frames.shape[1], network.recipe.frames_per_clip)
        seen = [store.picture(row, moment) for moment in moments]
        window = draw_window_beside(seen[0][0], _around([box for _, box in seen]), rng=rng)
        if window is None:
            continue
        scenes = [warp_square(picture, window, size_px=size_px)[0] for picture, _ in seen]
        canvases = ops.convert_to_tensor(np.stack(scenes).astype(np.float32))
        _, logits = network.locate(canvases, frames=len(moments))
        presence.append(ops.convert_to_numpy(logits))
    return np.array(presence, np.float32).reshape(len(presence), -1)


def _around(boxes: list[Box]) -> Box:
    """Return the square around several."""
    squares = np.array(boxes)
    low = (squares[:, :2] - squares[:, 2:] / 2).min(axis=0)
    high = (squares[:, :2] + squares[:, 2:] / 2).max(axis=0)
    middle = (low + high) / 2
    return float(middle[0]), float(middle[1]), float((high - low).max())


def read_clips(network: SignNetwork, variants: Variants) -> npt.NDArray[np.float32]:
    """Read clips with the temporal part: float32 logits [M, L]."""
    inputs = [ops.convert_to_tensor(part.astype(np.float32)) for part in variants.inputs(network)]
    logits: npt.NDArray[np.float32] = ops.convert_to_numpy(
        network.parts["reader"](inputs, training=False)
    )
    return logits


def _drawn_moments(kept: int, count: int, *, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw a stretch of at least half the clip, and even moments of it, each a little off."""
    length = kept * (1.0 if rng.random() < 0.4 else rng.uniform(0.5, 1.0))
    start = rng.uniform(0.0, kept - length)
    centres = start + (np.arange(count) + rng.uniform(0.2, 0.8, count)) * length / count
    return np.clip(centres, 0, kept - 1).astype(np.intp)
