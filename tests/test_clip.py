"""Every kind of clip a user may send, read or refused as it should be."""

import pickle
import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest

from signwrite.clip import DecodedFrame, Limits, Source, decoded_frames, opened
from signwrite.errors import (
    ClipError,
    InputError,
    UnsupportedMediaError,
)
from tests.clips import BAD, BLUE, GOOD, RED, Image, counter_clip, read_number

TOLERANCE = 10  # of 255: lossy codecs at their default quality


def decoded(source: Source, limits: Limits | None = None) -> list[tuple[DecodedFrame, Image]]:
    return [(frame, frame.rgb()) for frame in decoded_frames(source, limits=limits)]


def patch_mean(picture: Image, *, x: float, y: float) -> np.ndarray:
    """Average 8 x 8 pixels around a place given in fractions of the sides."""
    row, column = int(picture.shape[0] * y), int(picture.shape[1] * x)
    patch = picture[row - 4 : row + 4, column - 4 : column + 4]
    mean: np.ndarray = patch.reshape(-1, 3).mean(axis=0)
    return mean


@pytest.mark.parametrize("name", GOOD)
def test_a_good_clip_shows_its_frames_in_order(name: str) -> None:
    good = GOOD[name]
    frames = decoded(good.content)
    numbers = [read_number(picture) for _, picture in frames]
    expected = list(good.numbers)
    if good.at_least is None:
        assert numbers == expected
    else:
        assert numbers[: good.at_least] == expected[: good.at_least]
    times = [frame.pts_s for frame, _ in frames]
    assert times[0] == 0
    assert times == sorted(times)
    assert (frames[0][0].width, frames[0][0].height) == (good.width, good.height)
    assert frames[0][1].shape == (good.height, good.width, 3)
    assert frames[0][1].dtype == np.uint8


@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if good.at_least is None])
def test_the_duration_comes_from_timestamps(name: str) -> None:
    with opened(GOOD[name].content, limits=Limits()) as clip:
        assert clip.duration_s == pytest.approx(GOOD[name].duration_s, abs=0.05)


@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if good.look == "colour"])
def test_a_good_clip_has_its_colours_the_right_way_round(name: str) -> None:
    for _, picture in decoded(GOOD[name].content)[::7]:
        assert patch_mean(picture, x=0.25, y=0.5) == pytest.approx(RED, abs=TOLERANCE)
        assert patch_mean(picture, x=0.75, y=0.5) == pytest.approx(BLUE, abs=TOLERANCE)
        assert picture[picture.shape[0] // 8, picture.shape[1] // 12].min() > 230


def test_a_palette_keeps_colours_as_near_as_it_can() -> None:
    picture = decoded(GOOD["gif"].content)[0][1]
    assert patch_mean(picture, x=0.25, y=0.5) == pytest.approx(RED, abs=40)
    assert patch_mean(picture, x=0.75, y=0.5) == pytest.approx(BLUE, abs=40)


@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if good.look == "grey"])
def test_a_clip_without_colour_is_grey_in_full_range(name: str) -> None:
    picture = decoded(GOOD[name].content)[0][1]
    red, blue = patch_mean(picture, x=0.25, y=0.5), patch_mean(picture, x=0.75, y=0.5)
    assert red == pytest.approx([0.299 * 200 + 0.701 * 30] * 3, abs=4)
    assert blue == pytest.approx([0.114 * 200 + 0.886 * 30] * 3, abs=4)
    assert picture[4, 4].min() > 250
    assert picture[60, 4].max() < 5


def test_what_is_transparent_is_black() -> None:
    picture = decoded(GOOD["mov-alpha"].content)[0][1]
    assert patch_mean(picture, x=0.12, y=0.5).max() < 5
    assert patch_mean(picture, x=0.4, y=0.5) == pytest.approx(RED, abs=TOLERANCE)
    assert patch_mean(picture, x=0.75, y=0.5) == pytest.approx(BLUE, abs=TOLERANCE)


def test_the_factory_turns_clips_with_the_matrix_phones_write() -> None:
    content = GOOD["mp4-rotated-90"].content
    a, b, _, c, d = struct.unpack_from(">5i", content, content.index(b"tkhd") + 44)
    assert (a, b, c, d) == (0, 1 << 16, -1 << 16, 0)  # a quarter turn clockwise, ISO/IEC 14496-12


def test_the_factory_really_interlaces() -> None:
    with av.open(BytesIO(GOOD["ts-interlaced"].content), mode="r") as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))


@pytest.mark.parametrize("name", ["mp4-variable-rate", "mkv-variable-rate"])
def test_a_variable_frame_rate_keeps_its_times(name: str) -> None:
    times = [frame.pts_s for frame in decoded_frames(GOOD[name].content)]
    expected = [*np.arange(0, 1, 0.05), *np.arange(1, 2, 0.2)]
    assert times == pytest.approx(expected, abs=0.001)


def test_a_clock_that_starts_anew_runs_on() -> None:
    times = [frame.pts_s for frame in decoded_frames(GOOD["ts-restarted"].content)]
    assert times == pytest.approx(np.arange(30) / 30, abs=0.001)


