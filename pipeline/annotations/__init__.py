"""Reads, checks, writes and converts annotation files: who signs what, when, in which video.

The forms: the legacy `video_clip_times.csv` (`legacy`), the tidy CSV (`tidy`), and ELAN's .eaf
(`eaf`), where a folder holds one file for each video.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast, get_args

from pipeline.annotations.eaf import SUFFIX, eaf_files, parse_eaf, write_eaf
from pipeline.annotations.intervals import Annotation, Faults, check_intervals
from pipeline.annotations.legacy import format_legacy, parse_legacy
from pipeline.annotations.tidy import format_tidy, parse_tidy
from pipeline.files import write_text
from signwrite.errors import InputError

Form = Literal["legacy", "tidy", "eaf"]


def read_annotations(
    path: Path, *, durations_s: Mapping[str, float] | None = None
) -> list[Annotation]:
    """Read an annotation file of any form, or a folder of .eaf files, and check it.

    Args:
        path: the annotation file or folder.
        durations_s: file names of the videos there are, and their durations in seconds; without
            it, unknown videos and times beyond a video's end go unnoticed.

    Returns:
        The annotations, in the order of the file.

    Raises:
        InputError: the file cannot be read, or holds faults; all of them are named.
    """
    annotations, faults = parse_annotations(path)
    check_intervals(annotations, faults=faults, durations_s=durations_s)
    faults.raise_any()
    return annotations


def parse_annotations(path: Path) -> tuple[list[Annotation], Faults]:
    """Read an annotation file of any form; its faults so far are handed back, to be added to.

    Raises:
        InputError: the file cannot be read at all.
    """
    name = path.absolute().name
    faults = Faults(name)
    if path.is_dir() or path.suffix.lower() == SUFFIX:
        annotations = [
            annotation
            for file in eaf_files(path)
            for annotation in parse_eaf(
                file,
                file=name,
                prefix=f"{file.name}, " if path.is_dir() else "",
                faults=faults,
            )
        ]
    else:
        annotations = _parse_csv(path, faults=faults)
    if not annotations and not faults:
        faults.add("", wanted="at least one annotation", received="none")
    return annotations, faults


def write_annotations(path: Path, annotations: Sequence[Annotation], *, form: Form) -> None:
    """Write annotations in a form of choice.

    Args:
        path: a file; for ELAN's form a folder, for there is one file a video.
        annotations: what to write. The legacy form loses the signers, ELAN's what is finer than a
            millisecond.
        form: which form.

    Raises:
        InputError: the form cannot hold the annotations; each that it cannot is named.
    """
    faults = Faults(path.name)
    if form == "eaf":
        write_eaf(path, annotations, faults=faults)
        return
    text = format_tidy(annotations) if form == "tidy" else format_legacy(annotations, faults=faults)
    faults.raise_any()
    write_text(path, text)


def form_of(name: str) -> Form:
    """Return a form by its name.

    Raises:
        InputError: there is no form of that name.
    """
    if name not in get_args(Form):
        raise InputError(f"wanted one of {', '.join(get_args(Form))}; received {name!r}")
    return cast("Form", name)


def convert_annotations(source: Path, *, to: Path, form: Form) -> None:
    """Read annotations of any form and write them in another.

    Raises:
        InputError: the source holds faults, or the form cannot hold what it says.
    """
    write_annotations(to, read_annotations(source), form=form)


def _parse_csv(path: Path, *, faults: Faults) -> list[Annotation]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: wanted a readable UTF-8 file; received {error}") from error
    header = next(csv.reader(text.splitlines(), skipinitialspace=True), [])
    parse = parse_tidy if {"video", "sign"} <= {cell.strip() for cell in header} else parse_legacy
    return parse(text, file=path.name, faults=faults)
