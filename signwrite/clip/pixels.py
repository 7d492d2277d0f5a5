"""Decoded frames, and the one resize in the project: from a stored frame to RGB as displayed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from signwrite.clip.faults import faults_become
from signwrite.errors import UnusableClipError
from signwrite.frames import UPRIGHT, Orientation, orientation_of

# Exact arithmetic, so that one clip gives the same pixels on every processor.
_RESIZE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_RESIZE_THREADS = 2
_MAX = 255


@dataclass(frozen=True)
class DecodedFrame:
    """A frame as it is to be displayed, not yet in pixels that can be read.

    It holds a frame of the decoder's memory, so few should be held at a time.

    Attributes:
        pts_s: from the clip's first frame, seconds.
        width: as displayed, pixels.
        height: as displayed, pixels.
    """

    pts_s: float
    width: int
    height: int
    _stored: VideoFrame
    _orientation: Orientation
    _reformatter: VideoReformatter

    def rgb(self, width: int | None = None, height: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the frame as it is displayed, resized in one step with a bicubic filter.

        Args:
            width: wanted, pixels; as displayed by default.
            height: likewise.

        Returns:
            uint8 [height, width, 3], RGB, full range.

        Raises:
            UnusableClipError: the pixels cannot be converted.
        """
        size = (self.width if width is None else width, self.height if height is None else height)
        stored_width, stored_height = self._orientation.turned_size(*size)
        with faults_become(UnusableClipError("a frame that can be shown in RGB; received another")):
            see_through = _has_alpha(self._stored)
            pixels = self._reformatter.reformat(
                self._stored,
                width=stored_width,
                height=stored_height,
                format="rgba" if see_through else "rgb24",
                src_colorspace=_colorspace(self._stored),
                dst_color_range=ColorRange.JPEG,
                interpolation=_RESIZE,
                threads=_RESIZE_THREADS,
            ).to_ndarray()
            stored = pixels.astype(np.uint8, copy=False)
            if self._stored.format.name.startswith("gray"):
                stored = _full_range(stored, color_range=self._stored.color_range)
        return np.ascontiguousarray(self._orientation.turn(_on_black(stored)))


def orientation_of_frame(stored: VideoFrame) -> Orientation:
    """Return how a frame is turned for display, by the display matrix it carries, if any."""
    try:
        matrix = stored.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV 18.1 has no name for some newer kinds of side data and then refuses to list any;
        # the rotation can still be had, a mirroring cannot.
        return _orientation_of_rotation(stored.rotation)
    if not isinstance(matrix, SideData):
        return UPRIGHT
    return orientation_of(np.frombuffer(bytes(matrix), dtype=np.int32).tolist())


def _orientation_of_rotation(degrees: int) -> Orientation:
    """Return the orientation of a counterclockwise rotation by about a quarter turn or more."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[round(degrees / 90) % 4]
    return orientation_of((cosine, -sine, 0, sine, cosine, 0, 0, 0, 1))


def _has_alpha(stored: VideoFrame) -> bool:
    pixels = stored.format
    return pixels.has_palette or any(component.is_alpha for component in pixels.components)


def _on_black(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Lay uint8 [H, W, 4] with straight alpha on black; [H, W, 3] passes."""
    if pixels.shape[2] == 3:  # noqa: PLR2004 - red, green, blue
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    shown = (pixels[..., :3] * alpha + _MAX // 2) // _MAX
    return shown.astype(np.uint8)


def _full_range(pixels: npt.NDArray[np.uint8], *, color_range: int) -> npt.NDArray[np.uint8]:
    """Stretch 16..235 to 0..255 where luma is limited; swscale leaves luma alone without chroma."""
    if color_range == ColorRange.JPEG:
        return pixels
    black, white = 16.0, 235.0
    stretched = (pixels.astype(np.float32) - black) * (_MAX / (white - black))
    clipped: npt.NDArray[np.float32] = np.clip(np.rint(stretched), 0, _MAX)
    return clipped.astype(np.uint8)


def _colorspace(stored: VideoFrame) -> int:
    """Return the matrix from YUV to RGB; where the stream names none, by size, as players do."""
    # Keys: AVColorSpace (ITU-T H.273); the constant- and non-constant-luminance BT.2020 are one.
    named = {
        1: Colorspace.ITU709,
        4: Colorspace.FCC,
        5: Colorspace.ITU601,
        6: Colorspace.ITU601,
        7: Colorspace.SMPTE240M,
        9: Colorspace.BT2020,
        10: Colorspace.BT2020,
    }
    high_definition = stored.width >= 1280 or stored.height > 576  # noqa: PLR2004 - past PAL
    guess = Colorspace.ITU709 if high_definition else Colorspace.ITU601
    return int(named.get(stored.colorspace, guess))
