"""ELAN's annotation files (.eaf), one for each video; read and written through pympi-ling.

A sign is an annotation on a tier of its own right (one without a parent tier): its value is the
sign, the tier's participant is the signer. The video is the file's one linked video. ELAN counts
whole milliseconds.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from pympi import Eaf  # type: ignore[import-untyped]  # it has no type hints

from pipeline.annotations.intervals import Annotation, Faults, Origin, check_sign
from pipeline.files import whole_file

SUFFIX = ".eaf"
_TIER = "signs"


def eaf_files(path: Path) -> list[Path]:
    """List the ELAN files a path stands for: itself, or those in the folder, sorted by name."""
    return sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]


def parse_eaf(path: Path, *, file: str, prefix: str, faults: Faults) -> list[Annotation]:
    """Read one ELAN file.

    Args:
        path: the file.
        file: what the origins call the annotation file.
        prefix: begins every place, e.g. the name of this file among others.
        faults: gets one entry for each fault found; what is faulty is left out of the result.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions of the format newer than pympi-ling
            document = Eaf(str(path))
    except Exception as error:  # noqa: BLE001 - pympi-ling raises bare Exception, KeyError, IndexError
        faults.add(f"{prefix}file", wanted="an ELAN document", received=f"{error!r}")
        return []
    video, origin_ms = _video(document, place=f"{prefix}media", faults=faults)
    annotations: list[Annotation] = []
    for name, (aligned, _, attributes, _) in document.tiers.items():
        if attributes.get("PARENT_REF"):
            continue
        signer = (attributes.get("PARTICIPANT") or "").strip() or None
        for number, (start, end, value, _) in aligned.items():
            place = f"{prefix}tier {name}, annotation {number}"
            sign = value.strip()
            start_ms, end_ms = document.timeslots.get(start), document.timeslots.get(end)
            if start_ms is None or end_ms is None:
                faults.add(place, wanted="a start and an end in time", received="none")
                continue
            check_sign(sign, place=place, faults=faults)
            annotations.append(
                Annotation(
                    video=video,
                    sign=sign,
                    start_s=(start_ms + origin_ms) / 1000,
                    end_s=(end_ms + origin_ms) / 1000,
                    signer=signer,
                    origin=Origin(file=file, video=place, sign=place, start=place, end=place),
                )
            )
    return sorted(annotations, key=lambda each: (each.start_s, each.end_s, each.sign))


def write_eaf(folder: Path, annotations: Iterable[Annotation], *, faults: Faults) -> None:
    """Write one ELAN file for each video, `<video>.eaf`, with one tier for each signer.

    Args:
        folder: where they go.
        annotations: what to write.
        faults: gets one entry for each annotation the form cannot hold.

    Raises:
        InputError: there is a fault; nothing was written.
    """
    of_video: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        of_video[annotation.video].append(annotation)
        if _ms(annotation.start_s) >= _ms(annotation.end_s):
            faults.add(
                "",
                wanted="signs of a millisecond or more",
                received=f"{annotation.sign} at {annotation.start_s} s of {annotation.video}",
            )
    owners: dict[Path, str] = {}
    for video in of_video:
        path = folder / f"{PurePosixPath(video).stem}{SUFFIX}"
        if owners.setdefault(path, video) != video:
            faults.add(
                path.name,
                wanted="one video, for the file is named after it",
                received=f"{owners[path]} and {video}",
            )
    faults.raise_any()
    for path, video in owners.items():
        document = _document(video, of_video[video])
        with whole_file(path) as partial:
            document.to_file(str(partial))


def _ms(time_s: float) -> int:
    return round(time_s * 1000)


def _document(video: str, annotations: Iterable[Annotation]) -> Eaf:
    document = Eaf(author="SignWrite")
    document.remove_tier("default")
    # A fixed date: the same annotations give the same bytes.
    document.adocument["DATE"] = "1970-01-01T00:00:00+00:00"
    suffix = PurePosixPath(video).suffix.removeprefix(".") or "mp4"
    address = quote(video)
    document.add_linked_file(
        f"file:///{address}", relpath=f"./{address}", mimetype=f"video/{suffix}"
    )
    for annotation in annotations:
        tier = annotation.signer or _TIER
        if tier not in document.tiers:
            document.add_tier(tier, part=annotation.signer)
        start_ms, end_ms = _ms(annotation.start_s), _ms(annotation.end_s)
        document.add_annotation(tier, start_ms, end_ms, annotation.sign)
    return document


def _video(document: Eaf, *, place: str, faults: Faults) -> tuple[str, int]:
    """Return the linked video's file name, and the time in it of the document's 0, in ms."""
    linked = [each for each in document.media_descriptors if _is_video(each)]
    if len(linked) != 1:
        received = ", ".join(_file_names(linked)) or "none"
        faults.add(place, wanted="one linked video", received=received)
        return "", 0
    return next(_file_names(linked)), int(linked[0].get("TIME_ORIGIN") or 0)


def _is_video(media: dict[str, str]) -> bool:
    return media.get("MIME_TYPE", "").startswith("video/")


def _file_names(media: Iterable[dict[str, str]]) -> Iterator[str]:
    for each in media:
        address = each.get("RELATIVE_MEDIA_URL") or each.get("MEDIA_URL") or ""
        yield PurePosixPath(unquote(urlsplit(address).path).replace("\\", "/")).name
