"""The frozen, versioned facts of how a clip becomes the model's tensor."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """How a clip is read; saved in the bundle, so that training and serving cannot differ.

    Version 1 means: `frames_per_clip` frames at the centres of as many equal spans of the clip's
    duration, chosen by timestamp; display rotation, mirroring and pixel aspect applied; scaled to
    fit a square canvas of `canvas_px`, centred on black; RGB, uint8, full range.

    A change in what the pixels mean is a new version; an unknown one is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    frames_per_clip: int = Field(default=12, ge=1, le=64)
    canvas_px: int = Field(default=384, ge=32, le=1024)

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Return the shape [T, S, S, 3] of one clip's tensor."""
        return (self.frames_per_clip, self.canvas_px, self.canvas_px, 3)
