"""Whole scenes for the localiser, drawn from a store of clips, each invented anew."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.network.config import NetworkConfig
from pipeline.network.localiser import CELL_PX, cell_centres
from pipeline.network.squares import scale_pixels
from pipeline.training.augmentation import (
    Augmentation,
    Picture,
    apply_look,
    cover_bars,
    draw_border,
    draw_look,
    warp_square,
)
from pipeline.training.dataset import AHEAD, THREADS, Draw
from pipeline.training.store import Box, Store

EMPTY_SCENES = 1 / 7
_EITHER_HAND = Augmentation(mirror=2.5)  # half of them: where a hand is has no side


class SceneBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of whole scenes for the localiser, with the targets of its maps.

    A scene shows a clip's canvas through an invented camera: the hand from a twelfth of the picture
    to all of it, anywhere. Some scenes are cut beside the hand, so that they show none.
    """

    def __init__(
        self,
        store: Store,
        rows: npt.NDArray[np.intp],
        *,
        config: NetworkConfig,
        draw: Draw,
        empty: float = EMPTY_SCENES,
    ) -> None:
        """Remember where to draw from, and the share of scenes to cut beside the hand."""
        super().__init__(workers=THREADS, max_queue_size=AHEAD)
        self.store, self.drawn_rows = store, rows
        self.config, self.draw, self.empty = config, draw, empty

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return self.draw.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Draw one batch."""
        rng = self.draw.generator(index)
        size_px = self.config.localiser_px
        scenes = np.empty((self.draw.batch, size_px, size_px, 3), np.float32)
        boxes = np.zeros((self.draw.batch, 3), np.float32)  # a side of 0: no hand
        for place, row in enumerate(rng.choice(self.drawn_rows, self.draw.batch)):
            shown = self.store.picture(row, int(rng.integers(self.store.frames.shape[1])))
            scenes[place], boxes[place] = draw_scene(
                shown.pixels, shown.box, size_px=size_px, empty=self.empty, rng=rng
            )
        return scale_pixels(scenes), scene_targets(boxes, size_px=size_px)


def draw_scene(
    picture: Picture,
    box: Box,
    *,
    size_px: int,
    rng: np.random.Generator,
    empty: float = EMPTY_SCENES,
) -> tuple[Picture, Box]:
    """Invent a scene and say where its hand is, as fractions; a side of 0 says that it shows none.

    Args:
        picture: uint8 [H, W, 3].
        box: the hand's centre x, centre y and side in pixels.
        size_px: side of the scene.
        rng: draws everything.
        empty: how often to try to cut the scene beside the hand.
    """
    look = draw_look(rng, strength=_EITHER_HAND)
    window = draw_window_beside(picture, box, rng=rng) if rng.random() < empty else None
    shows_hand = window is None
    if window is None:
        share = float(np.exp(rng.uniform(np.log(0.09), np.log(0.95))))
        if rng.random() < 0.4:
            share = box[2] / max(picture.shape[:2]) * float(np.exp(rng.normal(0.0, 0.15)))
        reach = max(0.0, 0.5 - 0.35 * share)
        side = box[2] / share
        off = rng.uniform(-reach, reach, 2) * side
        window = (box[0] + off[0], box[1] + off[1], side)
    scene, matrix = warp_square(
        picture,
        window,
        size_px=size_px,
        angle=float(rng.normal(0.0, 0.1)),
        stretch=float(np.exp(rng.normal(0.0, 0.06))),
        mirror=look.mirror,
        border=draw_border(rng),
    )
    scene = apply_look(scene, look, rng=rng)
    if rng.random() < 0.3:
        scene = cover_bars(scene, rng=rng)
    if not shows_hand:
        return scene, (0.0, 0.0, 0.0)
    x, y = (matrix @ np.array([box[0], box[1], 1.0])) / size_px
    return scene, (float(x), float(y), box[2] / window[2])


def draw_window_beside(picture: Picture, box: Box, *, rng: np.random.Generator) -> Box | None:
    """Draw a square within the picture that shows no hand; None where the hand leaves no room."""
    height, width = picture.shape[:2]
    x, y, reach = box[0], box[1], 0.6 * box[2]
    free = [
        (0.0, 0.0, x - reach, height),
        (x + reach, 0.0, width, height),
        (0.0, 0.0, width, y - reach),
        (0.0, y + reach, width, height),
    ]
    free = [room for room in free if min(room[2] - room[0], room[3] - room[1]) >= 0.2 * height]
    if not free:
        return None
    left, top, right, bottom = free[rng.integers(len(free))]
    side = min(right - left, bottom - top) * rng.uniform(0.6, 1.0)
    return (
        float(rng.uniform(left + side / 2, right - side / 2)),
        float(rng.uniform(top + side / 2, bottom - side / 2)),
        float(side) * 0.95,
    )


def scene_targets(boxes: npt.NDArray[np.float32], *, size_px: int) -> dict[str, Any]:
    """Turn boxes [N, 3] (side 0: no hand) into the targets of the localiser's maps.

    Returns:
        ``heat`` float32 [N, C]: a normal distribution over the cells around the centre, zeros where
        there is no hand; ``boxes`` float32 [N, C, 4]: the box, and the heat as its weight.
    """
    cells = cell_centres(size_px)
    away = cells[None] - boxes[:, None, :2]
    spread = np.maximum(0.12 * boxes[:, 2], 1.0 * CELL_PX / size_px)[:, None]
    heat = np.exp(-0.5 * (away**2).sum(-1) / spread**2)
    heat /= heat.sum(-1, keepdims=True)
    seen = (boxes[:, 2] > 0).astype(np.float32)
    heat = (heat * seen[:, None]).astype(np.float32)
    everywhere = np.repeat(boxes[:, None], len(cells), axis=1)
    weighted = np.concatenate([everywhere, heat[..., None]], axis=-1).astype(np.float32)
    return {"heat": heat, "boxes": weighted}
