"""Annotation files: what is read, and that every fault of a file is named with its place."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.annotations import convert_annotations, read_annotations, write_annotations
from pipeline.annotations.intervals import Annotation
from pipeline.cli import app
from signwrite.errors import InputError


def written(folder: Path, text: str, name: str = "times.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(path: Path, durations_s: dict[str, float] | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_annotations(path, durations_s=durations_s)
    return str(caught.value).split("\n")


def test_legacy_column_belongs_to_the_video_of_its_number(tmp_path: Path) -> None:
    """Hazard: the predecessor mapped columns to a listing, where abc10 comes before abc2."""
    starts = ", ".join(str(float(i)) for i in range(11))
    ends = ", ".join(str(i + 0.5) for i in range(11))
    path = written(tmp_path, f"A, {starts}\nA, {ends}\n")
    assert read_annotations(path) == [
        Annotation(video=f"abc{i + 1}.mp4", sign="A", start_s=float(i), end_s=i + 0.5)
        for i in range(11)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "A, 0.40, , 1\nA, 2.80, , 2\n",
        "A,0.40,,1\r\nA,2.80,,2\r\n",
        "\ufeffA ,  0.40 ,, 1 ,\n\nA , 2.80 ,, 2 ,\n\n",
    ],
    ids=["as published", "no spaces, CRLF", "BOM, spaces, blank lines, trailing commas"],
)
def test_legacy_empty_cell_means_no_such_sign(tmp_path: Path, text: str) -> None:
    assert read_annotations(written(tmp_path, text)) == [
        Annotation(video="abc1.mp4", sign="A", start_s=0.4, end_s=2.8),
        Annotation(video="abc3.mp4", sign="A", start_s=1.0, end_s=2.0),
    ]


def test_legacy_faults_are_named_all_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "A, 1.0, 5.0, x\n"  # not a number
        "A, 0.5, 6.0, 2\n"  # end before start
        "B, 0.2, 5.5, 1\n"  # overlaps A in abc2
        "B, 0.4, 9.0, \n"  # beyond abc2; an end missing
        "A, 8.0\n"  # a duplicate sign
        "A, 9.0\n"
        "C, 7.0\n",  # an odd row
    )
    assert faults_of(path, {"abc1.mp4": 20.0, "abc2.mp4": 8.0}) == [
        "times.csv: wanted an even number of rows, two a sign (start, then end); received 7 rows",
        "times.csv, row 1, column 4: wanted a time in seconds, 0 or more; received 'x'",
        "times.csv, row 4, column 4: wanted a time in seconds, 0 or more; received ''",
        (
            "times.csv, row 5, column 1: wanted each sign once; rows 1 and 2 hold it; "
            "received 'A' again"
        ),
        (
            "times.csv, row 8, column 1: wanted 'C', the end times that go with row 7; "
            "received the end of the file"
        ),
        "times.csv, row 2, column 2: wanted an end after the start at 1 s; received 0.5 s",
        (
            "times.csv, row 3, column 3: wanted no overlap with A (5 to 6 s in abc2.mp4, "
            "row 1, column 3); received B from 5.5 to 9 s"
        ),
        "times.csv, row 4, column 3: wanted a time within abc2.mp4 (8.000 s long); received 9 s",
    ]


def test_legacy_lost_row_does_not_shift_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, "A, 1\nB, 3\nB, 4\nC, 6\nC, 5\n")
    assert faults_of(path) == [
        "times.csv: wanted an even number of rows, two a sign (start, then end); received 5 rows",
        "times.csv, row 2, column 1: wanted 'A', the end times that go with row 1; received 'B'",
        "times.csv, row 5, column 2: wanted an end after the start at 6 s; received 5 s",
    ]


@pytest.mark.parametrize("time", ["nan", "inf", "-1", "1e999", "1_0", "1,5", "0x1p3", "1:02"])
def test_what_is_no_time_is_refused(tmp_path: Path, time: str) -> None:
    path = written(tmp_path, f'video,sign,start_s,end_s\nv.mp4,A,"{time}",9\n')
    assert faults_of(path) == [
        f"times.csv, row 2, column start_s: wanted a time in seconds, 0 or more; received {time!r}"
    ]


def test_unknown_video_is_a_fault_only_where_it_has_times(tmp_path: Path) -> None:
    path = written(tmp_path, "A, 1, , 1\nA, 2, , 2\n")
    assert faults_of(path, {"abc1.mp4": 9.0}) == [
        "times.csv, row 1, column 4: wanted a video that is there; received 'abc3.mp4'"
    ]


def test_tidy_reads_signer_and_any_order_of_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "signer,end_s,start_s,sign,video\nann,2.5,1,THANK YOU,one.webm\n,3,2.5,A,one.webm\n",
    )
    assert read_annotations(path) == [
        Annotation(video="one.webm", sign="THANK YOU", start_s=1.0, end_s=2.5, signer="ann"),
        Annotation(video="one.webm", sign="A", start_s=2.5, end_s=3.0),
    ]


def test_tidy_faults_are_named_all_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "video,sign,start_s,end_s,signer\n"
        "v.mp4,A,1,2,s\n"
        "v.mp4,A,1,2,s\n"  # a duplicate
        "v.mp4,../B,3,4,s\n"  # would leave its folder
        ",C,5,6,s\n"  # no video
        "v.mp4,D,7\n",  # cells missing
    )
    assert faults_of(path) == [
        (
            "times.csv, row 4, column sign: wanted a sign of 1 to 100 printable characters "
            "that can "
            'name a folder without /\\:*?"<>| and without a dot or space at either end; '
            "received '../B'"
        ),
        "times.csv, row 5, column video: wanted the file name of a video; received ''",
        "times.csv, row 6: wanted 5 cells; received 3",
        (
            "times.csv, row 3, column sign: wanted each sign of a video once; row 2, column sign "
            "holds the same; received A in v.mp4 at 1 s again"
        ),
    ]


def test_tidy_misspelt_column_is_not_lost_without_a_word(tmp_path: Path) -> None:
    path = written(tmp_path, "video,sign,start_s,end_s,singer\nv.mp4,A,1,2,s\n")
    assert faults_of(path)[0] == (
        "times.csv, row 1: wanted the columns video, sign, start_s, end_s, signer (the last may "
        "be left out), each once; received video, sign, start_s, end_s, singer"
    )


def test_video_outside_the_folder_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "video,sign,start_s,end_s\n../v.mp4,A,1,2\n")
    assert faults_of(path) == [
        "times.csv, row 2, column video: wanted the file name of a video; received '../v.mp4'"
    ]


def test_touching_signs_do_not_overlap(tmp_path: Path) -> None:
    path = written(tmp_path, "video,sign,start_s,end_s\nv,A,1,2\nv,B,2,3\n")
    assert len(read_annotations(path, durations_s={"v": 3.0})) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"A, ,\nA, ,\n"])
def test_file_without_annotations_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "times.csv"
    path.write_bytes(content)
    assert faults_of(path) == ["times.csv: wanted at least one annotation; received none"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_unreadable_file_is_bad_input(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "times.csv"
    if content is not None:
        path.write_bytes(content)
    assert "wanted a readable UTF-8 file" in faults_of(path)[0]


EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{media}</HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="{first}"/>
<TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1500"/><TIME_SLOT TIME_SLOT_ID="ts3"/></TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="t" PARTICIPANT="ann" TIER_ID="right hand">{annotations}</TIER>
<TIER LINGUISTIC_TYPE_REF="t" PARENT_REF="right hand" TIER_ID="notes"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a9" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>blurred?</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="t" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""
MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/me/my%20v.mp4" MIME_TYPE="video/mp4" {more}/>'
SOUND = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/me/v.wav" MIME_TYPE="audio/x-wav"/>'


def elan(value: str, *, number: int = 1, end: str = "ts2") -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts1" '
        f'TIME_SLOT_REF2="{end}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


@pytest.mark.parametrize(("more", "shift_s"), [("", 0.0), ('TIME_ORIGIN="2000"', 2.0)])
def test_eaf_gives_sign_signer_and_video(tmp_path: Path, more: str, shift_s: float) -> None:
    media = SOUND + MEDIA.format(more=more)
    text = EAF.format(media=media, first=400, annotations=elan(" A "))
    assert read_annotations(written(tmp_path, text, "v.eaf")) == [
        Annotation(
            video="my v.mp4", sign="A", start_s=0.4 + shift_s, end_s=1.5 + shift_s, signer="ann"
        )
    ]


def test_eaf_faults_are_named_all_at_once(tmp_path: Path) -> None:
    twice = elan("A", end="ts3") + elan("a/b", number=2)
    written(tmp_path, EAF.format(media=SOUND, first=9000, annotations=twice), "v.eaf")
    written(tmp_path, "<ANNOTATION_DOCUMENT", "w.eaf")
    faults = faults_of(tmp_path)
    assert faults[0] == f"{tmp_path.name}, v.eaf, media: wanted one linked video; received none"
    assert [line.split(": ")[0].removeprefix(f"{tmp_path.name}, ") for line in faults[1:]] == [
        "v.eaf, tier right hand, annotation a1",
        "v.eaf, tier right hand, annotation a2",
        "w.eaf, file",
        "v.eaf, tier right hand, annotation a2",
    ]
    assert faults[-1].endswith("wanted an end after the start at 9 s; received 1.5 s")


annotation_lists = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.sampled_from(["A", "B", "THANK YOU", 'É "quoted", &<']),
        st.integers(1, 5000),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda each: each[:2],
)


@given(rows=annotation_lists)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_three_forms_convert_into_each_other(
    tmp_path: Path, rows: list[tuple[int, str, int]]
) -> None:
    """Signs of one video follow each other; times are whole milliseconds."""
    at_ms = dict.fromkeys(range(13), 0)
    annotations = []
    for number, sign, length_ms in rows:
        start_ms = at_ms[number]
        at_ms[number] += length_ms
        video, name = f"abc{number}.mp4", sign.replace('"', "").replace("<", "")
        annotations.append(
            Annotation(video=video, sign=name, start_s=start_ms / 1000, end_s=at_ms[number] / 1000)
        )
    with tempfile.TemporaryDirectory(dir=tmp_path) as place:
        folder = Path(place)
        write_annotations(folder / "tidy.csv", annotations, form="tidy")
        convert_annotations(folder / "tidy.csv", to=folder / "elan", form="eaf")
        convert_annotations(folder / "elan", to=folder / "legacy.csv", form="legacy")
        convert_annotations(folder / "legacy.csv", to=folder / "again.csv", form="tidy")
        assert read_annotations(folder / "tidy.csv") == annotations
        by_place = sorted(annotations, key=lambda each: (each.video, each.start_s))
        for path in ("elan", "legacy.csv", "again.csv"):
            read = read_annotations(folder / path)
            assert sorted(read, key=lambda each: (each.video, each.start_s)) == by_place


def test_eaf_keeps_the_signers(tmp_path: Path) -> None:
    annotations = [
        Annotation(video="100% v#1.mp4", sign="A", start_s=0.0, end_s=1.0, signer="ann"),
        Annotation(video="100% v#1.mp4", sign="A", start_s=1.0, end_s=2.0, signer="bob"),
    ]
    write_annotations(tmp_path / "elan", annotations, form="eaf")
    assert read_annotations(tmp_path / "elan" / "100% v#1.eaf") == annotations
    first = (tmp_path / "elan" / "100% v#1.eaf").read_bytes()
    write_annotations(tmp_path / "elan", annotations, form="eaf")
    assert (tmp_path / "elan" / "100% v#1.eaf").read_bytes() == first


def test_eaf_form_says_what_it_cannot_hold(tmp_path: Path) -> None:
    annotations = [
        Annotation(video="v.mp4", sign="A", start_s=0.0, end_s=0.0001),
        Annotation(video="v.webm", sign="A", start_s=0.0, end_s=1.0),
    ]
    with pytest.raises(InputError) as caught:
        write_annotations(tmp_path / "elan", annotations, form="eaf")
    assert str(caught.value).split("\n") == [
        "elan: wanted signs of a millisecond or more; received A at 0.0 s of v.mp4",
        (
            "elan, v.eaf: wanted one video, for the file is named after it; "
            "received v.mp4 and v.webm"
        ),
    ]
    assert not (tmp_path / "elan").exists()


def test_legacy_form_says_what_it_cannot_hold(tmp_path: Path) -> None:
    annotations = [
        Annotation(video="abc1.mp4", sign="A", start_s=0.0, end_s=1.0),
        Annotation(video="abc1.mp4", sign="A", start_s=2.0, end_s=3.0),
        Annotation(video="own.mp4", sign="A", start_s=2.0, end_s=3.0),
    ]
    with pytest.raises(InputError) as caught:
        write_annotations(tmp_path / "legacy.csv", annotations, form="legacy")
    assert str(caught.value).split("\n") == [
        "legacy.csv: wanted a sign at most once in each video; received A again in abc1.mp4 at 2 s",
        "legacy.csv: wanted videos named abc<i>.mp4; received 'own.mp4'",
    ]
    assert not (tmp_path / "legacy.csv").exists()


SHARED = Path(__file__).parents[2] / "shared" / "asl_videos" / "video_clip_times.csv"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the real videos in ../shared")
def test_real_legacy_file_survives_every_form(tmp_path: Path) -> None:
    annotations = read_annotations(SHARED)
    assert len(annotations) == 953
    convert_annotations(SHARED, to=tmp_path / "elan", form="eaf")
    convert_annotations(tmp_path / "elan", to=tmp_path / "legacy.csv", form="legacy")
    assert set(read_annotations(tmp_path / "legacy.csv")) == set(annotations)


def test_the_command_converts_and_names_every_fault(tmp_path: Path) -> None:
    legacy, tidy = tmp_path / "times.csv", tmp_path / "tidy.csv"
    legacy.write_text("A, 0.40, 1.00\nA, 2.80, 2.10\n")
    done = CliRunner().invoke(app, ["convert", str(legacy), str(tidy), "--to", "tidy"])
    assert done.exit_code == 0
    assert read_annotations(tidy) == read_annotations(legacy)
    legacy.write_text("A, 2.80, x\nA, 0.40, 2.10\n")
    done = CliRunner().invoke(app, ["convert", str(legacy), str(tmp_path / "x"), "--to", "eaf"])
    assert isinstance(done.exception, InputError)
    assert len(str(done.exception).splitlines()) == 2
    assert not (tmp_path / "x").exists()