def test_frames_of_avi_are_timed_by_their_place() -> None:
    times = [frame.pts_s for frame in decoded_frames(GOOD["avi-h264"].content)]
    assert times == pytest.approx(np.arange(30) / 30, abs=0.001)


def test_frames_that_change_size_are_each_shown_whole() -> None:
    frames = decoded(GOOD["ts-size-changes"].content)
    assert [(frame.width, frame.height) for frame, _ in frames] == [(96, 64)] * 15 + [(48, 32)] * 15
    assert patch_mean(frames[-1][1], x=0.25, y=0.5) == pytest.approx(RED, abs=TOLERANCE)


def test_damage_in_the_middle_does_not_hide_the_end() -> None:
    frames = decoded(GOOD["ts-damaged"].content)
    assert read_number(frames[-1][1]) == 29
    assert frames[-1][0].pts_s == pytest.approx(29 / 30, abs=0.001)


@pytest.mark.parametrize("size", [(48, 32), (33, 57), (200, 10)])
@pytest.mark.parametrize("name", ["mp4-h264", "mp4-rotated-90", "mp4-mirrored-270", "mov-alpha"])
def test_a_frame_is_resized_as_it_is_displayed(name: str, size: tuple[int, int]) -> None:
    width, height = size
    picture = next(decoded_frames(GOOD[name].content)).rgb(width, height)
    assert picture.shape == (height, width, 3)
    pixel = picture[height // 2, width - width // 8].astype(float)
    assert pixel == pytest.approx(BLUE, abs=2 * TOLERANCE)


def test_the_last_frame_of_a_still_list_is_not_needed_for_the_first() -> None:
    with opened(counter_clip(200), limits=Limits()) as clip:
        next(clip.frames())
        assert clip.frames_decoded == 1


@pytest.mark.parametrize("name", BAD)
def test_a_bad_clip_is_refused_by_its_own_error(name: str) -> None:
    with pytest.raises(BAD[name].error) as caught:
        decoded(BAD[name].content)
    assert type(caught.value) is BAD[name].error


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_says_nothing_of_libraries_or_paths(name: str) -> None:
    with pytest.raises(BAD[name].error) as caught:
        decoded(BAD[name].content)
    message = str(caught.value)
    assert "received" in message
    for foreign in ("/", "<none>", "Errno", "Invalid data", "avcodec", "av.", "FFmpeg"):
        assert foreign not in message


def test_bytes_a_path_and_a_file_give_the_same_frames(tmp_path: Path) -> None:
    content = counter_clip()
    path = tmp_path / "clip.txt"  # a name says nothing
    path.write_bytes(content)
    with path.open("rb") as file:
        sources: list[Source] = [content, path, file, BytesIO(content)]
        read = [np.stack([picture for _, picture in decoded(source)]) for source in sources]
    for frames in read[1:]:
        np.testing.assert_array_equal(frames, read[0])


def test_a_path_that_cannot_be_read_is_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"received .*missing\.mp4"):
        decoded(tmp_path / "missing.mp4")


@pytest.mark.parametrize("script", ["ffconcat version 1.0\nfile {path}\n", "#EXTM3U\n{path}\n"])
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".ffconcat"])
def test_a_playlist_is_never_followed(tmp_path: Path, script: str, suffix: str) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(counter_clip())
    playlist = tmp_path / f"playlist{suffix}"
    playlist.write_text(script.format(path=secret))
    with pytest.raises(UnsupportedMediaError):
        decoded(playlist)
    with playlist.open("rb") as named, pytest.raises(UnsupportedMediaError):
        decoded(named)


@pytest.mark.parametrize("name", ["png", "empty", "too-long"])
def test_refusals_cross_processes(name: str) -> None:
    with pytest.raises(BAD[name].error) as caught:
        decoded(BAD[name].content)
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (type(copied), str(copied)) == (type(caught.value), str(caught.value))


def test_a_file_object_is_read_from_where_it_stands() -> None:
    file: BinaryIO = BytesIO(b"preamble" + counter_clip())
    file.seek(len(b"preamble"))
    assert len(decoded(file)) == 30


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Damage a clip: bytes changed, most of them in its headers, or a piece taken out."""
    damaged = bytearray(content)
    for place in random.integers(0, len(damaged), size=random.integers(0, 20)):
        damaged[place] = random.integers(0, 256)
    for place in random.integers(0, min(len(damaged), 900), size=random.integers(0, 4)):
        damaged[place] = random.choice([0, 128, 255])
    if random.random() < 0.3:
        start = int(random.integers(0, len(damaged)))
        del damaged[start : start + int(random.integers(1, 400))]
    return bytes(damaged)


@pytest.mark.parametrize("name", GOOD)
def test_damage_anywhere_is_read_over_or_refused_but_never_anything_else(name: str) -> None:
    random = np.random.default_rng(sum(name.encode()))
    for _ in range(5):
        content = mutated(GOOD[name].content, random)
        try:
            for frame, picture in decoded(content):
                assert picture.shape == (frame.height, frame.width, 3)
        except ClipError as error:
            assert "received" in str(error)  # noqa: PT017 - either outcome is right
