"""What an epoch draws, and batches of arrays; `crops`, `scenes` and `movement` draw the rest."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

THREADS, AHEAD = 2, 8  # OpenCV lets go of Python's lock; a few batches wait ready


@dataclass(frozen=True)
class Draw:
    """How much an epoch draws, and from which seed.

    Every batch is drawn from (seed, epoch, index) alone, so that a resumed run repeats nothing and
    an uninterrupted one is the same.
    """

    batch: int
    steps: int
    seed: int
    epoch: int

    def generator(self, index: int) -> np.random.Generator:
        """Return the generator of one batch."""
        return np.random.default_rng((self.seed, self.epoch, index))


class ArrayBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of arrays in memory, each epoch in its own order."""

    def __init__(
        self, inputs: list[npt.NDArray[Any]], labels: npt.NDArray[np.int64], *, draw: Draw
    ) -> None:
        """Shuffle."""
        super().__init__()
        self.inputs, self.labels, self.draw = inputs, labels, draw
        self.order = draw.generator(0).permutation(len(labels))

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return self.draw.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Take one batch."""
        places = np.arange(index * self.draw.batch, (index + 1) * self.draw.batch)
        rows = self.order[places % len(self.order)]
        parts = tuple(part[rows].astype(np.float32) for part in self.inputs)
        return parts if len(parts) > 1 else parts[0], self.labels[rows]
