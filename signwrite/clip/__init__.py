"""Reading a clip: from bytes to decoded frames with timestamps. FFmpeg is met only in here.

What is shown is what the file holds: interlaced frames keep both fields woven together, alpha is
laid on black where the decoder gives it, HDR is not tone-mapped.
"""

from signwrite.clip.container import Source
from signwrite.clip.decoding import ClipInfo, OpenClip, decoded_frames, opened
from signwrite.clip.limits import Limits
from signwrite.clip.pixels import DecodedFrame

__all__ = ["ClipInfo", "DecodedFrame", "Limits", "OpenClip", "Source", "decoded_frames", "opened"]
