"""What a model was made from: it travels with the weights and with the bundle, `provenance.json`.

It names nobody: signers and clips are kept as fingerprints, enough to notice that a person or a
clip a model is tested on was there when it was trained.
"""

import hashlib
import platform
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.clips.manifest import ClipRow
from signwrite.errors import BundleError, InputError

PROVENANCE = "provenance.json"
_NAMED = 8  # of the signers or clips in an error
_DIGITS = 16  # hexadecimal, of a fingerprint


class Seen(BaseModel):
    """Fingerprints of the signers and clips of one split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signers: tuple[str, ...]
    clips: tuple[str, ...]


class Provenance(BaseModel):
    """What a model was made from.

    Attributes:
        revision: of the code, where it lay in a git repository.
        python: its version.
        versions: of the packages that shape the outcome.
        backend: which one Keras ran on, and its version.
        given: digests of the clips' manifest and the hand boxes, and every parameter.
        seen: by split, train and validation, whose clips shaped the model.
        started_from: the same of the trained weights that it started from, by their name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    revision: str | None
    python: str
    versions: dict[str, str]
    backend: str
    given: dict[str, Any]
    seen: dict[str, Seen]
    started_from: dict[str, "Provenance"] = {}

    def lineage(self) -> Iterator["Provenance"]:
        """Go through this and all that it started from."""
        yield self
        for each in self.started_from.values():
            yield from each.lineage()


def describe_run(
    rows: Iterable[ClipRow],
    *,
    given: Mapping[str, Any],
    backend: str,
    backend_version: str,
    started_from: Mapping[str, Provenance] | None = None,
) -> Provenance:
    """Write down what a run depends on: the clips `rows`, what it was given, and this machine's."""
    signers, clips = defaultdict(set), defaultdict(set)
    for row in rows:
        signers[row.split].add(fingerprint(row.signer))
        clips[row.split].add(fingerprint(row.clip_sha256))
    return Provenance(
        revision=_revision(),
        python=platform.python_version(),
        versions={each: installed(each) for each in ("keras", "numpy", "av")},
        backend=f"{backend} {backend_version}",
        given=dict(given),
        seen={
            split: Seen(signers=tuple(sorted(signers[split])), clips=tuple(sorted(clips[split])))
            for split in ("train", "validation")
        },
        started_from=dict(started_from or {}),
    )


def read_provenance(folder: Path) -> Provenance | None:
    """Read the provenance of a run, of weights or of a bundle; None where none was kept.

    Raises:
        BundleError: it is damaged.
    """
    file = folder / PROVENANCE
    if not file.is_file():
        return None
    try:
        return Provenance.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise BundleError(f"{file}: {error.errors()[0]['msg']}") from error


def fingerprint(text: str) -> str:
    """Return what stands for a name or a digest: 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def refuse_seen(
    provenance: Provenance | None, rows: Sequence[ClipRow], *, split: str, others: Sequence[ClipRow]
) -> None:
    """Refuse to test a model on people or clips that shaped it.

    The validation split chose its epochs and the training split taught it, so neither is compared
    with itself. What the weights saw that the model started from, it has seen as well.

    Args:
        provenance: of the model; None where it kept none.
        rows: the clips to test on.
        split: theirs.
        others: clips of the other splits of the same folder.

    Raises:
        InputError: a signer or a clip of `rows` was there before; all of them are named.
    """
    earlier = {"train": [], "validation": ["train"], "test": ["train", "validation"]}[split]
    told = []
    for other in earlier:
        there = [row for row in others if row.split == other]
        seen = [] if provenance is None else [each.seen[other] for each in provenance.lineage()]
        known = {fingerprint(row.signer) for row in there}.union(*(each.signers for each in seen))
        signers = sorted({row.signer for row in rows if fingerprint(row.signer) in known})
        known = {fingerprint(row.clip_sha256) for row in there}.union(
            *(each.clips for each in seen)
        )
        clips = sorted(row.clip for row in rows if fingerprint(row.clip_sha256) in known)
        for what, found in (("signers", signers), ("clips", clips)):
            if found:
                more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
                told.append(
                    f"split {split}: wanted {what} that were not in {other} when the model was "
                    f"trained; received {', '.join(found[:_NAMED])}{more}"
                )
    if told:
        raise InputError("\n".join(told))


def _revision() -> str | None:
    """Name the revision of this code, where it lies in a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
