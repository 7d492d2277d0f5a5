from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.encoding import count_frames, write_video
from signwrite.errors import InputError

Frame = npt.NDArray[np.uint8]


def _greys(count: int, *, height: int = 48, width: int = 64) -> Iterator[Frame]:
    """Frames whose grey tells their number."""
    for index in range(count):
        yield np.full((height, width, 3), 20 + 8 * index, np.uint8)


def _decoded(path: Path) -> list[tuple[Fraction, bool, Frame]]:
    """Return time, whether it is a key frame, and pixels of every frame."""
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            pixels: Frame = frame.to_ndarray(format="rgb24").astype(np.uint8)
            frames.append((frame.pts * frame.time_base, frame.key_frame, pixels))
    return frames


@pytest.mark.parametrize("fps", [Fraction(15), Fraction(30000, 1001), Fraction(25, 2)])
def test_every_frame_comes_back_in_order_at_its_exact_time(tmp_path: Path, fps: Fraction) -> None:
    path = tmp_path / "v.mp4"
    assert write_video(path, _greys(20), fps=fps, crf=10) == 20
    frames = _decoded(path)
    assert [time for time, _, _ in frames] == [index / fps for index in range(20)]
    greys = [float(pixels.mean()) for _, _, pixels in frames]
    assert greys == pytest.approx([20 + 8 * index for index in range(20)], abs=3)


def test_colours_survive_the_way_through_yuv(tmp_path: Path) -> None:
    """A matrix or range tagged wrongly shifts pure colours by ten or more."""
    picture = np.zeros((64, 96, 3), np.uint8)
    for place, colour in enumerate([(200, 30, 30), (30, 180, 40), (40, 50, 210)]):
        picture[:, 32 * place : 32 * place + 32] = colour
    path = tmp_path / "c.mp4"
    write_video(path, [picture] * 3, fps=Fraction(10), crf=4)
    shown = _decoded(path)[1][2]
    for place in range(3):
        middle = shown[32, 32 * place + 16].astype(int)
        assert np.abs(middle - picture[32, 32 * place + 16]).max() <= 6
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.colorspace == 6  # BT.601
        assert stream.codec_context.color_range == 1  # limited


def test_odd_sides_are_padded_with_their_own_edge(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    write_video(path, _greys(2, height=49, width=65), fps=Fraction(10), crf=4)
    shown = _decoded(path)[0][2]
    assert shown.shape == (50, 66, 3)
    assert np.abs(shown[-1, -1].astype(int) - 20).max() <= 3


def test_asked_for_key_frames_are_key_frames(tmp_path: Path) -> None:
    path = tmp_path / "k.mp4"
    write_video(path, _greys(12), fps=Fraction(10), keyframes=[3, 7])
    keys = [index for index, (_, key, _) in enumerate(_decoded(path)) if key]
    assert keys == [0, 3, 7]


def test_the_same_frames_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, _greys(9), fps=Fraction(15))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, _greys(3), fps=Fraction(15))
    before = path.read_bytes()

    def broken() -> Iterator[Frame]:
        yield from _greys(2)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_video(path, broken(), fps=Fraction(15))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "wanted"),
    [
        ([], "at least one frame"),
        ([np.zeros((48, 64), np.uint8)], r"uint8 \[H, W, 3\].*received uint8 \(48, 64\)"),
        ([np.zeros((48, 64, 3), np.float32)], "received float32"),
        ([np.zeros((8, 64, 3), np.uint8)], "at least 16 px"),
        (
            [np.zeros((48, 64, 3), np.uint8), np.zeros((48, 66, 3), np.uint8)],
            r"frame 1 as uint8 \(48, 64, 3\) like the first; received uint8 \(48, 66, 3\)",
        ),
    ],
)
def test_frames_that_are_no_video_are_refused(
    tmp_path: Path, frames: list[Frame], wanted: str
) -> None:
    with pytest.raises(InputError, match=wanted):
        write_video(tmp_path / "v.mp4", frames, fps=Fraction(15))
    assert list(tmp_path.iterdir()) == []


def test_a_rate_or_quality_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a frame rate above 0; received 0"):
        write_video(tmp_path / "v.mp4", _greys(1), fps=Fraction(0))
    with pytest.raises(InputError, match="crf of 0 to 51; received 52"):
        write_video(tmp_path / "v.mp4", _greys(1), fps=Fraction(1), crf=52)


def test_counting_frames_of_what_is_no_video_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(InputError, match=r"text\.mp4: a video that decodes"):
        count_frames(path)
