"""Cutting: the right frames, at the right times, once; and what a bad video or a kill leaves."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest

from pipeline.clips.cut import CutReport, cut_clips
from pipeline.clips.manifest import read_manifest
from pipeline.jobs import Workers, run_each
from signwrite.errors import InputError
from tests.clips import (
    Silence,
    counter_clip,
    covered_clip,
    cut_off,
    edited_clip,
    encode,
    non_square_clip,
    read_number,
    rotated_clip,
    variable_rate_clip,
)

HEADER = "video,sign,start_s,end_s,signer\n"


class Workplace:
    """A folder with videos, annotations and clips."""

    def __init__(self, folder: Path) -> None:
        self.videos = folder / "videos"
        self.out = folder / "clips"
        self.times = folder / "times.csv"
        self.videos.mkdir()

    def add(self, name: str, content: bytes) -> None:
        (self.videos / name).write_bytes(content)

    def annotate(self, rows: Iterable[str]) -> None:
        self.times.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")

    def cut(
        self,
        *,
        shares: Mapping[str, float] | None = None,
        **options: Any,  # noqa: ANN401 - the options of `cut_clips`
    ) -> CutReport:
        return cut_clips(
            self.videos,
            annotations=self.times,
            out=self.out,
            shares=shares or {"train": 1.0},
            **options,
        )

    def files(self) -> dict[str, bytes]:
        paths = sorted(path for path in self.out.rglob("*") if path.is_file())
        return {path.relative_to(self.out).as_posix(): path.read_bytes() for path in paths}

    def seen(self, clip: str) -> tuple[list[int], list[Fraction]]:
        """Read the numbers off a clip's frames, and when they show."""
        with av.open(self.out / clip) as container:
            frames = list(container.decode(video=0))
        numbers = [
            read_number(np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8))
            for frame in frames
        ]
        times_s = [
            frame.pts * frame.time_base
            for frame in frames
            if frame.pts is not None and frame.time_base
        ]
        return numbers, times_s


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def counter_with_rare_key_frames(codec: str = "libx264", *, container: str = "mp4") -> bytes:
    """200 frames at 30 a second, B-frames, one key frame: a cut at key frames cannot be right."""
    numbers = tuple(range(200))
    options = (
        {"g": "1000", "bf": "3"} if codec == "libx264" else {"g": "1000", "deadline": "realtime"}
    )
    return encode(container, codec, numbers=numbers, options=options)


@pytest.mark.parametrize(
    ("codec", "container", "name"),
    [("libx264", "mp4", "v.mp4"), ("libvpx", "webm", "v.webm"), ("libx264", "mpegts", "v.ts")],
)
def test_cut_is_accurate_to_the_frame(
    place: Workplace, codec: str, container: str, name: str
) -> None:
    place.add(name, counter_with_rare_key_frames(codec, container=container))
    spans = {"A": (0, 1), "B": (7, 40), "C": (40, 41), "D": (99, 200)}
    place.annotate(
        f"{name},{sign},{first / 30:.3f},{end / 30:.3f},ann" for sign, (first, end) in spans.items()
    )
    report = place.cut()
    assert not report.failed
    for sign, (first, end) in spans.items():
        numbers, times_s = place.seen(f"train/{sign}/{sign}_v.mp4")
        assert numbers == list(range(first, end))
        assert times_s == pytest.approx([i / 30 for i in range(end - first)], abs=0.0011)
    assert [(row.first_frame, row.frames) for row in report.rows] == [
        (first, end - first) for first, end in spans.values()
    ]


def test_interval_is_half_open(place: Workplace) -> None:
    """Hazard: the predecessor's `<=`; a frame at the very end belongs to the next sign."""
    place.add("v.mp4", counter_clip(60, rate=25))
    place.annotate(["v.mp4,A,0.4,0.8,ann", "v.mp4,B,0.8,0.839,ann"])
    place.cut()
    assert place.seen("train/A/A_v.mp4")[0] == list(range(10, 20))
    assert place.seen("train/B/B_v.mp4")[0] == [20]


