"""All that a training run depends on besides the clips."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.network.config import NetworkConfig
from signwrite.recipe import Recipe


class StageParams(BaseModel):
    """How long and how fast a stage trains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=0)
    steps: int = Field(ge=1, description="batches an epoch")
    batch: int = Field(ge=1)
    rate: float = Field(gt=0.0, description="highest learning rate")
    decay: float = Field(default=1e-3, ge=0.0, description="weight decay")


class TrainParams(BaseModel):
    """All that a training run depends on besides the clips; kept in the run's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    recipe: Recipe = Recipe()
    network: NetworkConfig = NetworkConfig()
    localiser_start: str = "imagenet"
    backbone_start: str = "imagenet"
    label_smoothing: float = Field(default=0.1, ge=0.0, lt=1.0)
    variants: int = Field(
        default=6, ge=1, description="invented variants of a clip, for the reader"
    )
    localiser: StageParams = StageParams(epochs=5, steps=200, batch=32, rate=4e-4)
    presence: StageParams = StageParams(epochs=6, steps=60, batch=64, rate=2e-3)
    presence_scenes: dict[Literal["train", "validation"], int] = Field(
        default={"train": 120, "validation": 20}, description="batches of 32 scenes it learns from"
    )
    head: StageParams = StageParams(epochs=1, steps=60, batch=32, rate=2e-3)
    backbone: StageParams = StageParams(epochs=11, steps=200, batch=32, rate=2e-4, decay=1e-2)
    reader: StageParams = StageParams(epochs=20, steps=80, batch=64, rate=1e-3, decay=1e-2)
