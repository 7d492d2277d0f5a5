"""All that a training run depends on besides the clips."""

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.network.config import NetworkConfig
from pipeline.training.augmentation import AS_DESIGNED, Augmentation
from pipeline.training.movement import AS_MOVED, Movement
from signwrite.errors import InputError
from signwrite.recipe import Recipe

_PAIR = 2
_BOOL = "tag:yaml.org,2002:bool"

STARTS = ("localiser_start", "backbone_start")
"""The parameters that name weights to start from."""

Block = Literal[
    "mixed0",
    "mixed1",
    "mixed2",
    "mixed3",
    "mixed4",
    "mixed5",
    "mixed6",
    "mixed7",
    "mixed8",
    "mixed9",
]


class StageParams(BaseModel):
    """How long and how fast a stage trains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=0)
    steps: int = Field(ge=1, description="batches an epoch")
    batch: int = Field(ge=1)
    rate: float = Field(gt=0.0, description="highest learning rate")
    decay: float = Field(default=1e-3, ge=0.0, description="weight decay")
    patience: int = Field(
        default=6,
        ge=0,
        description="epochs without a better one that end the stage, which keeps the best; 0: all "
        "are done, and the last is kept",
    )


class TrainParams(BaseModel):
    """All that a training run depends on besides the clips; kept in the run's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    recipe: Recipe = Recipe()
    network: NetworkConfig = NetworkConfig()
    localiser_start: str = "imagenet"
    backbone_start: str = "imagenet"
    frozen_to: Block | None = Field(
        default=None, description="fine-tune only the blocks after this one; by default all"
    )
    class_weights: Literal["balanced", "none"] = "balanced"
    label_smoothing: float = Field(default=0.1, ge=0.0, lt=1.0)
    doubtful: dict[str, tuple[str, ...]] = Field(
        default={},
        description="by video, signs that are shown loosely: they teach no sign, only where the "
        "hand and its joints are",
    )
    alike: tuple[tuple[str, ...], ...] = Field(
        default=(),
        description="groups of signs that look alike in a still: movement alone tells them apart",
    )
    augmentation: Augmentation = AS_DESIGNED
    movement: Movement = AS_MOVED
    joints_weight: float = Field(
        default=0.5, ge=0.0, description="what joints count for beside signs, where they are known"
    )
    drawn_signers: int = Field(
        default=60, ge=0, description="drawn people from whom the reader of joints learns too"
    )
    drawn_share: float = Field(
        default=0.2, ge=0.0, le=1.0, description="share of its clips that is drawn"
    )
    localiser: StageParams = StageParams(epochs=6, steps=150, batch=32, rate=4e-4)
    presence: StageParams = StageParams(epochs=6, steps=60, batch=64, rate=2e-3)
    presence_scenes: dict[Literal["train", "validation"], int] = Field(
        default={"train": 120, "validation": 20}, description="batches of 32 scenes it learns from"
    )
    head: StageParams = StageParams(epochs=1, steps=100, batch=32, rate=2e-3)
    backbone: StageParams = StageParams(
        epochs=11, steps=200, batch=32, rate=2e-4, decay=1e-2, patience=0
    )
    motion: StageParams = StageParams(
        epochs=40, steps=50, batch=32, rate=2e-3, decay=1e-2, patience=0
    )

    @field_validator("alike")
    @classmethod
    def _are_groups(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        named = [sign for group in groups for sign in group]
        if any(len(group) < _PAIR for group in groups) or len(set(named)) < len(named):
            raise ValueError("groups of two signs or more wanted, and no sign twice")
        return groups


def read_params(path: Path | None) -> TrainParams:
    """Read parameters from a YAML or JSON file of what differs from the defaults.

    Raises:
        InputError: the file cannot be read, or a value is not one that is allowed.
    """
    try:
        return TrainParams.model_validate(read_object(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where}: {first['msg']}; received {first['input']!r}") from error


class _Loader(yaml.SafeLoader):
    """Reads YAML as its version 1.2 means it: YES and NO are words, as signs may be."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))


def read_object(path: Path | None) -> dict[str, Any]:
    """Read a mapping from a YAML or JSON file; without one, an empty mapping.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    if path is None:
        return {}
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: a YAML or JSON file wanted; {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: names and values wanted; received {type(content).__name__}")
    return content
