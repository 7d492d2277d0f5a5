"""The legacy annotation file, `video_clip_times.csv`.

No header. Two rows a sign: the first holds the start times, the second the end times, in seconds.
The first column is the sign; column i+1 (counted from 1) belongs to `abc<i>.mp4`, by number. An
empty cell: the sign is not in that video. Spaces around a cell mean nothing.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.annotations.intervals import Annotation, Faults, Origin, check_sign, parse_time


@dataclass(frozen=True)
class _Row:
    number: int
    sign: str
    cells: tuple[str, ...]


def parse_legacy(text: str, *, file: str, faults: Faults) -> list[Annotation]:
    """Read the legacy form.

    Args:
        text: the whole file.
        file: its name, for the origins.
        faults: gets one entry for each fault found; what is faulty is left out of the result.
    """
    rows = list(_rows(text))
    if len(rows) % 2:
        faults.add(
            "",
            wanted="an even number of rows, two a sign (start, then end)",
            received=f"{len(rows)} rows",
        )
    annotations: list[Annotation] = []
    first_row_of: dict[str, int] = {}
    for starts, ends in _pairs(rows, faults=faults):
        place = f"row {starts.number}, column 1"
        check_sign(starts.sign, place=place, faults=faults)
        first_row = first_row_of.setdefault(starts.sign, starts.number)
        if first_row != starts.number:
            faults.add(
                place,
                wanted=f"each sign once; rows {first_row} and {first_row + 1} hold it",
                received=f"{starts.sign!r} again",
            )
            continue
        annotations += _of_sign(starts, ends, file=file, faults=faults)
    return annotations


def format_legacy(annotations: Iterable[Annotation], *, faults: Faults) -> str:
    """Write the legacy form; signs in the order of their first appearance.

    Args:
        annotations: their signers cannot be kept: the form has no place for them.
        faults: gets one entry for each annotation the form cannot hold (a video that is not
            called `abc<i>.mp4`, a sign twice in one video).
    """
    times: dict[str, dict[int, Annotation]] = {}
    for annotation in annotations:
        number = re.fullmatch(r"abc([1-9]\d*)\.mp4", annotation.video)
        if number is None:
            faults.add("", wanted="videos named abc<i>.mp4", received=repr(annotation.video))
            continue
        of_sign = times.setdefault(annotation.sign, {})
        kept = of_sign.setdefault(int(number[1]), annotation)
        if kept is not annotation:
            faults.add(
                "",
                wanted="a sign at most once in each video",
                received=f"{annotation.sign} again in {annotation.video} "
                f"at {annotation.start_s:g} s",
            )
    columns = range(1, max((i for of_sign in times.values() for i in of_sign), default=0) + 1)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for sign, of_sign in times.items():
        writer.writerow(
            [sign, *(_time(of_sign[i].start_s) if i in of_sign else "" for i in columns)]
        )
        writer.writerow([sign, *(_time(of_sign[i].end_s) if i in of_sign else "" for i in columns)])
    return text.getvalue()


def _time(time_s: float) -> str:
    return repr(time_s)


def _rows(text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield _Row(reader.line_num, stripped[0], tuple(stripped[1:]))


def _pairs(rows: Sequence[_Row], *, faults: Faults) -> Iterator[tuple[_Row, _Row]]:
    """Pair neighbouring rows of one sign; a row without its partner does not shift the rest."""
    position = 0
    while position < len(rows):
        starts = rows[position]
        ends = rows[position + 1] if position + 1 < len(rows) else None
        if ends is not None and ends.sign == starts.sign:
            yield starts, ends
            position += 2
            continue
        faults.add(
            f"row {starts.number + 1}, column 1",
            wanted=f"{starts.sign!r}, the end times that go with row {starts.number}",
            received=repr(ends.sign) if ends else "the end of the file",
        )
        position += 1


def _of_sign(starts: _Row, ends: _Row, *, file: str, faults: Faults) -> Iterator[Annotation]:
    for index in range(max(len(starts.cells), len(ends.cells))):
        start = starts.cells[index] if index < len(starts.cells) else ""
        end = ends.cells[index] if index < len(ends.cells) else ""
        if not start and not end:
            continue
        column = index + 2
        start_place = f"row {starts.number}, column {column}"
        end_place = f"row {ends.number}, column {column}"
        start_s = parse_time(start, place=start_place, faults=faults)
        end_s = parse_time(end, place=end_place, faults=faults)
        if start_s is None or end_s is None:
            continue
        yield Annotation(
            video=f"abc{index + 1}.mp4",
            sign=starts.sign,
            start_s=start_s,
            end_s=end_s,
            origin=Origin(
                file=file,
                video=start_place,
                sign=f"row {starts.number}, column 1",
                start=start_place,
                end=end_place,
            ),
        )
