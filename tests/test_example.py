import csv
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.drawing.filming import Camera
from pipeline.drawing.schedule import clip_states
from pipeline.drawing.signer import Signer
from pipeline.drawing.tutorial import Tutorial, signers_table
from pipeline.encoding import count_frames
from pipeline.example import draw_clip, write_example_clip, write_tutorials
from pipeline.jobs import Workers
from pipeline.landmarks.table import read_landmarks
from signwrite.errors import InputError
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

SMALL_PX = 96


@pytest.fixture(scope="module")
def signer() -> Signer:
    """A close-up, right-handed and steady: the letters at their most legible."""
    drawn = Signer.from_seed(3).resized(SMALL_PX)
    assert drawn.framing == "close-up"
    return replace(drawn, left_handed=False, tremor=0.5, noise=0.0)


@pytest.fixture(scope="module")
def tutorials(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Tutorial, ...]]:
    out = tmp_path_factory.mktemp("drawn")
    signs = ("A", "J", "HELLO")
    return out, write_tutorials(
        out, signers=2, signs=signs, seconds=0.6, seed=4, short_side_px=SMALL_PX
    )


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.reader(lines)


def test_the_same_signer_draws_the_same_frames_and_another_take_other_noise() -> None:
    noisy = Signer.from_seed(5).resized(SMALL_PX)
    first, again, other = (
        draw_clip("V", signer=noisy, seconds=0.4, fps=10, take=take) for take in (0, 0, 1)
    )
    assert np.array_equal(first.frames, again.frames)
    assert first.boxes == again.boxes == other.boxes
    assert not np.array_equal(first.frames, other.frames)


@pytest.mark.parametrize("seed", range(6))
def test_a_box_holds_every_pixel_of_the_hand_and_is_not_the_whole_picture(seed: int) -> None:
    clip = draw_clip("W", signer=Signer.from_seed(seed).resized(SMALL_PX), seconds=0.5, fps=10)
    _, height, width, _ = clip.frames.shape
    assert any(box is not None for box in clip.boxes)
    for hand, box in zip(clip.hands, clip.boxes, strict=True):
        if box is None:
            assert np.count_nonzero(hand) < 12
            continue
        rows, columns = np.flatnonzero(hand.any(axis=1)), np.flatnonzero(hand.any(axis=0))
        assert box[0] * width <= columns[0] + 1e-6
        assert box[1] * height <= rows[0] + 1e-6
        assert box[2] * width >= columns[-1] + 1 - 1e-6
        assert box[3] * height >= rows[-1] + 1 - 1e-6
        assert all(0 <= value <= 1 for value in box)
        # The hand is most of a box's middle third and the box is little more than the hand.
        assert (rows[-1] - rows[0]) / height > 0.3 * (box[3] - box[1])


def test_a_left_hander_is_the_mirror_image(signer: Signer) -> None:
    right = draw_clip("L", signer=signer, seconds=0.2, fps=10)
    left = draw_clip("L", signer=replace(signer, left_handed=True), seconds=0.2, fps=10)
    assert np.array_equal(left.frames, right.frames[:, :, ::-1])
    box, mirrored = right.boxes[0], left.boxes[0]
    assert box is not None
    assert mirrored is not None
    assert mirrored == pytest.approx((1 - box[2], box[1], 1 - box[0], box[3]))


def test_a_clip_begins_and_ends_without_the_hand_in_place(signer: Signer) -> None:
    clip = draw_clip("B", signer=signer, seconds=1.5, fps=12)
    seen = clip.hands.sum(axis=(1, 2))
    assert seen[0] < seen[9] / 2
    assert seen[-1] < seen[9] / 2
    assert clip.frames.shape[0] == 18


def test_the_annotation_is_exact_and_agrees_with_the_videos(
    tutorials: tuple[Path, tuple[Tutorial, ...]],
) -> None:
    out, written = tutorials
    rows = list(_rows(out / "video_clip_times.csv"))
    assert [row[0] for row in rows] == ["A", "A", "J", "J", "HELLO", "HELLO"]
    for column, tutorial in enumerate(written, start=1):
        fps = tutorial.signer.fps
        at = [Fraction(row[column].strip()) * fps for row in rows]
        assert all(moment.denominator == 1 for moment in at)
        spans = [(int(a), int(b)) for a, b in zip(at[::2], at[1::2], strict=True)]
        assert spans == [(span.start, span.stop) for span in tutorial.plan.spans]
        edges = [0, *(edge for span in spans for edge in span), tutorial.plan.frames]
        pauses = [b - a for a, b in pairwise(edges)][::2]
        assert all(pause >= 0.4 * fps for pause in pauses)
        assert count_frames(out / tutorial.video) == tutorial.plan.frames


def test_every_frame_of_a_sign_has_a_box_and_no_other_frame(
    tutorials: tuple[Path, tuple[Tutorial, ...]],
) -> None:
    out, written = tutorials
    header, *rows = _rows(out / "hand_boxes.csv")
    assert header == ["video", "frame", "letter", "x_min", "y_min", "x_max", "y_max", "score"]
    expected = [
        (tutorial.video, frame, span.sign)
        for tutorial in written
        for span in tutorial.plan.spans
        for frame in range(span.start, span.stop)
    ]
    assert [(row[0], int(row[1]), row[2]) for row in rows] == expected
    corners = np.array([row[3:7] for row in rows], float)
    assert (corners[:, :2] < corners[:, 2:]).all()


