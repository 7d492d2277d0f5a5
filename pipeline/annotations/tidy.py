"""The tidy annotation file: one row an annotation, columns `video,sign,start_s,end_s,signer`.

The columns may stand in any order; `signer` may be left out, as may its cells. Other columns are
refused: a misspelt `signer` would otherwise be lost without a word.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict

from pipeline.annotations.intervals import Annotation, Faults, Origin, check_sign, parse_time

COLUMNS = ("video", "sign", "start_s", "end_s", "signer")
_REQUIRED = COLUMNS[:4]


def parse_tidy(text: str, *, file: str, faults: Faults) -> list[Annotation]:
    """Read the tidy form.

    Args:
        text: the whole file.
        file: its name, for the origins.
        faults: gets one entry for each fault found; what is faulty is left out of the result.
    """
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    header = [name.strip() for name in next(reader, [])]
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in _REQUIRED if name not in header]
    if unknown or missing or len(set(header)) != len(header):
        faults.add(
            "row 1",
            wanted=f"the columns {', '.join(COLUMNS)} (the last may be left out), each once",
            received=", ".join(header),
        )
        return []
    annotations = []
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if not any(stripped):
            continue
        if len(stripped) != len(header):
            faults.add(
                f"row {reader.line_num}",
                wanted=f"{len(header)} cells",
                received=f"{len(stripped)}",
            )
            continue
        row = dict(zip(header, stripped, strict=True))
        annotation = _parse_row(row, number=reader.line_num, file=file, faults=faults)
        if annotation is not None:
            annotations.append(annotation)
    return annotations


def format_tidy(annotations: Iterable[Annotation]) -> str:
    """Write the tidy form, in the order given."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for annotation in annotations:
        writer.writerow(asdict(annotation))
    return text.getvalue()


def _parse_row(row: dict[str, str], *, number: int, file: str, faults: Faults) -> Annotation | None:
    places = {name: f"row {number}, column {name}" for name in _REQUIRED}
    check_sign(row["sign"], place=places["sign"], faults=faults)
    named = row["video"] not in ("", ".", "..") and not set(row["video"]) & set("/\\")
    if not named:
        faults.add(places["video"], wanted="the file name of a video", received=repr(row["video"]))
    start_s = parse_time(row["start_s"], place=places["start_s"], faults=faults)
    end_s = parse_time(row["end_s"], place=places["end_s"], faults=faults)
    if start_s is None or end_s is None or not named:
        return None
    return Annotation(
        video=row["video"],
        sign=row["sign"],
        start_s=start_s,
        end_s=end_s,
        signer=row.get("signer") or None,
        origin=Origin(
            file=file,
            video=places["video"],
            sign=places["sign"],
            start=places["start_s"],
            end=places["end_s"],
        ),
    )