def test_variable_rate_keeps_its_timestamps(place: Workplace) -> None:
    place.add("v.mp4", variable_rate_clip())
    place.annotate(["v.mp4,A,0.9,1.5,ann"])
    place.cut()
    numbers, times_s = place.seen("train/A/A_v.mp4")
    assert numbers == [18, 19, 20, 21, 22]
    assert times_s == [Fraction(n, 1000) for n in (0, 50, 100, 300, 500)]


@pytest.mark.parametrize(
    ("fps", "wanted"),
    [
        (15.0, [18, 19, 20, 20, 20, 21, 21, 21, 22]),
        (5.0, [18, 20, 21]),
        (29.97, [18, 18, 19] + [20] * 6 + [21] * 6 + [22] * 3),
    ],
)
def test_constant_rate_shows_at_each_moment_what_the_video_shows(
    place: Workplace, fps: float, wanted: list[int]
) -> None:
    """The video shows 18 at 0.9 s, 19 at 0.95, 20 at 1.0, 21 at 1.2, 22 at 1.4."""
    place.add("v.mp4", variable_rate_clip())
    place.annotate(["v.mp4,A,0.9,1.5,ann"])
    report = place.cut(fps=fps)
    numbers, times_s = place.seen("train/A/A_v.mp4")
    assert numbers == wanted
    exact = Fraction(fps).limit_denominator(1001)
    assert times_s == [i / exact for i in range(len(wanted))]
    assert report.rows[0].fps == pytest.approx(fps, abs=1e-4)


def test_clip_has_no_sound(place: Workplace) -> None:
    place.add("v.mp4", encode("mp4", "libx264", silence=Silence("aac", first=True)))
    place.annotate(["v.mp4,A,0.5,0.9,ann"])
    place.cut()
    with av.open(place.out / "train/A/A_v.mp4") as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert place.seen("train/A/A_v.mp4")[0] == list(range(15, 27))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turned_video_gives_upright_clip(place: Workplace, degrees: int, *, mirrored: bool) -> None:
    place.add("v.mp4", rotated_clip(degrees, mirrored=mirrored))
    place.annotate(["v.mp4,A,0.1,0.5,ann"])
    report = place.cut()
    assert place.seen("train/A/A_v.mp4")[0] == list(range(3, 15))
    assert (report.rows[0].width, report.rows[0].height) == (96, 64)
    with av.open(place.out / "train/A/A_v.mp4") as container:
        frame = next(container.decode(video=0))
    assert frame.rotation == 0
    left, right = frame.to_ndarray(format="rgb24")[30, [10, 80]]
    assert left[0] > left[2]
    assert right[2] > right[0]


def test_aspect_of_pixels_is_kept(place: Workplace) -> None:
    place.add("v.mp4", non_square_clip())
    place.annotate(["v.mp4,A,0.1,0.5,ann"])
    place.cut()
    with av.open(place.out / "train/A/A_v.mp4") as container:
        assert container.streams.video[0].sample_aspect_ratio == 2


def test_frames_before_an_edit_list_do_not_count(place: Workplace) -> None:
    place.add("v.mp4", edited_clip())
    place.annotate(["v.mp4,A,0.1,0.5,ann"])
    place.cut()
    assert place.seen("train/A/A_v.mp4")[0] == list(range(13, 25))


@pytest.mark.parametrize(
    ("codec", "pixels", "size"),
    [
        ("libx264", "yuv444p", (97, 65)),
        ("libx264", "yuv420p10le", (96, 64)),
        ("mjpeg", "yuvj422p", (96, 64)),
    ],
    ids=["odd sides", "ten bits", "full range"],
)
def test_any_pixels_become_even_420(
    place: Workplace, codec: str, pixels: str, size: tuple[int, int]
) -> None:
    place.add("v.mkv", encode("matroska", codec, pixels=pixels, size=size))
    place.annotate(["v.mkv,A,0.1,0.5,ann"])
    report = place.cut()
    assert not report.failed
    assert place.seen("train/A/A_v.mp4")[0] == list(range(3, 15))
    with av.open(place.out / "train/A/A_v.mp4") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (96, 64)
    assert frame.format.name == ("yuvj420p" if codec == "mjpeg" else "yuv420p")
    assert frame.to_ndarray(format="rgb24")[30, 10] == pytest.approx((200, 30, 30), abs=12)


