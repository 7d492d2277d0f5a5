"""Divides the signers of a folder of clips into folds, each of which is left out once.

A fold is a folder of clips of its own: the same files, reached by links, under a manifest that
divides them otherwise. Its test split holds the signers that are left out.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from pipeline.annotations.signers import SPLITS
from pipeline.annotations.splits import split_signers
from pipeline.clips.manifest import ClipRow, read_manifest, write_manifest
from signwrite.errors import InputError

_VALIDATION_SHARE = 0.15  # of the signers that are not left out: they choose the epoch

_FEWEST = 3  # signers: one each to train on, to choose by and to leave out


def divide_folds(clips: Path, *, folds: int | None, out: Path, seed: int = 0) -> list[Path]:
    """Make the folders ``<out>/fold-<n>/clips``.

    Every signer is in the test split of exactly one fold. Of the others a share is that fold's
    validation split, and the rest its training split.

    Args:
        clips: a folder of the cut stage.
        folds: how many; None leaves out one signer at a time.
        out: where to.
        seed: of who goes where.

    Returns:
        The folders, in order.

    Raises:
        InputError: there are fewer than three signers, or not 2 to that many folds.
    """
    rows = read_manifest(clips)
    signs_of: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        signs_of[row.signer].add(row.sign)
    folders = []
    for number, left_out in enumerate(_leave_out(signs_of, folds=folds, seed=seed), start=1):
        others = {signer: signs_of[signer] for signer in signs_of if signer not in left_out}
        shares = {"train": 1 - _VALIDATION_SHARE, "validation": _VALIDATION_SHARE}
        split_of = split_signers(others, shares=shares, seed=seed)
        split_of |= dict.fromkeys(left_out, "test")
        folder = out / f"fold-{number}" / "clips"
        _link(clips, rows, folder=folder, split_of=split_of)
        folders.append(folder)
    return folders


def _leave_out(
    signs_of: Mapping[str, AbstractSet[str]], *, folds: int | None, seed: int
) -> list[list[str]]:
    """Divide the signers into groups of nearly one size, each with as many signs as can be."""
    signers = sorted(signs_of)
    wanted = len(signers) if folds is None else folds
    if len(signers) < _FEWEST or not 1 < wanted <= len(signers):
        raise InputError(
            f"folds: wanted 2 to as many as there are signers, and {_FEWEST} signers or more; "
            f"received {wanted} folds of {len(signers)} signers"
        )
    groups = []
    for count in range(wanted, 1, -1):
        remaining = {signer: signs_of[signer] for signer in signers}
        shares = {"test": 1 / count, "train": 1 - 1 / count}
        group = [
            s
            for s, split in split_signers(remaining, shares=shares, seed=seed).items()
            if split == "test"
        ]
        groups.append(group)
        signers = [signer for signer in signers if signer not in group]
    return [*groups, signers]


def _link(
    clips: Path, rows: Sequence[ClipRow], *, folder: Path, split_of: Mapping[str, str]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split in (split for split in SPLITS if (clips / split).is_dir()):
        link = folder / split
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(clips / split, folder), target_is_directory=True)
    write_manifest(folder, [replace(row, split=split_of[row.signer]) for row in rows])
