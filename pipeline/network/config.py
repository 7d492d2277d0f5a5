"""The structure of the network, as data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FEATURES = 2048  # channels of the backbone's last block, averaged over the crop


class NetworkConfig(BaseModel):
    """The structure of the network; saved in the manifest beside the weights.

    Attributes:
        localiser_px: side of the picture in which the hand is looked for.
        localiser_block: the InceptionV3 block that gives the localiser its context.
        crop_px: side of the hand crop that the backbone sees.
        crop_margin: side of the crop in sides of the hand box.
        looks: 2 takes the crop anew around the joints that a first look found.
        hand_extent: side of the hand's box in longer extents of its joints; training measures it
            where it knows both.
        reader_width: channels of the temporal layers.
        alike: groups of signs, by their numbers, whose stills look alike; within one, movement
            alone decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    localiser_px: int = Field(default=160, ge=96, le=512)
    localiser_block: Literal["mixed3", "mixed4", "mixed5"] = "mixed4"
    crop_px: int = Field(default=128, ge=96, le=512)
    crop_margin: float = Field(default=1.15, ge=1.0, le=2.0)
    looks: Literal[1, 2] = 2
    hand_extent: float = Field(default=1.4, ge=1.0, le=3.0)
    reader_width: int = Field(default=128, ge=16, le=512)
    alike: tuple[tuple[int, ...], ...] = ()

    @property
    def readers(self) -> tuple[str, ...]:
        """What is blended, by the names that `SignNetwork.read` gives it."""
        return ("shown", "moved", "told_apart") if self.alike else ("shown", "moved")
