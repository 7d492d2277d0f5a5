"""One training run: what every stage needs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.network.composition import SignNetwork
from pipeline.training.dataset import Draw
from pipeline.training.params import StageParams, TrainParams
from pipeline.training.store import Store
from pipeline.training.watch import Watch
from signwrite.vocabulary import Vocabulary

DOUBTFUL = -2  # the label of a clip that is said to show a sign loosely


@dataclass(frozen=True)
class Run:
    """One training run: its data, parameters, network and folder."""

    store: Store
    vocabulary: Vocabulary
    params: TrainParams
    network: SignNetwork
    folder: Path
    watch: Watch

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Each clip's label index."""
        return self.store.labels(self.vocabulary)

    @property
    def taught(self) -> npt.NDArray[np.int64]:
        """The labels, `DOUBTFUL` for clips that should teach no sign."""
        doubtful = [
            clip.sign in self.params.doubtful.get(clip.video, ()) for clip in self.store.clips
        ]
        return np.where(doubtful, DOUBTFUL, self.labels)

    def draw(self, stage: StageParams, *, number: int, epoch: int) -> Draw:
        """Return what an epoch of a stage draws."""
        return Draw(stage.batch, stage.steps, self.params.seed + number, epoch)
