"""Where a run keeps what it makes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where a run keeps what it makes."""

    out: Path

    @property
    def clips(self) -> Path:
        """The clips, one sign each."""
        return self.out / "clips"

    @property
    def frames(self) -> Path:
        """Their frames as JPEGs."""
        return self.out / "frames"

    @property
    def teacher(self) -> Path:
        """The model that finds landmarks."""
        return self.out / "teacher" / "hand_landmark_full.tflite"

    @property
    def store(self) -> Path:
        """The clips, decoded for training."""
        return self.out / "store"

    @property
    def train(self) -> Path:
        """The training runs, one for each that other clips, boxes or parameters made."""
        return self.out / "train"

    @property
    def trained(self) -> Path:
        """The weights that training ended with."""
        return self.out / "trained"

    @property
    def quantised(self) -> Path:
        """The same weights, with the model in 8-bit integers beside them."""
        return self.out / "quantised"

    @property
    def exported(self) -> Path:
        """The bundle that is measured."""
        return self.out / "exported"

    @property
    def report(self) -> Path:
        """What was measured."""
        return self.out / "report"

    @property
    def weights(self) -> Path:
        """The weights, with the figures in their card."""
        return self.out / "weights"

    @property
    def bundle(self) -> Path:
        """The bundle to serve, with the figures in its card."""
        return self.out / "bundle"
