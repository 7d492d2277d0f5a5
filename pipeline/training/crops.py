"""Hand crops for the backbone, drawn from a store of clips, each invented anew."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.landmarks import LANDMARKS
from pipeline.network.config import NetworkConfig
from pipeline.network.squares import scale_pixels
from pipeline.training.augmentation import (
    Augmentation,
    Picture,
    apply_look,
    draw_border,
    draw_look,
    erase_patch,
    warp_square,
)
from pipeline.training.backdrop import draw_backdrop, replace_background
from pipeline.training.dataset import AHEAD, THREADS, Draw
from pipeline.training.store import Shown, Store

_OTHER_BACKGROUND = 0.4  # share of crops
_LOOSE = 0.2  # share of crops
_LOOSER = 2.0  # how much further off their boxes are


class CropBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of hand crops for the backbone, with what they show.

    Crops are float32 [N, px, px, 3] in [-1, 1]. The targets: ``signs``, labels int64 [N];
    ``joints`` and ``heat``, both float32 [N, 64]: the joints as the landmark head says them, then 1
    where they are known, or 0.
    """

    def __init__(
        self,
        store: Store,
        rows: npt.NDArray[np.intp],
        labels: npt.NDArray[np.int64],
        *,
        config: NetworkConfig,
        strength: Augmentation,
        draw: Draw,
    ) -> None:
        """Remember where to draw from."""
        super().__init__(workers=THREADS, max_queue_size=AHEAD)
        self.store, self.drawn_rows, self.labels = store, rows, labels
        self.config, self.strength, self.draw = config, strength, draw

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return self.draw.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Draw one batch."""
        rng = self.draw.generator(index)
        rows = rng.choice(self.drawn_rows, self.draw.batch)
        crops = np.empty((self.draw.batch, self.config.crop_px, self.config.crop_px, 3), np.float32)
        joints = np.zeros((self.draw.batch, 3 * LANDMARKS + 1), np.float32)
        for place, row in enumerate(rows):
            shown = self.store.picture(row, int(rng.integers(self.store.frames.shape[1])))
            other = None
            if rng.random() < _OTHER_BACKGROUND * self.strength.background:
                behind = rng.choice(self.drawn_rows)
                other = self.store.picture(behind, int(rng.integers(self.store.frames.shape[1])))
            crops[place], placed = draw_crop(
                shown, config=self.config, strength=self.strength, rng=rng, other=other
            )
            if np.isfinite(placed).all():
                joints[place] = (*placed.ravel(), 1.0)
        targets = {"signs": self.labels[rows], "joints": joints, "heat": joints}
        return scale_pixels(crops), targets


def draw_crop(
    shown: Shown,
    *,
    config: NetworkConfig,
    strength: Augmentation,
    rng: np.random.Generator,
    other: Shown | None = None,
) -> tuple[Picture, npt.NDArray[np.float64]]:
    """Invent a hand crop: the box a little off, turned, lit, compressed, before another background.

    Args:
        shown: a frame.
        config: of the network.
        strength: of each invention.
        rng: draws everything.
        other: a frame for the background; without it, the hand keeps its own.

    Returns:
        The crop, and its joints [21, 3] in its sides; not a number where they are not known.
    """
    look = draw_look(rng, strength=strength)
    x, y, side = shown.box
    # A first look, before the joints are known, may be further off than a second.
    looser = _LOOSER if rng.random() < _LOOSE * strength.loose else 1.0
    crop = (
        x + side * rng.normal(0.0, 0.06 * looser * strength.shift),
        y + side * rng.normal(0.0, 0.06 * looser * strength.shift),
        side * config.crop_margin * float(np.exp(rng.normal(0.0, 0.14 * looser * strength.scale))),
    )
    square, matrix = warp_square(
        shown.pixels,
        crop,
        size_px=config.crop_px,
        angle=float(rng.normal(0.0, 0.16 * strength.turn)),
        stretch=float(np.exp(rng.normal(0.0, 0.08 * strength.stretch))),
        mirror=look.mirror,
        border=draw_border(rng, strength=strength),
    )
    place = (shown.joints[:, :2] @ matrix[:, :2].T + matrix[:, 2]) / config.crop_px
    joints = np.column_stack([place, shown.joints[:, 2] / crop[2]])
    if other is not None and np.isfinite(joints).all():
        backdrop = draw_backdrop(other.pixels, other.box, size_px=config.crop_px, rng=rng)
        square = replace_background(square, backdrop, joints)
    square = apply_look(square, look, rng=rng)
    erased = rng.random() < 0.25 * strength.erase
    return (erase_patch(square, rng=rng) if erased else square), joints
