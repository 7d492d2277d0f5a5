"""What befalls clips on their way: cut off, overwritten, headers that lie."""

import struct
from collections.abc import Callable

import numpy as np

from tests.clips.card import built, encode


def cut_off(build: Callable[[], bytes], *, keep: float) -> bytes:
    """Keep the first part of a clip's bytes, a fraction of them."""
    content = built(build)
    return content[: int(len(content) * keep)]


def scribbled(build: Callable[[], bytes], *, start: float, stop: float, seed: int = 7) -> bytes:
    """Overwrite part of a clip's bytes, given as fractions, with noise."""
    content = bytearray(built(build))
    first, last = int(len(content) * start), int(len(content) * stop)
    content[first:last] = np.random.default_rng(seed).bytes(last - first)
    return bytes(content)


def declared_size_clip(width: int, height: int) -> bytes:
    """Encode an AVI whose headers declare another size than its frames have."""
    content = bytearray(encode("avi", "mjpeg", pixels="yuvj420p"))
    struct.pack_into("<II", content, content.index(b"avih") + 8 + 32, width, height)
    struct.pack_into("<II", content, content.index(b"strf") + 8 + 4, width, height)
    return bytes(content)
