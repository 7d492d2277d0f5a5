"""Draws one posed hand with its arm: skeleton in, coloured pixels with coverage out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.drawing.hand import Bone, Skeleton
from pipeline.drawing.projection import FINE, Colour, Look, Placement, Projection
from pipeline.drawing.shading import Light, shade
from pipeline.drawing.solids import NOTHING, Plane, Point, Surface, smooth

_WELD = 0.1  # rounding of the seams within the palm, in palm lengths
_ROOT_WELD = 0.12  # the same where fingers, thumb and arm meet the palm

_EVEN = 0.06  # how far the palm's pieces are smoothed into each other, in palm lengths


@dataclass(frozen=True)
class DrawnHand:
    """A hand on a transparent picture.

    Attributes:
        colour: float32 [H, W, 3], 0 to 1, already multiplied by `cover`.
        cover: float32 [H, W], 0 to 1: hand and arm.
        hand_cover: float32 [H, W], 0 to 1: the hand alone.
        landmarks_px: float64 [21, 3], x and y in the picture, inside it or not, and z towards the
            viewer from the wrist.
    """

    colour: Plane
    cover: Plane
    hand_cover: Plane
    landmarks_px: Point


def draw_hand(
    skeleton: Skeleton, placement: Placement, *, look: Look, light: Light, size: tuple[int, int]
) -> DrawnHand:
    """Draw a hand and its arm.

    Args:
        skeleton: the posed hand, in its own space.
        placement: where it is.
        look: its colours.
        light: the lamp.
        size: height and width of the picture.

    Returns:
        The drawn hand; outside the picture it is cut off.
    """
    height, width = size
    drawn = DrawnHand(
        np.zeros((height, width, 3), np.float32),
        np.zeros(size, np.float32),
        np.zeros(size, np.float32),
        Projection(placement).landmarks(skeleton) / FINE,
    )
    arm = _arm_bones(placement, look)
    window = Projection(placement).reach(skeleton, [bone for bone, _ in arm], size=size)
    if window is None:
        return drawn
    rows, columns = window
    camera = Projection(placement, corner=(columns.start, rows.start))
    fine = ((rows.stop - rows.start) * FINE, (columns.stop - columns.start) * FINE)
    scene = Surface.empty(*fine)
    colour = np.zeros((*fine, 3), np.float32)
    is_hand = np.zeros(fine, bool)
    forearm = _draw_arm(scene, colour, camera, arm)
    palm = _draw_palm(skeleton, camera, forearm)
    seen = palm.used()
    if seen is not None:
        back = placement.rotation @ [0, 0, -1.0]
        _paint(scene, seen, colour, is_hand, _skin(seen, back, look))
    for bone in skeleton.bones:
        if bone.part == "palm":
            continue
        surface = camera.solid(bone, size=fine)
        if surface is None:
            continue
        if bone.place == 0:
            _seam(surface, palm, softness=_ROOT_WELD * camera.scale)
        back = placement.rotation @ bone.back
        paint = _skin(surface, back, look)
        if bone.place == 2:  # noqa: PLR2004 - the piece with the nail
            _paint_nail(surface, paint, back, look)
        _paint(scene, surface, colour, is_hand, paint)
    shaded = shade(scene, colour, light=light, scale_px=camera.scale)
    cover = (scene.depth > NOTHING).astype(np.float32)
    drawn.colour[window] = _shrink(shaded)
    drawn.cover[window] = _shrink(cover[..., None])[..., 0]
    drawn.hand_cover[window] = _shrink((is_hand * cover)[..., None])[..., 0]
    return drawn


def _draw_palm(skeleton: Skeleton, camera: Projection, forearm: Surface) -> Surface:
    """Return the palm as one rounded surface, joined smoothly to the forearm."""
    palm = Surface.empty(*forearm.depth.shape)
    for bone in skeleton.bones:
        if bone.part == "palm":
            solid = camera.solid(bone, size=palm.depth.shape)
            if solid is not None:
                joined = palm.cut(solid.window)
                solid.weld(joined, softness=_WELD * camera.scale)
                palm.lay(solid)
    used = palm.used()
    if used is not None:
        smooth(used, radius_px=round(_EVEN * camera.scale))
        _seam(used, forearm, softness=_ROOT_WELD * camera.scale)
    return palm


def _seam(surface: Surface, other: Surface, *, softness: float) -> None:
    """Round the seam with another surface, keeping the outline of this one."""
    outside = surface.depth <= NOTHING
    surface.weld(other.cut(surface.window), softness=softness)
    surface.depth[outside] = NOTHING


def _arm_bones(placement: Placement, look: Look) -> list[tuple[Bone, Colour]]:
    """Return the pieces of the arm, in the space of the viewer: the first two are the forearm."""
    elbow = placement.elbow
    reach = float(np.linalg.norm(elbow))
    back = np.array([0.0, 0.0, -1.0])
    hem = elbow * min(1.0, look.sleeve_start / reach)
    wide = 0.19 + 0.08 * min(1.0, look.sleeve_start / reach)
    bones = []
    for side in (-0.1, 0.1):  # two bones: a wrist is wider than thick
        wrist = placement.rotation @ [side, 0.06, 0.0]
        bones.append((Bone("arm", 0, wrist, hem, 0.19, wide, back), look.skin))
    if look.sleeve_start < reach:
        bones.append((Bone("arm", 1, hem, elbow, wide + 0.07, 0.4, back), look.sleeve))
    if placement.shoulder_px is not None:
        x, y = (np.array(placement.shoulder_px) - placement.wrist_px) / placement.palm_px
        shoulder = np.array([x, -y, elbow[2] - 0.3])
        bones.append((Bone("arm", 2, elbow, shoulder, 0.4, 0.52, back), look.sleeve))
    return bones


def _draw_arm(
    scene: Surface, colour: Plane, camera: Projection, arm: list[tuple[Bone, Colour]]
) -> Surface:
    """Draw the arm into the scene; return the forearm's surface."""
    forearm = Surface.empty(*scene.depth.shape)
    for bone, _ in arm[:2]:
        surface = camera.solid(bone, size=scene.depth.shape, turned=False)
        if surface is not None:
            forearm.lay(surface)
    used = forearm.used()
    if used is not None:
        smooth(used, radius_px=round(2 * _EVEN * camera.scale))
        _colour(scene, used, colour, arm[0][1])
    for bone, paint in arm[2:]:
        surface = camera.solid(bone, size=scene.depth.shape, turned=False)
        if surface is not None:
            _colour(scene, surface, colour, paint)
    return forearm


