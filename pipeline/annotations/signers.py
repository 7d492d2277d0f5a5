"""Who signs in which video, and in which split a signer belongs: the file `signers.csv`."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from pipeline.annotations.intervals import Annotation, Faults
from signwrite.errors import InputError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Signers:
    """What a signers file says.

    Attributes:
        of_video: signer by the video's file name.
        split_of: split by signer; None where the file has no column for it.
    """

    of_video: Mapping[str, str]
    split_of: Mapping[str, str] | None


def read_signers(path: Path) -> Signers:
    """Read a CSV with a header: `video`, `signer` (or `signer_id`), and perhaps `split`.

    `suggested_split` is read where there is no `split`; other columns are for people.

    Raises:
        InputError: the file cannot be read, lacks a column, names a video twice, or puts a signer
            into two splits; all faults are named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: wanted a readable UTF-8 file; received {error}") from error
    faults = Faults(path.name)
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", skipinitialspace=True)
    header = list(reader.fieldnames or [])
    signer_column = next((name for name in ("signer", "signer_id") if name in header), None)
    split_column = next((name for name in ("split", "suggested_split") if name in header), None)
    if "video" not in header or signer_column is None:
        faults.add("row 1", wanted="columns video and signer", received=", ".join(header))
        faults.raise_any()
        raise AssertionError  # unreachable: the fault above was raised
    of_video: dict[str, str] = {}
    split_of: dict[str, str] = {}
    for row in reader:
        at = f"row {reader.line_num}, column"
        video, signer = row["video"].strip(), row[signer_column].strip()
        if not video or video in of_video:
            faults.add(f"{at} video", wanted="each video once", received=repr(video))
        if not signer:
            faults.add(f"{at} {signer_column}", wanted="a signer", received="nothing")
        of_video[video] = signer
        if split_column is not None:
            place = f"{at} {split_column}"
            split = row[split_column].strip()
            known = split_of.setdefault(signer, split)
            if split not in SPLITS:
                faults.add(place, wanted=f"one of {', '.join(SPLITS)}", received=repr(split))
            elif known != split:
                faults.add(place, wanted=f"{signer} in one split, {known}", received=split)
    faults.raise_any()
    return Signers(of_video, split_of if split_column is not None else None)


def name_signers(annotations: Sequence[Annotation], signers: Signers | None) -> list[str]:
    """Say who signs each annotation.

    The signers file is asked first, then the annotation itself; without both, a video is a signer
    and its file name without the suffix is the signer's name.

    Returns:
        One signer for each annotation, in order.

    Raises:
        InputError: the signers file lacks a video, or contradicts an annotation; all are named.
    """
    lacking: list[str] = []
    named = []
    for annotation in annotations:
        signer = annotation.signer or PurePath(annotation.video).stem
        if signers is not None:
            listed = signers.of_video.get(annotation.video)
            if listed is None:
                lacking.append(f"wanted a row for {annotation.video}; received none")
            elif annotation.signer not in (None, listed):
                lacking.append(
                    f"wanted {annotation.signer} for {annotation.video}, as annotated; "
                    f"received {listed}"
                )
            signer = listed or signer
        named.append(signer)
    if lacking:
        raise InputError("\n".join(f"signers: {line}" for line in dict.fromkeys(lacking)))
    return named
