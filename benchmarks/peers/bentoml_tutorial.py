"""BentoML as its tutorial begins: a class, a method, a file in and JSON out."""

from pathlib import Path
from typing import Any

import bentoml
import numpy as np

from benchmarks.peers.reading import Model, rank, read_frames


@bentoml.service(workers=1)
class Letters:
    """Reads clips."""

    def __init__(self) -> None:
        """Load the model."""
        self.model = Model()

    @bentoml.api  # type: ignore[untyped-decorator]  # BentoML's SDK has no types
    def predict(self, clip: Path) -> dict[str, Any]:
        """Read a clip."""
        with clip.open("rb") as file:
            frames = read_frames(file)
        return rank(self.model.score(frames[np.newaxis])[0])
