"""Landmarks: their table, the teacher that finds them, and what training makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.clips.boxes import box_on_canvas, read_boxes
from pipeline.clips.cut import cut_clips
from pipeline.clips.manifest import read_manifest
from pipeline.drawing.filming import Camera
from pipeline.drawing.motion import HandState
from pipeline.drawing.schedule import clip_states
from pipeline.drawing.signer import Signer
from pipeline.drawing.tutorial import TIMES_FILE
from pipeline.evaluation.hand import UNKNOWN, KnownHands, check_hand, mean_check
from pipeline.example import write_tutorials
from pipeline.landmarks import LANDMARKS
from pipeline.landmarks.find import find_landmarks
from pipeline.landmarks.table import LandmarksRow, read_landmarks, write_landmarks
from pipeline.landmarks.teacher import TEACHER_SHA256, Square, Teacher, fetch_teacher
from pipeline.training.backdrop import cover_hand, draw_backdrop, replace_background
from pipeline.training.dataset import Draw
from pipeline.training.drawn import draw_movements
from pipeline.training.movement import (
    AS_MOVED,
    NO_SIGN,
    Movement,
    MovementBatches,
    invent_movement,
    pass_on,
    travel,
)
from signwrite.bundle import sha256_of
from signwrite.errors import InputError
from tests.rows import ROW


def hand(seed: int = 0, *, moments: int = 24) -> np.ndarray:
    """Joints of a drawn hand that signs J: float32 [K, 21, 3], in palm lengths."""
    joints: np.ndarray = draw_movements(["J"], signers=1, kept=moments, seed=seed)[0, 0]
    return joints


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    joints = rng.uniform(-0.2, 1.2, (2, 21, 3)).round(4).astype(np.float32)
    rows = [LandmarksRow("a.mp4", 3, 0.5, joints[0]), LandmarksRow("b.mp4", 0, 1.0, joints[1])]
    write_landmarks(tmp_path / "table.csv", rows)
    read = read_landmarks(tmp_path / "table.csv")
    assert [(r.video, r.frame, r.score) for r in read] == [("a.mp4", 3, 0.5), ("b.mp4", 0, 1.0)]
    for row, wanted in zip(read, joints, strict=True):
        np.testing.assert_allclose(row.joints, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [lines[0].replace("x0", "u0"), *lines[1:]], "wanted the columns video"),
        (lambda lines: [lines[0], lines[1].rsplit(",", 1)[0]], "cannot reshape"),
        (lambda lines: [lines[0], lines[1].rsplit(",", 1)[0] + ",nan"], "wanted finite numbers"),
        (lambda lines: [lines[0], lines[1].rsplit(",", 1)[0] + ",left"], "could not convert"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, change: object, told: str) -> None:
    path = tmp_path / "table.csv"
    write_landmarks(path, [LandmarksRow("a.mp4", 0, 1.0, np.zeros((21, 3), np.float32))])
    assert callable(change)
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(InputError, match=told):
        read_landmarks(path)


def test_a_table_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="table of landmarks"):
        read_landmarks(tmp_path / "nothing.csv")


def test_a_table_of_boxes_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted a table of hand boxes"):
        read_boxes(tmp_path / "nothing.csv")


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's model, from the package index."""
    return fetch_teacher(tmp_path_factory.mktemp("teacher") / "hand.tflite")


@pytest.mark.slow
def test_the_teacher_is_the_one_that_is_known(teacher: Path, tmp_path: Path) -> None:
    assert sha256_of(teacher) == TEACHER_SHA256
    damaged = tmp_path / "hand.tflite"
    damaged.write_bytes(teacher.read_bytes()[:-1])
    assert sha256_of(fetch_teacher(damaged)) == TEACHER_SHA256


