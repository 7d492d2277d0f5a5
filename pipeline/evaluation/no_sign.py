"""Clips that show no sign, made from clips that do: how many of them does a bundle let pass?

Two kinds: windows beside the hand, which show faces, rooms and walls; and hands that pass from sign
to sign, each frame from another clip of one signer.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.clips.manifest import ClipRow
from pipeline.evaluation.answers import identify
from pipeline.evaluation.away import Frames, look_beside
from pipeline.files import write_text
from pipeline.jobs import Progress, no_progress
from signwrite.bundle import Manifest
from signwrite.classifier import Classifier
from signwrite.reader import ClipTensor, Reader

MOST_CLIPS = 100  # from which clips without a sign are made


class NoSign(BaseModel):
    """How a bundle did on clips of one kind that show no sign.

    Attributes:
        clips: how many there were.
        missed: how many of them it did not call uncertain.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clips: int = 0
    missed: int = 0


NO_CLIPS: Mapping[str, NoSign] = MappingProxyType({})


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    kinds: dict[str, NoSign]


def try_without_sign(
    manifest: Manifest,
    rows: Sequence[ClipRow],
    *,
    folder: Path,
    classifier: Classifier,
    kept: Path,
    progress: Progress = no_progress,
) -> dict[str, NoSign]:
    """Show a bundle clips without a sign; what was found before is not looked for again.

    Args:
        manifest: the bundle's.
        rows: the clips that they are made of; of more than `MOST_CLIPS`, so many, evenly chosen.
        folder: theirs.
        classifier: runs the bundle's SavedModel.
        kept: the file in which the outcome is kept.
        progress: called after each clip.

    Returns:
        The outcome by kind, ``no_hand`` and ``passing``.

    Raises:
        ClipError: a clip cannot be read.
    """
    key = (
        identify(manifest)
        + hashlib.sha256("".join(row.clip_sha256 for row in rows).encode()).hexdigest()
    )
    if (known := _read(kept, key=key)) is not None:
        return known
    reader = Reader(manifest, classifier=classifier)
    by_signer: dict[str, list[ClipRow]] = defaultdict(list)
    for row in rows:
        by_signer[row.signer].append(row)
    places = np.linspace(0, len(rows) - 1, min(len(rows), MOST_CLIPS)).round().astype(int)
    chosen = {rows[place].clip for place in places}
    found = dict.fromkeys(("no_hand", "passing"), NoSign())
    done = 0
    for signer, own in sorted(by_signer.items()):
        tensors = [reader.read_tensor(folder / row.clip) for row in own]
        rng = np.random.default_rng(int(hashlib.sha256(signer.encode()).hexdigest()[:8], 16))
        for row, tensor in zip(own, tensors, strict=True):
            if row.clip not in chosen:
                continue
            boxes = classifier.classify(tensor.frames[None]).boxes[0]
            made = {
                "no_hand": look_beside(tensor.frames, boxes, row=row, rng=rng),
                "passing": _pass_between(tensors, rng=rng),
            }
            for kind, frames in made.items():
                if frames is None:
                    continue
                answer = reader.rank(classifier.classify(frames[None]), tensor=tensor)
                missed = not answer.ranking.uncertain
                found[kind] = NoSign(
                    clips=found[kind].clips + 1, missed=found[kind].missed + missed
                )
            done += 1
            progress(done, len(chosen))
    write_text(kept, _Kept(key=key, kinds=found).model_dump_json(indent=1) + "\n")
    return found


def _pass_between(tensors: Sequence[ClipTensor], *, rng: np.random.Generator) -> Frames | None:
    """Take each frame from another clip; None where there are too few."""
    count = len(tensors[0].frames)
    if len(tensors) < count:
        return None
    chosen = rng.choice(len(tensors), count, replace=False)
    return np.stack([tensors[clip].frames[at] for at, clip in enumerate(chosen)])


def _read(kept: Path, *, key: str) -> dict[str, NoSign] | None:
    try:
        content = _Kept.model_validate_json(kept.read_bytes())
    except (OSError, ValidationError):
        return None
    return content.kinds if content.key == key else None
