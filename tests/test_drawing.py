from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.drawing.filming import Camera
from pipeline.drawing.hand import HandPose, Proportions, build_skeleton
from pipeline.drawing.motion import Performance, facing, rotation_of, turn_of
from pipeline.drawing.pose_table import HANDSHAPES
from pipeline.drawing.schedule import perform, plan_tutorial
from pipeline.drawing.sign_table import SIGNS
from pipeline.drawing.signer import Signer
from pipeline.drawing.solids import NOTHING, tapered
from signwrite.vocabulary import ASL_LETTERS

SMALL_PX = 96
MOVING = {"J", "Z", "HELLO", "YES", "NO"}


@pytest.fixture(scope="module")
def signer() -> Signer:
    """A close-up, right-handed and steady: the letters at their most legible."""
    drawn = Signer.from_seed(3).resized(SMALL_PX)
    assert drawn.framing == "close-up"
    return replace(drawn, left_handed=False, tremor=0.5, noise=0.0)


def test_every_letter_can_be_drawn_and_every_handshape_is_used_or_a_rest() -> None:
    assert set(ASL_LETTERS) < set(SIGNS)
    used = {key.shape for sign in SIGNS.values() for key in sign.keys}
    assert set(HANDSHAPES) - used == {"RELAXED"}


def test_signers_differ_by_seed() -> None:
    signers = [Signer.from_seed(seed) for seed in range(40)]
    assert signers[0] == Signer.from_seed(0)
    assert len({s.look.skin for s in signers}) == 40
    assert {s.framing for s in signers} == {"close-up", "webcam", "waist-up"}
    assert {s.backdrop for s in signers} == {"plain", "gradient", "textured", "cluttered"}
    assert {s.left_handed for s in signers} == {True, False}
    assert {s.drops_hand for s in signers} == {True, False}
    assert len({s.size_px for s in signers}) > 3


def test_the_hand_mask_is_where_the_hand_changes_the_picture(signer: Signer) -> None:
    """The room without the hand is drawn too: where the mask is, the two pictures differ."""
    camera = Camera(signer)
    shown = camera.shoot(perform("B", signer).at(0))
    away = replace(signer, hand_px=(0.0, 10.0 * SMALL_PX))
    empty = Camera(away).shoot(perform("B", away).at(0))
    changed = np.abs(shown.pixels.astype(int) - empty.pixels).sum(axis=-1) > 12
    assert empty.box is None
    assert changed[shown.hand].mean() > 0.97


def _travel(sign: str, signer: Signer) -> float:
    """How far the sign's own fingertip goes over the side of a hand box, as the real set says."""
    performance = perform(sign, signer)
    tips = []
    for share in np.linspace(0, 1, 40):
        state = performance.at(float(share))
        pose = HandPose.from_angles(state.angles)
        landmarks = build_skeleton(pose, proportions=Proportions()).landmarks @ state.rotation.T
        tip = landmarks[20 if sign == "J" else 8, :2]
        tips.append(tip - 0.75 * state.rotation[:2, 1] + state.place)
    side = 1.4 * np.ptp(landmarks[:, :2], axis=0).max()
    return float(sum(np.linalg.norm(b - a) for a, b in pairwise(tips)) / side)


@pytest.mark.parametrize("sign", SIGNS)
def test_only_the_signs_that_move_move(sign: str, signer: Signer) -> None:
    travel = _travel(sign, signer)
    assert SIGNS[sign].moves == (sign in MOVING)
    if sign in {"J", "Z"}:
        assert 0.6 < travel < 3  # measured on real signers: 0.7 to 2.4
    elif sign in MOVING:
        assert travel > 0.2
    else:
        assert travel == 0


def test_j_hooks_and_z_zigzags_as_the_signer_sees_them(signer: Signer) -> None:
    def path(sign: str, shares: tuple[float, ...]) -> list[npt.NDArray[np.float64]]:
        return [perform(sign, signer).at(share).place for share in shares]

    start, low, hook = path("J", (0, 0.62, 1))
    assert start[1] > hook[1] > low[1]  # down, then up again
    assert hook[0] > low[0]  # to a right-hander's left: the viewer's right
    one, two, three, four = path("Z", (0, 0.28, 0.66, 1))
    assert two[0] < one[0]
    assert three[0] > two[0]
    assert four[0] < three[0]
    assert one[1] == two[1] > three[1] == four[1]


def test_no_two_letters_look_alike(signer: Signer) -> None:
    """M and N, U and R, A and S differ by a thumb or a finger: that must be visible.

    Straight from the table, without a signer's habits, which alone would make them differ.
    """
    camera = Camera(replace(signer, backdrop="plain"))
    pictures = {}
    for letter in ASL_LETTERS:
        as_charted = Performance(SIGNS[letter], np.zeros(21), np.zeros(3))
        shot = camera.shoot(as_charted.at(0.5))
        pictures[letter] = shot.pixels.astype(int)
        assert shot.hand.mean() > 0.03
    for one, other in combinations(ASL_LETTERS, 2):
        differing = np.abs(pictures[one] - pictures[other]).max(axis=-1) > 24
        assert differing.mean() > 0.006, f"{one} and {other}"


def test_turning_is_undone_by_its_own_vector() -> None:
    """Half turns have no unique axis in the usual formula: palm out to palm in is one."""
    rng = np.random.default_rng(0)
    axes = [np.array(a, float) for a in ((1, 0, 0), (0, -1, 0), (0.6, 0, 0.8), (-0.36, 0.48, 0.8))]
    for axis in axes:
        for angle in (0.0, 1e-9, 0.3, 2.0, np.pi - 1e-9, np.pi):
            rotation = rotation_of(angle * axis)
            assert rotation_of(turn_of(rotation)) == pytest.approx(rotation, abs=1e-6)
    for _ in range(20):
        frame = facing(tuple(rng.normal(size=3)), tuple(rng.normal(size=3)))
        assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-9)
        assert np.linalg.det(frame) == pytest.approx(1)


def test_a_tapered_solid_is_the_union_of_the_spheres_along_it() -> None:
    start, end, radii = np.array([14.0, 12.0, 3.0]), np.array([30.0, 25.0, -9.0]), (7.0, 4.0)
    surface = tapered(start, end, radii, size=(40, 48))
    assert surface is not None
    depth = np.full((40, 48), float(NOTHING))
    depth[surface.window] = surface.depth
    y, x = np.mgrid[0:40, 0:48] + 0.5
    expected = np.full((40, 48), float(NOTHING))
    for t in np.linspace(0, 1, 400):
        centre, radius = start + t * (end - start), radii[0] + t * (radii[1] - radii[0])
        square = radius**2 - (x - centre[0]) ** 2 - (y - centre[1]) ** 2
        height = centre[2] + np.sqrt(np.maximum(square, 0))
        expected = np.where(square > 0, np.maximum(expected, height), expected)
    both = (depth > NOTHING) & (expected > NOTHING)
    assert np.abs(depth - expected)[both].max() < 0.05
    assert ((depth > NOTHING) != (expected > NOTHING)).sum() <= 2


def test_a_plan_has_exact_hundredths_at_every_rate() -> None:
    for fps in (15, 20, 25, 30):
        plan = plan_tutorial(replace(Signer.from_seed(1), fps=fps), ASL_LETTERS, seconds=1.7)
        for span in plan.spans:
            assert Fraction(f"{span.start / fps:.2f}") * fps == span.start
            assert Fraction(f"{span.stop / fps:.2f}") * fps == span.stop