def test_every_box_has_its_landmarks_and_they_fill_it(
    tutorials: tuple[Path, tuple[Tutorial, ...]],
) -> None:
    out, _ = tutorials
    _, *boxes = _rows(out / "hand_boxes.csv")
    table = read_landmarks(out / "hand_landmarks.csv")
    assert [(row.video, row.frame) for row in table] == [(b[0], int(b[1])) for b in boxes]
    for row, box in zip(table, boxes, strict=True):
        left, top, right, bottom = (float(edge) for edge in box[3:7])
        inside = (row.joints[:, 0] > left - 0.01) & (row.joints[:, 0] < right + 0.01)
        inside &= (row.joints[:, 1] > top - 0.01) & (row.joints[:, 1] < bottom + 0.01)
        within = (row.joints[:, :2] > 0).all(axis=1) & (row.joints[:, :2] < 1).all(axis=1)
        assert inside[within].all()


def test_a_left_handed_signers_landmarks_lie_on_the_hand() -> None:
    for seed in range(6):
        signer = Signer.from_seed(seed)
        shot = Camera(signer).shoot(
            next(iter(clip_states("B", signer, frames=1, fps=Fraction(15))))
        )
        height, width = shot.hand.shape
        for joint in (5, 9, 13):  # knuckles lie within the palm
            x, y = int(shot.joints[joint, 0] * width), int(shot.joints[joint, 1] * height)
            assert shot.hand[y, x], (seed, joint)


def test_the_signers_file_says_who_and_what_is_missing(
    tutorials: tuple[Path, tuple[Tutorial, ...]],
) -> None:
    out, _ = tutorials
    header, *rows = _rows(out / "signers.csv")
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["video"] for row in table] == ["abc1.mp4", "abc2.mp4"]
    assert len({row["signer_id"] for row in table}) == 2
    assert {row["j_moving"] for row in table} == {"yes"}
    assert {row["z_moving"] for row in table} == {""}
    assert "Z" in table[0]["letters_missing"].split()


def test_tutorials_are_the_same_bytes_again_and_by_an_executor(
    tutorials: tuple[Path, tuple[Tutorial, ...]], tmp_path: Path
) -> None:
    out, _ = tutorials
    with ThreadPoolExecutor(2) as executor:
        write_tutorials(
            tmp_path, signers=2, signs=("A", "J", "HELLO"), seconds=0.6, seed=4,
            short_side_px=SMALL_PX, workers=Workers(executor=executor),
        )  # fmt: skip
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        one, other = (hashlib.sha256((d / name).read_bytes()).digest() for d in (out, tmp_path))
        assert one == other, name


def test_wrong_wishes_are_refused_with_what_was_wanted(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(InputError, match=r"a sign that can be drawn, one of A, B.*received 'Ä'"):
        draw_clip("Ä", signer=signer)
    with pytest.raises(InputError, match=r"at most 60 seconds a sign; received 61"):
        draw_clip("A", signer=signer, seconds=61)
    with pytest.raises(InputError, match=r"1 to 120 frames per second; received 0"):
        draw_clip("A", signer=signer, fps=0)
    with pytest.raises(InputError, match=r"1 to 10000 signers; received 0"):
        write_tutorials(tmp_path, signers=0)
    with pytest.raises(InputError, match=r"distinct signs"):
        write_tutorials(tmp_path, signers=1, signs=("A", "A"))
    with pytest.raises(InputError, match=r"a short side of 64 to 1080 px; received 8"):
        write_tutorials(tmp_path, signers=1, short_side_px=8)
    assert list(tmp_path.iterdir()) == []


def test_an_example_clip_is_read_by_the_reader_that_serves(tmp_path: Path, signer: Signer) -> None:
    """The picture that training and serving see is the one that was drawn, frame for frame."""
    drawn = draw_clip("B", signer=signer, seconds=0.8, fps=10)
    path = write_example_clip(tmp_path / "new" / "b.mp4", "B", signer=signer, seconds=0.8, fps=10)
    _, height, width, _ = drawn.frames.shape
    recipe = Recipe(frames_per_clip=8, canvas_px=max(height, width))
    tensor = read_tensor(path, recipe=recipe)
    assert tensor.frames_used == 8
    top, left = (recipe.canvas_px - height) // 2, (recipe.canvas_px - width) // 2
    shown = tensor.frames[:, top : top + height, left : left + width].astype(int)
    assert np.abs(shown - drawn.frames).mean() < 6
    apart = np.abs(shown[0] - drawn.frames[4].astype(int)).mean()
    assert apart > 6, "a frame is nearer to another than to its own: the bound proves nothing"


@pytest.mark.parametrize(
    ("count", "validation"), [(1, set()), (3, {3}), (4, {4}), (5, {5}), (12, {5, 10})]
)
def test_some_signers_are_for_validation_where_there_are_two_or_more(
    tutorials: tuple[Path, tuple[Tutorial, ...]], count: int, validation: set[int]
) -> None:
    _, (one, *_) = tutorials
    header, *rows = csv.reader(signers_table([one] * count).splitlines())
    split = header.index("suggested_split")
    assert {place for place, row in enumerate(rows, 1) if row[split] == "validation"} == validation