@pytest.mark.slow
def test_the_teacher_finds_the_joints_of_a_drawn_hand(teacher: Path) -> None:
    """A drawn hand has joints that are known: the teacher must find the open fingers."""
    signer = replace(Signer.from_seed(3).resized(320), left_handed=False)
    shot = Camera(signer).shoot(steady("B", signer))
    height, width = shot.hand.shape
    assert shot.box is not None
    left, top, right, bottom = np.array(shot.box) * (width, height, width, height)
    square = ((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top))
    joints, score = Teacher(teacher).find(shot.pixels, square)
    assert score > 0.5
    off = np.abs(joints[:, :2] - shot.joints[:, :2] * (width, height)).max(axis=1) / square[2]
    assert np.median(off) < 0.08


def steady(sign: str, signer: Signer) -> HandState:
    states = list(clip_states(sign, signer, frames=9, fps=Fraction(15)))
    return states[4]


@pytest.mark.slow
def test_a_table_is_found_for_every_known_box_and_a_killed_search_goes_on(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = tmp_path / "videos"
    write_tutorials(videos, signers=2, signs=("B", "Y"), seconds=0.5)
    clips = tmp_path / "clips"
    cut_clips(videos, annotations=videos / TIMES_FILE, out=clips)
    boxes, out = videos / "hand_boxes.csv", tmp_path / "found.csv"
    asked: list[str] = []
    real = Teacher.find

    def find(self: Teacher, picture: np.ndarray, square: Square, **more: object) -> object:
        asked.append("")
        if len(asked) == stops_at:
            raise KeyboardInterrupt
        return real(self, picture, square, **more)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Teacher, "find", find)
    frames = len(read_boxes(boxes))
    stops_at = frames  # in the second video
    with pytest.raises(KeyboardInterrupt):
        find_landmarks(clips, boxes=boxes, teacher=lambda: teacher, out=out)
    assert not out.exists()
    asked.clear()
    report = find_landmarks(clips, boxes=boxes, teacher=lambda: teacher, out=out)
    assert 0 < len(asked) < frames  # what was found before is kept
    rows = read_landmarks(out)
    assert report.looked_at == len(rows) == frames
    assert {(row.video, row.frame) for row in rows} == set(read_boxes(boxes))
    assert [path.name for path in tmp_path.iterdir() if "found" in path.name] == ["found.csv"]
    believed = [row for row in rows if row.score >= 0.5]
    assert report.found == len(believed) > 0


def cut_one_signer(videos: Path, *, out: Path) -> None:
    cut_clips(videos, annotations=videos / TIMES_FILE, out=out, shares={"train": 1.0})