def _colour(scene: Surface, surface: Surface, colour: Plane, paint: Colour) -> None:
    """Lay a surface of one colour into the scene."""
    shows = scene.lay(surface)
    np.copyto(colour[surface.window], np.array(paint, np.float32), where=shows[..., None])


def _paint(
    scene: Surface,
    surface: Surface,
    colour: Plane,
    is_hand: npt.NDArray[np.bool_],
    paint: Plane,
) -> None:
    """Lay a surface of the hand into the scene and colour what shows of it."""
    shows = scene.lay(surface)
    np.copyto(colour[surface.window], paint, where=shows[..., None])
    is_hand[surface.window] |= shows


def _skin(surface: Surface, back: Point, look: Look) -> Plane:
    """Return float32 [h, w, 3]: skin colour by which side of the hand a point is on."""
    inner = np.clip(-1.6 * (surface.normal @ back.astype(np.float32)) + 0.2, 0, 1)[..., None]
    skin, palm = (np.array(c, np.float32) for c in (look.skin, look.palm))
    mixed: Plane = skin + inner * (palm - skin)
    return mixed


def _paint_nail(surface: Surface, paint: Plane, back: Point, look: Look) -> None:
    """Colour the nail: the outer half of the last piece, where the surface faces back."""
    facing = surface.normal @ back.astype(np.float32)
    nail = (facing > 0.72) & (surface.along > 0.35)  # noqa: PLR2004 - by eye
    paint[nail] = look.nail


def _shrink(planes: Plane) -> Plane:
    """Average squares of `FINE` pixels; float32 [h, w, c] to [h / FINE, w / FINE, c]."""
    height, width, channels = planes.shape
    rows = planes.reshape(height // FINE, FINE, width, channels).sum(axis=1)
    squares = rows.reshape(height // FINE, width // FINE, FINE, channels).sum(axis=2)
    small: Plane = squares * np.float32(1 / FINE**2)
    return small