def test_cover_picture_is_not_the_video(place: Workplace) -> None:
    place.add("v.mkv", covered_clip())
    place.annotate(["v.mkv,A,0.1,0.5,ann"])
    place.cut()
    assert place.seen("train/A/A_v.mp4")[0] == list(range(3, 15))


def test_manifest_is_read_by_pandas(place: Workplace) -> None:
    place.add("v.mp4", counter_clip(60))
    place.annotate(["v.mp4,THANK YOU,0.5,1,ann", "v.mp4,A,1,1.5,bob", "v.mp4,A,1.6,1.7,bob"])
    report = place.cut()
    table = pd.read_csv(place.out / "clips.csv")
    assert list(table["clip"]) == [
        "train/THANK YOU/THANK YOU_v.mp4",
        "train/A/A_v.mp4",
        "train/A/A_v_2.mp4",
    ]
    assert list(table["signer"]) == ["ann", "bob", "bob"]
    assert list(table["frames"]) == [15, 15, 3]
    assert list(table["first_frame"]) == [15, 30, 48]
    assert tuple(read_manifest(place.out)) == report.rows


def three_videos(place: Workplace) -> None:
    for i in range(3):
        place.add(f"abc{i}.mp4", counter_clip(60))
    place.annotate(f"abc{i}.mp4,{sign}" for i in range(3) for sign in ("A,0.1,0.5,", "B,1,1.5,"))


def test_bad_video_fails_alone(place: Workplace) -> None:
    three_videos(place)
    whole = place.cut()
    place.add("abc1.mp4", cut_off(partial(counter_clip, 60), keep=0.9))
    report = place.cut()
    assert list(report.failed) == ["abc1.mp4"]
    assert [row.video for row in report.rows] == ["abc0.mp4"] * 2 + ["abc2.mp4"] * 2
    assert report.reused == 4
    assert set(place.files()) == {row.clip for row in report.rows} | {"clips.csv"}
    place.add("abc1.mp4", counter_clip(60))
    assert place.cut().rows == whole.rows


