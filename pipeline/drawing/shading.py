"""Light on a surface: half-lambert, a cast shadow, and darkened crevices, for legible fingers."""

from dataclasses import dataclass

import numpy as np

from pipeline.drawing.solids import COARSE, NOTHING, Mask, Plane, Surface, box_blur, enlarged

_SHADOW_STEPS = 7


@dataclass(frozen=True)
class Light:
    """One lamp and what comes from everywhere.

    Attributes:
        direction: towards the lamp: x right, y down, z to the viewer; any length.
        strength: of the lamp, about 0.8.
        ambient: of the room, about 0.45.
        tint: colour of the lamp, factors near 1 for red, green, blue.
        crevices: how much hollows are darkened, 0 to 1.
    """

    direction: tuple[float, float, float]
    strength: float = 0.75
    ambient: float = 0.45
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    crevices: float = 0.6


def shade(surface: Surface, colour: Plane, *, light: Light, scale_px: float) -> Plane:
    """Light a surface.

    Args:
        surface: the front surface of the scene.
        colour: float32 [h, w, 3], its own colour, 0 to 1.
        light: the lamp.
        scale_px: the length of a palm in pixels: what sizes of shadows go by.

    Returns:
        float32 [h, w, 3], 0 to 1; black where there is no surface.
    """
    there = surface.depth > NOTHING
    lit = np.zeros_like(colour)
    if not there.any():
        return lit
    floor = np.where(there, surface.depth, surface.depth[there].min()).astype(np.float32)
    toward = np.array(light.direction, np.float32)
    toward /= np.linalg.norm(toward)
    # From here on only the pixels that show something: float32 [n] and [n, 3].
    normal, shadow = surface.normal[there], _shadow(floor, there, toward, scale_px)[there]
    hollow = _hollow(floor, there, scale_px)[there]
    # Wrapped: light reaches a little past the edge of shadow, as it does in skin.
    diffuse = np.square(np.clip((normal @ toward + 0.35) / 1.35, 0, 1)) * (1 - 0.55 * shadow)
    half = toward + np.array([0, 0, 1], np.float32)
    glint = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1)
    for _ in range(4):  # to the 16th power, by squaring
        glint *= glint
    arriving = (light.ambient + light.strength * diffuse) * (1 - light.crevices * hollow)
    # Hollows turn warm: light that comes back out of skin has lost its blue and green.
    warm = 1 - hollow[:, None] * np.array([0.0, 0.12, 0.18], np.float32)
    shine = np.float32(0.06 * light.strength) * glint
    tint = np.array(light.tint, np.float32)
    shaded = colour[there] * arriving[:, None] * tint * warm + shine[:, None]
    lit[there] = np.clip(shaded, 0, 1)
    return lit


def _shadow(floor: Plane, there: Mask, toward: Plane, scale_px: float) -> Plane:
    """Return float32 [h, w], 0 lit to 1 shadowed, by walking towards the lamp over the depths."""
    shape = floor.shape
    floor = floor[::COARSE, ::COARSE]
    height, width = floor.shape
    padded_by = int(scale_px * 0.5 / COARSE) + 2
    padded = np.pad(floor, padded_by, mode="edge")
    shadow = np.zeros_like(floor)
    for step in np.linspace(0.05, 0.45, _SHADOW_STEPS):
        shift = step * scale_px * toward
        rows = padded_by + round(float(shift[1]) / COARSE)
        columns = padded_by + round(float(shift[0]) / COARSE)
        nearer = padded[rows : rows + height, columns : columns + width] - floor - shift[2]
        cover = np.clip(nearer * np.float32(20 / scale_px), 0, 1)
        np.maximum(shadow, cover, out=shadow)
    shadow *= there[::COARSE, ::COARSE]
    return enlarged(box_blur(shadow, round(0.02 * scale_px / COARSE)), shape)


def _hollow(floor: Plane, there: Mask, scale_px: float) -> Plane:
    """Return float32 [h, w], 0 on ridges to 1 in crevices.

    Unsharp masking of the depth buffer: Luft, Colditz and Deussen, "Image enhancement by unsharp
    masking the depth buffer", SIGGRAPH 2006.
    """
    shape = floor.shape
    floor, mask = floor[::COARSE, ::COARSE], there[::COARSE, ::COARSE].astype(np.float32)
    hollow = np.zeros_like(floor)
    for share, weight in ((0.04, 0.55), (0.11, 0.6)):
        radius = max(1, round(share * scale_px / COARSE))
        pair = np.stack([floor * mask, mask], axis=-1)
        total, near = np.moveaxis(box_blur(box_blur(pair, radius), radius), -1, 0)
        mean = total / np.maximum(near, np.float32(1e-3))
        hollow += np.float32(weight) * np.clip((mean - floor) / (share * scale_px), 0, 1)
    return enlarged(np.clip(hollow, 0, 1), shape)
