"""What is behind the hand: a wall or a room, and the signer's head and shoulders."""

from collections.abc import Iterator

import numpy as np

from pipeline.drawing.projection import FINE, Colour
from pipeline.drawing.shading import shade
from pipeline.drawing.signer import Signer
from pipeline.drawing.solids import NOTHING, Plane, Point, Surface, box_blur, tapered

_THINGS = 14  # in a cluttered room


def draw_backdrop(signer: Signer) -> Plane:
    """Draw all that does not move.

    Returns:
        float32 [H, W, 3], 0 to 1, RGB; not mirrored for left-handed signers.
    """
    rng = np.random.default_rng([signer.seed, 2])
    width, height = signer.size_px
    near, far = (np.array(c, np.float32) for c in signer.backdrop_colours)
    room = np.broadcast_to(near, (height, width, 3)).copy()
    if signer.backdrop != "plain":
        slope = rng.uniform(-1, 1, 2)
        down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
        share = slope[0] * down + slope[1] * across
        share = ((share - share.min()) / np.ptp(share)).astype(np.float32)[..., None]
        room = near + share * (far - near)
    if signer.backdrop == "textured":
        room *= _texture(rng, height, width)[..., None]
    elif signer.backdrop == "cluttered":
        _clutter(rng, room)
    return np.clip(_draw_person(signer, room), 0, 1).astype(np.float32)


def shoulder_px(signer: Signer) -> tuple[float, float] | None:
    """Return x, y of the signing shoulder, or None where the framing leaves the body out."""
    if signer.framing == "close-up":
        return None
    x, y, head = signer.head_px
    return x - 0.82 * head, y + 0.95 * head


def _texture(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Return float32 [h, w] about 1: patches of three sizes, at times folds of cloth."""
    pattern = np.ones((height, width), np.float32)
    for radius, strength in ((1, 0.10), (6, 0.5), (20, 1.2)):
        grain = rng.normal(0, 1, (height, width)).astype(np.float32)
        pattern += strength * box_blur(box_blur(grain, radius), radius)
    if rng.random() < 0.5:  # noqa: PLR2004 - half of the textures
        waves = rng.uniform(5, 16) * np.linspace(0, 2 * np.pi, width, dtype=np.float32)
        pattern *= 1 + 0.12 * np.sin(waves + 1.5 * np.sin(0.37 * waves))[None, :]
    return pattern


def _clutter(rng: np.random.Generator, room: Plane) -> None:
    """Put frames, shelves and round things into a room, a little out of focus."""
    height, width, _ = room.shape
    down, across = np.mgrid[0:height, 0:width]
    for _ in range(_THINGS):
        half = rng.uniform(0.03, 0.22, 2) * [height, width]
        y, x = rng.uniform(0, 1, 2) * [height, width]
        colour = (0.4 * rng.uniform(0.05, 0.9, 3) + 0.6 * rng.uniform(0.05, 0.9)).astype(np.float32)
        v, u = (down - y) / half[0], (across - x) / half[1]
        where = u * u + v * v < 1 if rng.random() < 0.3 else np.maximum(abs(u), abs(v)) < 1  # noqa: PLR2004 - some are round
        room[where] = 0.25 * room[where] + 0.75 * colour
        if rng.random() < 0.4:  # noqa: PLR2004 - a lighter inside: a window, a picture
            room[np.maximum(abs(u), abs(v)) < 0.8] += np.float32(0.15)  # noqa: PLR2004 - its rim
    for channel in range(3):
        room[..., channel] = box_blur(room[..., channel], int(rng.integers(1, 4)))


def _draw_person(signer: Signer, room: Plane) -> Plane:
    """Return the room with the signer's head and shoulders in it, where the framing shows them."""
    if signer.framing == "close-up":
        return room
    height, width, _ = room.shape
    scene = Surface.empty(height * FINE, width * FINE)
    colour = np.zeros((height * FINE, width * FINE, 3), np.float32)
    for start, end, radii, paint in _body(signer):
        surface = tapered(start * FINE, end * FINE, radii, size=scene.depth.shape)
        if surface is not None:
            shows = scene.lay(surface)
            np.copyto(colour[surface.window], np.array(paint, np.float32), where=shows[..., None])
    lit = shade(scene, colour, light=signer.light, scale_px=signer.palm_px * FINE)
    cover = (scene.depth > NOTHING).astype(np.float32)[..., None]
    fine = np.concatenate([lit, cover], axis=-1)
    small = fine.reshape(height, FINE, width, FINE, 4).mean(axis=(1, 3))
    picture: Plane = small[..., :3] + (1 - small[..., 3:]) * room
    return picture


def _body(signer: Signer) -> Iterator[tuple[Point, Point, tuple[float, float], Colour]]:
    """Yield start, end, radii and colour of the pieces, pixels of the kept size but for radii."""
    x, y, head = signer.head_px
    skin, cloth = signer.look.skin, signer.look.sleeve
    dark, lips = (0.12, 0.09, 0.08), (0.72 * skin[0], 0.45 * skin[1], 0.45 * skin[2])
    # x, y, z of both ends and two radii, in heads from the middle of the face, y down.
    pieces: tuple[tuple[tuple[float, ...], Colour], ...] = (
        ((-0.6, 1.0, -0.5, 0.6, 1.0, -0.5, 0.33, 0.33), cloth),
        ((0, 1.2, -0.45, 0, 3.5, -0.45, 0.56, 0.56), cloth),
        ((-0.38, 1.1, -0.5, -0.3, 3.5, -0.5, 0.5, 0.5), cloth),
        ((0.38, 1.1, -0.5, 0.3, 3.5, -0.5, 0.5, 0.5), cloth),
        ((0.85, 1.0, -0.5, 1.0, 3.0, -0.4, 0.25, 0.2), cloth),
        ((0, 0.2, -0.2, 0, 0.75, -0.35, 0.19, 0.23), skin),
        ((0, -0.12, 0, 0, 0.2, 0.02, 0.33, 0.24), skin),
        ((0, -0.2, -0.1, 0, -0.1, -0.16, 0.385, 0.37), signer.hair),
        ((-0.14, -0.36, 0.12, 0.14, -0.36, 0.12, 0.15, 0.15), signer.hair),
        ((-0.34, -0.02, -0.05, -0.33, 0.07, -0.05, 0.06, 0.045), skin),
        ((0.34, -0.02, -0.05, 0.33, 0.07, -0.05, 0.06, 0.045), skin),
        ((0, -0.02, 0.3, 0, 0.1, 0.31, 0.03, 0.05), skin),
        ((-0.15, -0.04, 0.26, -0.11, -0.04, 0.27, 0.032, 0.032), dark),
        ((0.11, -0.04, 0.27, 0.15, -0.04, 0.26, 0.032, 0.032), dark),
        ((-0.18, -0.12, 0.26, -0.09, -0.13, 0.28, 0.018, 0.02), signer.hair),
        ((0.09, -0.13, 0.28, 0.18, -0.12, 0.26, 0.02, 0.018), signer.hair),
        ((-0.08, 0.22, 0.225, 0.08, 0.22, 0.225, 0.022, 0.022), lips),
    )
    for (x1, y1, z1, x2, y2, z2, r1, r2), paint in pieces:
        start = np.array([x + head * x1, y + head * y1, head * z1])
        end = np.array([x + head * x2, y + head * y2, head * z2])
        yield start, end, (r1 * head * FINE, r2 * head * FINE), paint
