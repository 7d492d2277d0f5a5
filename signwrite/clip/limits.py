"""How large a clip may be: limits on what is decoded, whatever a header declares."""

from pydantic import BaseModel, ConfigDict, Field

from signwrite.errors import LimitExceededError


class Limits(BaseModel):
    """The largest clip that is read; the defaults suit a server with two cores.

    Each field's description says what it bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_seconds: float = Field(
        default=60.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Seconds from the first frame to the end of the last.",
    )
    max_frames: int = Field(
        default=7_200,
        ge=1,
        description="Frames of the video stream, decoded or not; a minute at 120 frames a second.",
    )
    max_pixels_per_frame: int = Field(
        default=4096 * 2304,
        ge=1,
        description="Pixels of one frame as stored; 4K UHD fits. A decoder's memory grows with it.",
    )
    max_side_px: int = Field(
        default=4096, ge=1, description="Pixels of the longer side, as stored or as displayed."
    )
    max_aspect: float = Field(
        default=8.0,
        ge=1.0,
        allow_inf_nan=False,
        description="The longer side over the shorter, as displayed.",
    )
    max_total_pixels: int = Field(
        default=4_000_000_000,
        ge=1,
        description=(
            "Pixels over all decoded frames; a minute of 1080p at 30 frames a second fits. It "
            "bounds the work that one clip can ask for."
        ),
    )
    max_streams: int = Field(
        default=32,
        ge=1,
        description="Streams of any kind in the container, sound and text included.",
    )
    max_decode_errors: int = Field(
        default=16,
        ge=0,
        description="Damaged packets that are skipped before the clip is given up.",
    )

    def check_seconds(self, seconds: float) -> None:
        """Refuse a duration.

        Raises:
            LimitExceededError: it is longer than `max_seconds`.
        """
        if seconds > self.max_seconds:
            raise LimitExceededError(
                "max_seconds", wanted=f"at most {self.max_seconds:g} s", received=f"{seconds:.1f} s"
            )

    def check_streams(self, count: int) -> None:
        """Refuse a number of streams.

        Raises:
            LimitExceededError: it is more than `max_streams`.
        """
        if count > self.max_streams:
            raise LimitExceededError(
                "max_streams",
                wanted=f"at most {self.max_streams} streams",
                received=f"{count} or more",
            )

    def check_frames(self, count: int) -> None:
        """Refuse a number of frames.

        Raises:
            LimitExceededError: it is more than `max_frames`.
        """
        if count > self.max_frames:
            raise LimitExceededError(
                "max_frames",
                wanted=f"at most {self.max_frames} frames",
                received=f"{count} frames or more",
            )

    def check_stored_size(self, width: int, height: int) -> None:
        """Refuse the size of a frame as it is stored, in pixels.

        Raises:
            LimitExceededError: a side or the area is too large.
        """
        if max(width, height) > self.max_side_px:
            raise self._side(width, height)
        if width * height > self.max_pixels_per_frame:
            raise LimitExceededError(
                "max_pixels_per_frame",
                wanted=f"at most {self.max_pixels_per_frame} pixels",
                received=f"{width} x {height}",
            )

    def check_displayed_size(self, width: int, height: int) -> None:
        """Refuse the size of a frame as it is displayed, in pixels.

        Raises:
            LimitExceededError: a side is too long, or one far longer than the other.
        """
        if max(width, height) > self.max_side_px:
            raise self._side(width, height)
        if max(width, height) > self.max_aspect * min(width, height):
            raise LimitExceededError(
                "max_aspect",
                wanted=f"one side at most {self.max_aspect:g} times the other",
                received=f"{width} x {height}",
            )

    def check_total_pixels(self, pixels: int) -> None:
        """Refuse the number of pixels decoded so far.

        Raises:
            LimitExceededError: it is more than `max_total_pixels`.
        """
        if pixels > self.max_total_pixels:
            raise LimitExceededError(
                "max_total_pixels",
                wanted=f"at most {self.max_total_pixels} pixels in all frames",
                received=f"{pixels} or more",
            )

    def _side(self, width: int, height: int) -> LimitExceededError:
        return LimitExceededError(
            "max_side_px",
            wanted=f"sides of at most {self.max_side_px} pixels",
            received=f"{width} x {height}",
        )