def test_boxes_of_other_videos_are_said_before_anything_is_fetched(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    write_tutorials(videos, signers=1, signs=("B",), seconds=0.3, short_side_px=96)
    cut_one_signer(videos, out=tmp_path / "clips")
    boxes = tmp_path / "boxes.csv"
    boxes.write_text((videos / "hand_boxes.csv").read_text().replace("abc1", "abc9"))
    asked = []

    def teacher() -> Path:
        asked.append("")
        return tmp_path

    with pytest.raises(InputError, match="received none"):
        find_landmarks(tmp_path / "clips", boxes=boxes, teacher=teacher, out=tmp_path / "found.csv")
    assert asked == []


def test_a_hand_is_covered_and_what_is_behind_it_is_replaced() -> None:
    signer = replace(Signer.from_seed(3).resized(240), left_handed=False)
    shot = Camera(signer).shoot(steady("B", signer))
    height, width = shot.hand.shape
    side = min(height, width)
    joints = shot.joints.copy()
    joints[:, :2] *= (width / side, height / side)
    square, mask = shot.pixels[:side, :side], shot.hand[:side, :side]
    cover = cover_hand(joints, size_px=side)[..., 0]
    assert cover[mask].mean() > 0.85
    far = cover < 0.01
    assert far.mean() > 0.3
    behind = np.full_like(square, 77)
    replaced = replace_background(square, behind, joints)
    assert np.abs(replaced[far].astype(int) - 77).max() <= 3
    solid = cover > 0.99
    difference = replaced[solid].astype(int) - square[solid]
    assert np.abs(difference).max() <= 3


def test_a_backdrop_is_cut_beside_the_hand_if_there_is_room() -> None:
    picture = np.full((90, 160, 3), 60, np.uint8)
    picture[30:60, 120:150] = (0, 255, 0)
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        drawn = draw_backdrop(picture, (135.0, 45.0, 30.0), size_px=64, rng=rng)
        assert drawn.shape == (64, 64, 3)
        green = (drawn[..., 1] > 200) & (drawn[..., 0] < 50) & (drawn[..., 2] < 50)
        hits += green.mean() > 0.02
    assert hits <= 4


def test_an_invented_movement_keeps_the_hands_shape() -> None:
    joints = hand()
    rng = np.random.default_rng(1)
    clips = [invent_movement(joints, frames=8, rng=rng) for _ in range(30)]
    for clip, presence in clips:
        assert clip.shape == (8, 21, 3)
        assert presence.shape == (8,)
        assert np.isfinite(clip).all()
        bones = np.linalg.norm(clip[:, 1:, :2] - clip[:, :-1, :2], axis=-1).mean(axis=1)
        wanted = np.linalg.norm(joints[:, 1:, :2] - joints[:, :-1, :2], axis=-1).mean()
        assert 0.5 < np.median(bones) / wanted < 2.0
    mirrored = [thumb_side(clip) for clip, _ in clips]
    assert {-1.0, 1.0} == set(mirrored)  # left and right hands
    hidden = [(presence < 0).any() for _, presence in clips]
    assert any(hidden)
    assert not all(hidden)


def test_without_inventions_a_clip_is_what_it_was() -> None:
    joints = hand(24)
    nothing = Movement(**dict.fromkeys(Movement.model_fields, 0.0))
    rng = np.random.default_rng(1)
    clip, presence = invent_movement(joints, frames=8, rng=rng, strength=nothing)
    np.testing.assert_allclose(clip, joints[1::3], atol=1e-5)
    assert (presence > 0).all()


def test_a_hand_that_comes_late_and_leaves_early_shows_the_whole_sign_between() -> None:
    joints = hand(24)
    away = Movement(**dict.fromkeys(Movement.model_fields, 0.0) | {"away": 4.0})
    unseen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        clip, presence = invent_movement(joints, frames=12, rng=rng, strength=away)
        apart = np.abs(clip[:, None] - joints).max(axis=(2, 3))
        shown = np.flatnonzero(apart.min(axis=1) < 1e-4)
        assert 6 <= len(shown) <= 10
        np.testing.assert_array_equal(shown, np.arange(shown[0], shown[-1] + 1))
        assert 0 < shown[0] <= 3
        assert 8 <= shown[-1] < 11
        moments = apart[shown].argmin(axis=1)
        assert moments[0] <= 2
        assert moments[-1] >= 21
        assert (presence[shown] > 0).all()
        unseen += (presence < 0).any()
    assert 5 < unseen < 20


def thumb_side(clip: np.ndarray) -> float:
    first = clip[len(clip) // 2]
    along, across = first[9, :2] - first[0, :2], first[5, :2] - first[17, :2]
    return float(np.sign(along[0] * across[1] - along[1] * across[0]))


def test_drawn_movements_move_where_the_sign_does() -> None:
    drawn = draw_movements(["I", "J", "D", "Z"], signers=3, kept=12, seed=5)
    assert drawn.shape == (3, 4, 12, 21, 3)
    travel = np.ptp(drawn[..., [8, 20], :2], axis=2).max(axis=(0, 2, 3))
    assert travel[[0, 2]].max() < 0.5
    assert travel[[1, 3]].min() > 1.0
    np.testing.assert_array_equal(
        drawn, draw_movements(["I", "J", "D", "Z"], signers=3, kept=12, seed=5)
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_batch_of_movements_takes_its_share_of_drawn_ones(share: float) -> None:
    def batch(index: int) -> tuple[Sequence[np.ndarray], np.ndarray]:
        drawn = draw_movements(["J"], signers=2, kept=24, seed=3)
        batches = MovementBatches(
            np.stack([hand(7), hand(8)]),
            np.array([0, 1]),
            drawn=drawn,
            drawn_labels=np.array([2]),
            share=share,
            frames=6,
            strength=AS_MOVED,
            draw=Draw(batch=200, steps=2, seed=1, epoch=0),
        )
        made: tuple[Sequence[np.ndarray], np.ndarray] = batches[index]
        return made

    (joints, presence), labels = batch(0)
    assert joints.shape == (200, 6, 21, 3)
    assert presence.shape == (200, 6)
    signs = labels[labels != NO_SIGN]
    assert 100 < len(signs) < 200
    assert (signs == 2).mean() == pytest.approx(share, abs=0.1)
    np.testing.assert_array_equal(joints, batch(0)[0][0])
    assert not np.array_equal(joints, batch(1)[0][0])


def test_a_hand_that_stands_still_travels_less_than_one_that_moves() -> None:
    still, moving = draw_movements(["I", "J"], signers=1, kept=12, seed=5)[0]
    assert travel(still) < 0.3
    assert travel(moving) > 0.8
    assert travel(moving * 3) == pytest.approx(travel(moving), rel=1e-4)


def test_a_hand_passes_from_sign_to_sign_in_one_place() -> None:
    clips = [
        clip + 5.0 * at
        for at, clip in enumerate(draw_movements(["A", "B", "Y"], signers=1, kept=6, seed=5)[0])
    ]
    shown = pass_on(clips)
    for moment, at in enumerate([0, 0, 1, 1, 2, 2]):
        shape = shown[moment, :, :2] - shown[moment, 0, :2]
        np.testing.assert_allclose(
            shape, (clips[at][moment] - clips[at][moment, 0])[:, :2], atol=1e-4
        )
    assert travel(shown) < 2.0


def test_where_a_bundle_looked_is_compared_with_the_known_hand() -> None:
    row = replace(ROW, video="v.mp4", first_frame=10, fps=10.0, width=200, height=100)
    box = (0.4, 0.3, 0.6, 0.7)  # a square of 40 px
    known = {("v.mp4", frame): box for frame in (10, 11)}
    x, y, side = box_on_canvas(box, row, canvas_px=100)
    half = side / 2 * 1.2
    right, beside = [x - half, y - half, x + half, y + half], [0.0, 0.0, 0.2, 0.2]
    looked = np.array([right, beside, beside], np.float32)
    # A hand of which two joints reach from corner to corner of the box's middle half.
    joints = np.tile(np.array([0.5, 0.5, 0.0], np.float32), (LANDMARKS, 1))
    joints[0, :2], joints[1, :2] = (0.45, 0.4), (0.55, 0.6)
    hands = {("v.mp4", 10): joints, ("v.mp4", 12): joints}
    check = check_hand(
        row,
        np.array([0.0, 0.1, 0.2]),
        looked,
        known=KnownHands(known, hands),
        canvas_px=100,
        margin=1.2,
    )
    assert check.found == 0.5  # the third frame's box is not known
    assert check.overlap == pytest.approx(0.5, abs=0.01)
    assert check.joints_found == 0.5  # of the first frame and the third
    assert check.travel == pytest.approx(0.0)
    nothing = check_hand(row, np.zeros(3), looked, known=KnownHands(), canvas_px=100, margin=1.2)
    assert nothing == UNKNOWN
    assert mean_check([check, nothing, UNKNOWN]) == check


def test_clips_of_a_folder_are_what_boxes_are_looked_up_by(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    write_tutorials(videos, signers=1, signs=("B",), seconds=0.3, short_side_px=96)
    cut_one_signer(videos, out=tmp_path / "clips")
    (row,) = read_manifest(tmp_path / "clips")
    frames = {frame for video, frame in read_boxes(videos / "hand_boxes.csv") if video == row.video}
    assert frames == set(range(row.first_frame, row.first_frame + row.frames))
