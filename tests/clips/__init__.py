"""The clip factory: real videos, encoded in code, each naming the hazard it carries.

Every frame shows the same test card with its own number, so that a test can prove order,
orientation and colour: the left half is red, the right half blue, a white square marks the top
left, and the bottom row holds the frame's number as eight black or white blocks, highest bit left.
"""

from tests.clips.bad import BAD, BadClip
from tests.clips.card import (
    BLUE,
    HEIGHT_PX,
    RATE,
    RED,
    WIDTH_PX,
    Image,
    Silence,
    card,
    encode,
    read_number,
)
from tests.clips.damage import cut_off, scribbled
from tests.clips.good import GOOD, GoodClip
from tests.clips.pictures import exif_clip, grey_clip, non_square_clip, rotated_clip
from tests.clips.structures import (
    audio_only,
    browser_recording,
    counter_clip,
    covered_clip,
    edited_clip,
    restarted_clip,
    still,
    variable_rate_clip,
)

ALL: dict[str, GoodClip | BadClip] = {**GOOD, **BAD}

__all__ = [
    "ALL",
    "BAD",
    "BLUE",
    "GOOD",
    "HEIGHT_PX",
    "RATE",
    "RED",
    "WIDTH_PX",
    "BadClip",
    "GoodClip",
    "Image",
    "Silence",
    "audio_only",
    "browser_recording",
    "card",
    "counter_clip",
    "covered_clip",
    "cut_off",
    "edited_clip",
    "encode",
    "exif_clip",
    "grey_clip",
    "non_square_clip",
    "read_number",
    "restarted_clip",
    "rotated_clip",
    "scribbled",
    "still",
    "variable_rate_clip",
]
