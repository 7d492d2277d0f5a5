"""Decides, before anything is cut, which clip goes where. Pure: it opens no file."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pipeline.annotations.intervals import Annotation
from pipeline.annotations.signers import Signers, name_signers
from pipeline.annotations.splits import DEFAULT_SHARES, split_signers
from pipeline.clips.manifest import ClipRow
from signwrite.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PlannedClip:
    """A clip that is to be; the fields mean what they mean in `ClipRow`."""

    clip: str
    video: str
    sign: str
    signer: str
    split: str
    start_s: float
    end_s: float

    def describes(self, row: ClipRow) -> bool:
        """Say whether a manifest's row is of this very clip."""
        return all(getattr(row, name) == value for name, value in vars(self).items())


def plan_clips(
    annotations: Sequence[Annotation],
    *,
    signers: Signers | None,
    shares: Mapping[str, float] | None,
    seed: int,
) -> list[PlannedClip]:
    """Give each annotation its signer, split and path, in the order given.

    The splits are the signers file's when it has them and no shares are given; otherwise signers
    are divided by the shares (80:20 between train and validation when there are none either).

    Raises:
        InputError: a signer cannot be named or split, or two clips would share a path.
    """
    named = name_signers(annotations, signers)
    signs_of: dict[str, set[str]] = defaultdict(set)
    for annotation, signer in zip(annotations, named, strict=True):
        signs_of[signer].add(annotation.sign)
    split_of = signers.split_of if signers is not None and shares is None else None
    if split_of is None:
        split_of = split_signers(signs_of, shares=shares or DEFAULT_SHARES, seed=seed)
    _check_known(signs_of, split_of)
    seen: Counter[tuple[str, str]] = Counter()
    planned = []
    for annotation, signer in zip(annotations, named, strict=True):
        seen[annotation.video, annotation.sign] += 1
        split, sign = split_of[signer], annotation.sign
        name = _name(annotation, occurrence=seen[annotation.video, sign])
        planned.append(
            PlannedClip(
                clip=f"{split}/{sign}/{name}",
                video=annotation.video,
                sign=sign,
                signer=signer,
                split=split,
                start_s=annotation.start_s,
                end_s=annotation.end_s,
            )
        )
    _check_paths(planned)
    return planned


def _name(annotation: Annotation, *, occurrence: int) -> str:
    suffix = f"_{occurrence}" if occurrence > 1 else ""
    return f"{annotation.sign}_{PurePath(annotation.video).stem}{suffix}.mp4"


def _check_known(signs_of: Mapping[str, set[str]], split_of: Mapping[str, str]) -> None:
    lacking = sorted(set(signs_of) - set(split_of))
    if lacking:
        raise InputError(
            f"signers: wanted a split for every signer; received none for {', '.join(lacking)}"
        )


def _check_paths(planned: Sequence[PlannedClip]) -> None:
    # Compared as a file system that ignores case would.
    owners: dict[str, list[PlannedClip]] = defaultdict(list)
    for clip in planned:
        owners[clip.clip.casefold()].append(clip)
    clashes = [
        f"clips: wanted a path of its own for each clip; received {clips[0].clip} for "
        + " and ".join(f"{c.sign} at {c.start_s:g} s of {c.video}" for c in clips)
        for clips in owners.values()
        if len(clips) > 1
    ]
    if clashes:
        raise InputError("\n".join(clashes))
