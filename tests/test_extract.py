"""Extracting frames: all of them, close to what serving sees, and again only where needed."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.clips.cut import cut_clips
from pipeline.clips.extract import extract_frames, frame_path
from signwrite.clip import decoded_frames
from signwrite.errors import InputError
from tests.clips import counter_clip, read_number, rotated_clip

ROWS = ["v.mp4,A,0.1,0.5,ann", "v.mp4,B,0.5,0.9,ann", "w.mp4,A,0.2,0.3,bob"]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "v.mp4").write_bytes(counter_clip())
    (videos / "w.mp4").write_bytes(rotated_clip(90))
    cut(tmp_path, ROWS)
    return tmp_path / "clips"


def cut(folder: Path, rows: list[str]) -> None:
    times = folder / "times.csv"
    times.write_text("\n".join(["video,sign,start_s,end_s,signer", *rows]), encoding="utf-8")
    shares = {"train": 0.5, "validation": 0.5}
    cut_clips(folder / "videos", annotations=times, out=folder / "clips", shares=shares)


def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_every_frame_lies_in_its_labelled_folder(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    report = extract_frames(clips, out=out)
    assert not report.failed
    numbers = {
        row.clip: [read_number(pixels(out / frame_path(row.clip, i))) for i in range(row.frames)]
        for row in report.rows
    }
    by_name = {Path(clip).name: seen for clip, seen in numbers.items()}
    assert by_name == {
        "A_v.mp4": list(range(3, 15)),
        "B_v.mp4": list(range(15, 27)),
        "A_w.mp4": list(range(6, 9)),
    }
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")}
    assert files == {str(frame_path(row.clip, i)) for row in report.rows for i in range(row.frames)}


def test_manifest_is_read_by_pandas(clips: Path, tmp_path: Path) -> None:
    extract_frames(clips, out=tmp_path / "frames")
    table = pd.read_csv(tmp_path / "frames" / "frames.csv")
    assert list(table["sign"]) == ["A", "B", "A"]
    assert list(table["signer"]) == ["ann", "ann", "bob"]
    assert list(table["frames"]) == [12, 12, 3]
    assert [float(pts) for pts in table["pts_s"][2].split()] == pytest.approx(
        [0, 1 / 30, 2 / 30], abs=1e-6
    )


@pytest.mark.parametrize(("quality", "mean_error"), [(95, 1.0), (75, 3.0)])
def test_jpeg_changes_pixels_only_so_much(
    clips: Path, tmp_path: Path, quality: int, mean_error: float
) -> None:
    """Parity with serving: on the hard edges of a test card, in levels of 255."""
    report = extract_frames(clips, out=tmp_path / "frames", quality=quality)
    errors = [
        np.abs(frame.rgb().astype(int) - pixels(tmp_path / "frames" / frame_path(row.clip, i)))
        for row in report.rows
        for i, frame in enumerate(decoded_frames(clips / row.clip))
    ]
    assert 0 < max(error.mean() for error in errors) < mean_error


def test_finished_run_is_not_repeated_and_damage_is_mended(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    report = extract_frames(clips, out=out)
    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert extract_frames(clips, out=out).reused == 3
    victim = out / frame_path(report.rows[1].clip, 4)
    victim.write_bytes(b"damaged")
    (out / ".half.partial").mkdir()
    assert extract_frames(clips, out=out).reused == 3
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == first


def test_kill_in_the_middle_is_resumed_with_identical_results(clips: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    extract_frames(clips, out=whole)
    out = tmp_path / "frames"

    def kill(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_frames(clips, out=out, progress=kill)
    assert extract_frames(clips, out=out).reused == 1
    assert {path.relative_to(out) for path in out.rglob("*")} == {
        path.relative_to(whole) for path in whole.rglob("*")
    }
    for path in whole.rglob("*.*"):
        assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_frames_of_clips_that_went_go_too(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    extract_frames(clips, out=out)
    cut(tmp_path, ["v.mp4,A,0.1,0.3,ann", ROWS[2]])
    report = extract_frames(clips, out=out)
    assert len(list(out.rglob("*.jpg"))) == sum(row.frames for row in report.rows) == 9


def test_bad_clip_fails_alone(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    extract_frames(clips, out=out)
    with (clips / "clips.csv").open(newline="") as text:
        victim = next(csv.DictReader(text))["clip"]
    (clips / victim).write_bytes(b"damaged")
    for path in out.rglob("A_v-*.jpg"):
        path.unlink()
    report = extract_frames(clips, out=out)
    assert list(report.failed) == [victim]
    assert len(report.rows) == report.reused == 2
    assert not list(out.rglob("*A_v*"))


def test_what_is_no_folder_of_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted a table of ClipRow"):
        extract_frames(tmp_path, out=tmp_path / "frames")


@pytest.mark.parametrize("quality", [0, 101])
def test_senseless_quality_is_refused(tmp_path: Path, quality: int) -> None:
    with pytest.raises(InputError, match="quality: wanted 1 to 100"):
        extract_frames(tmp_path, out=tmp_path / "frames", quality=quality)
