"""Finds clips of two splits that show the same recording: copies, scaled, trimmed, encoded again.

A model that was trained on one of them knows the other. Each clip is a few perceptual hashes of
its frames (pHash: Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash
Functions"; through the library ImageHash); two clips are alike when most bits of their frames are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.clips.cut import describe
from pipeline.clips.manifest import ClipRow
from pipeline.evaluation import LIKENESS
from pipeline.files import write_text
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from signwrite.errors import InputError
from signwrite.frames import fit
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

_HASH_SIDE = 16  # 256 bits a frame
_FLAT = 4.0  # standard deviation of a frame's light below which its hash is noise
_CHUNK = 64  # clips between two checkpoints
_NAMED = 8  # pairs in an error
_RECIPE = Recipe(frames_per_clip=6, canvas_px=128)

Hashes = npt.NDArray[np.uint8]  # [frames, 32], packed bits


@dataclass(frozen=True)
class Pair:
    """Two clips, and the share of bits in which their frames differ."""

    clip: str
    other: str
    apart: float


@dataclass(frozen=True)
class HashTask:
    """One clip to hash, named by its digest."""

    clip: Path
    sha256: str


def nearest_pairs(
    folder: Path,
    rows: Sequence[ClipRow],
    others: Sequence[ClipRow],
    *,
    cache: Path,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> list[Pair]:
    """Find for each clip the likest among others; the likest pair first.

    Args:
        folder: the clips' folder.
        rows: the clips to look for.
        others: the clips to look among.
        cache: a file in which hashes are kept by the clips' digests.
        workers: who does it.
        progress: called after each clip.

    Raises:
        InputError: a clip cannot be read.
    """
    hashes = _hash_all(folder, [*rows, *others], cache=cache, workers=workers, progress=progress)
    there = [(row, hashes[row.clip_sha256]) for row in others if len(hashes[row.clip_sha256])]
    if not there:
        return []
    ends = np.cumsum([len(each) for _, each in there])[:-1]
    every = np.concatenate([each for _, each in there])
    pairs = []
    for row in rows:
        own = hashes[row.clip_sha256]
        if not len(own):
            continue
        bits = np.bitwise_count(own[:, None] ^ every[None]).sum(axis=2) / (_HASH_SIDE**2)
        # A frame's likest in the other clip, whichever of the two clips is the longer one.
        apart = [
            min(part.min(axis=1).mean(), part.min(axis=0).mean())
            for part in np.split(bits, ends, axis=1)
        ]
        nearest = int(np.argmin(apart))
        pairs.append(Pair(row.clip, there[nearest][0].clip, float(apart[nearest])))
    return sorted(pairs, key=lambda pair: (pair.apart, pair.clip))


def refuse_duplicates(pairs: Sequence[Pair], *, likeness: float = LIKENESS) -> None:
    """Refuse pairs of clips that show the same recording.

    Args:
        pairs: as `nearest_pairs` finds them.
        likeness: share of differing bits below which two clips are the same, 0 to 1. Different
            people in one studio may need a lower one.

    Raises:
        InputError: there are some, or the share is none.
    """
    if not 0 <= likeness <= 1:
        raise InputError(f"likeness: wanted a share, 0 to 1; received {likeness:g}")
    same = [pair for pair in pairs if pair.apart < likeness]
    if same:
        named = "\n".join(
            f"  {pair.clip} and {pair.other} ({pair.apart:.0%} of the bits differ)"
            for pair in same[:_NAMED]
        )
        more = f"\n  and {len(same) - _NAMED} more" if len(same) > _NAMED else ""
        raise InputError(
            f"wanted splits that share no recording; received {len(same)} clips with a "
            f"near-duplicate in another split:\n{named}{more}\n"
            f"If they are different recordings, lower the likeness from {likeness:g}."
        )


def hash_clip(task: HashTask) -> Hashes:
    """Hash a few frames of a clip; frames of one even colour are left out.

    Raises:
        InputError: the file cannot be read.
        ClipError: it is no clip that serving would accept.
    """
    tensor = read_tensor(task.clip, recipe=_RECIPE)
    place = fit(tensor.info.width, tensor.info.height, canvas_px=_RECIPE.canvas_px)
    pictures = [Image.fromarray(frame[place.region]).convert("L") for frame in tensor.frames]
    bits = [
        imagehash.phash(picture, hash_size=_HASH_SIDE).hash.reshape(-1)
        for picture in pictures
        if np.asarray(picture).std() > _FLAT
    ]
    return np.packbits(np.array(bits, bool).reshape(len(bits), _HASH_SIDE**2), axis=1)


def _hash_all(
    folder: Path,
    rows: Sequence[ClipRow],
    *,
    cache: Path,
    workers: Workers,
    progress: Progress,
) -> dict[str, Hashes]:
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}
    wanted = {row.clip_sha256: folder / row.clip for row in rows}
    missing = [HashTask(clip, sha) for sha, clip in wanted.items() if sha not in known]
    done = len(wanted) - len(missing)
    for start in range(0, len(missing), _CHUNK):
        for task, found in run_each(hash_clip, missing[start : start + _CHUNK], workers=workers):
            if isinstance(found, Exception):
                raise InputError(f"{task.clip}: {describe(found)}") from found
            known[task.sha256] = [frame.tobytes().hex() for frame in found]
            done += 1
            progress(done, len(wanted))
        write_text(cache, json.dumps(known, indent=0) + "\n")
    return {sha: _unpacked(known[sha]) for sha in wanted}


def _unpacked(frames: Sequence[str]) -> Hashes:
    packed = b"".join(bytes.fromhex(frame) for frame in frames)
    return np.frombuffer(packed, np.uint8).reshape(len(frames), _HASH_SIDE**2 // 8)