def test_video_that_shrinks_after_its_header_is_written_fails(place: Workplace) -> None:
    """Hazard: a download cut short still has the header of the whole."""
    content = encode("matroska", "libx264", numbers=[n % 256 for n in range(300)])
    place.add("v.mkv", content[: len(content) // 2])
    place.add("w.mp4", counter_clip(60))
    place.annotate(["v.mkv,A,0.1,0.5,ann", "v.mkv,B,9,9.5,ann", "w.mp4,A,0.1,0.5,bob"])
    report = place.cut()
    assert list(report.failed) == ["v.mkv"]
    assert [row.clip for row in report.rows] == ["train/A/A_w.mp4"]


def test_video_damaged_in_the_middle_leaves_no_clip(place: Workplace) -> None:
    """Hazard: its first clip is whole when the second one fails."""
    content = bytearray(encode("matroska", "mjpeg", pixels="yuvj420p", numbers=range(60)))
    content[len(content) // 2 : -2000] = bytes(len(content) // 2 - 2000)
    place.add("v.mkv", bytes(content))
    place.add("w.mp4", counter_clip(60))
    place.annotate(["v.mkv,A,0.1,0.5,ann", "v.mkv,B,1.2,1.5,ann", "w.mp4,A,0.1,0.5,bob"])
    report = place.cut()
    assert list(report.failed) == ["v.mkv"]
    assert set(place.files()) == {"train/A/A_w.mp4", "clips.csv"}


def test_sound_that_outlasts_the_picture_is_no_damage(place: Workplace) -> None:
    """120 frames in 1.2 seconds, beside 4 seconds of sound."""
    ticks = range(0, 1200, 10)
    place.add(
        "v.mp4", encode("mp4", "libx264", numbers=range(120), ticks=ticks, silence=Silence("aac"))
    )
    place.annotate(["v.mp4,A,0.1,0.5,ann"])
    assert place.cut().failed == {}
    assert place.seen("train/A/A_v.mp4")[0] == list(range(10, 50))


def test_interval_between_two_frames_is_a_failure(place: Workplace) -> None:
    place.add("v.mp4", counter_clip(60))
    place.annotate(["v.mp4,A,0.51,0.52,ann"])
    assert place.cut().failed == {"v.mp4": "A: wanted a frame from 0.51 to 0.52 s; received none"}


def test_no_readable_video_at_all_stops_the_run(place: Workplace) -> None:
    place.add("v.mp4", b"no video")
    place.annotate(["v.mp4,A,0.1,0.5,ann"])
    with pytest.raises(InputError, match="wanted at least one readable video"):
        place.cut()


def test_faults_of_annotations_stop_before_anything_is_cut(place: Workplace) -> None:
    place.add("v.mp4", counter_clip(60))
    place.annotate(["v.mp4,A,0.5,3,ann", "w.mp4,A,0.5,0.6,ann"])
    with pytest.raises(InputError) as caught:
        place.cut()
    assert str(caught.value).split("\n") == [
        "times.csv, row 2, column end_s: wanted a time within v.mp4 (2.000 s long); received 3 s",
        "times.csv, row 3, column video: wanted a video that is there; received 'w.mp4'",
    ]
    assert not place.out.exists()


def test_missing_videos_can_be_passed_over(place: Workplace) -> None:
    place.add("v.mp4", counter_clip(60))
    place.annotate(["v.mp4,A,0.5,1,ann", "w.mp4,A,0.5,0.6,ann"])
    report = place.cut(skip_missing=True)
    assert report.missing == ("w.mp4",)
    assert [row.clip for row in report.rows] == ["train/A/A_v.mp4"]


def test_finished_run_is_not_repeated_and_damage_is_mended(place: Workplace) -> None:
    three_videos(place)
    place.cut()
    first = place.files()
    untouched = {path: path.stat().st_mtime_ns for path in place.out.rglob("*.mp4")}
    (place.out / "train/A/A_abc0.mp4").write_bytes(b"damaged")
    (place.out / "train/B/B_abc2.mp4").unlink()
    report = place.cut()
    assert place.files() == first
    assert report.reused == 6
    kept = {path for path, time in untouched.items() if path.stat().st_mtime_ns == time}
    assert len(kept) == 4


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.parametrize("finished", [1, 2])
def test_killed_run_is_resumed_with_identical_results(place: Workplace, finished: int) -> None:
    three_videos(place)
    place.cut()
    wanted = place.files()
    for path in sorted(place.out.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()

    def kill(done: int, _: int) -> None:
        if done == finished + 1:
            raise Killed

    with pytest.raises(Killed):
        place.cut(progress=kill)
    (place.out / "train/A/.A_abc2.mp4.partial").write_bytes(b"half a clip")
    assert place.cut().reused == 2 * finished
    assert place.files() == wanted


def test_other_splits_rate_or_source_cut_anew(place: Workplace) -> None:
    three_videos(place)
    place.cut()
    assert place.cut(fps=15).reused == 0
    place.add("abc0.mp4", counter_clip(61))
    assert place.cut(fps=15).reused == 4
    report = place.cut(fps=15, shares={"train": 0.6, "validation": 0.4})
    assert len(report.removed) == 2
    assert set(place.files()) == {row.clip for row in report.rows} | {"clips.csv"}
    assert {row.split for row in report.rows} == {"train", "validation"}


def test_signs_that_a_split_lacks_are_reported(place: Workplace) -> None:
    three_videos(place)
    with place.times.open("a", encoding="utf-8") as more:
        more.write("abc0.mp4,C,0.6,0.8,\n")
    report = place.cut(shares={"train": 0.6, "validation": 0.4})
    split_of_c = next(row.split for row in report.rows if row.sign == "C")
    other = ({"train", "validation"} - {split_of_c}).pop()
    assert report.lacking == {split_of_c: (), other: ("C",)}


def test_clips_of_unknown_origin_are_reported(place: Workplace) -> None:
    place.add("v.mp4", counter_clip(60))
    place.annotate(["v.mp4,A,0.5,1,ann"])
    (place.out / "test/A").mkdir(parents=True)
    (place.out / "test/A/own.mp4").write_bytes(b"someone's")
    assert place.cut().strangers == ("test/A/own.mp4",)


def test_playlist_in_disguise_is_not_followed(place: Workplace) -> None:
    place.add("secret.mp4", counter_clip(60))
    place.add("v.mp4", f"#EXTM3U\n#EXTINF:2,\n{place.videos}/secret.mp4\n#EXT-X-ENDLIST\n".encode())
    place.add("w.mp4", counter_clip(60))
    place.annotate(["v.mp4,A,0.5,1,ann", "w.mp4,A,0.5,1,bob"])
    assert list(place.cut().failed) == ["v.mp4"]


@pytest.mark.parametrize("fps", [0.0, -15.0, 1000.0, float("nan")])
def test_senseless_rate_is_refused(place: Workplace, fps: float) -> None:
    three_videos(place)
    with pytest.raises(InputError, match="fps: wanted 1 to 240"):
        place.cut(fps=fps)


@pytest.mark.slow
def test_run_killed_for_real_leaves_no_process_and_is_resumed(place: Workplace) -> None:
    """SIGKILL to the run: its worker processes must end too, or they write beside a new run."""
    for i in range(8):
        place.add(f"abc{i}.mp4", counter_clip(60))
    place.annotate(f"abc{i}.mp4,{sign}" for i in range(8) for sign in ("A,0.1,0.5,", "B,1,1.5,"))
    program = (
        "import sys; from pathlib import Path; from pipeline.clips.cut import cut_clips\n"
        "from pipeline.jobs import Workers\n"
        "if __name__ == '__main__': cut_clips(Path(sys.argv[1]), annotations=Path(sys.argv[2]), "
        "out=Path(sys.argv[3]), shares={'train': 1.0}, workers=Workers(jobs=2))"
    )
    script = place.times.with_name("run.py")
    script.write_text(program, encoding="utf-8")
    with subprocess.Popen(  # noqa: S603 - this very interpreter, on a file of ours
        [sys.executable, str(script), str(place.videos), str(place.times), str(place.out)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
    ) as run:
        while not (place.out / "clips.csv").exists() and run.poll() is None:
            time.sleep(0.001)
        run.kill()
        # Returns when no process holds the other end any more: not the run, not its workers.
        printed, _ = run.communicate()
    assert printed == b""
    place.cut()
    resumed = place.files()
    for path in place.out.rglob("*.*"):
        path.unlink()
    place.cut()
    assert place.files() == resumed


@pytest.mark.slow
def test_processes_and_executors_give_the_same_bytes(place: Workplace) -> None:
    three_videos(place)
    place.cut()
    alone = place.files()
    for workers in (Workers(jobs=2), Workers(executor=ThreadPoolExecutor(2))):
        for path in place.out.rglob("*.mp4"):
            path.unlink()
        place.cut(workers=workers)
        assert place.files() == alone


def die_on_three(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number * number


@pytest.mark.slow
def test_process_that_dies_takes_no_other_task_along() -> None:
    results = dict(run_each(die_on_three, range(6), workers=Workers(jobs=2)))
    errors = {task for task, result in results.items() if isinstance(result, Exception)}
    assert errors == {3}
    assert {task: result for task, result in results.items() if task not in errors} == {
        task: task * task for task in (0, 1, 2, 4, 5)
    }
