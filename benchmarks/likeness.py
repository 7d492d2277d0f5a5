"""How alike clips of different people are, and how alike copies stay: what the bar is chosen by.

    python -m benchmarks.likeness CLIPS [--copies N]

CLIPS is a folder of the cut stage. Prints the share of differing bits between each clip and the
likest one of anybody else, and between some clips and copies of them that were made worse.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt

from pipeline.clips.manifest import ClipRow, read_manifest
from pipeline.encoding import write_video
from pipeline.evaluation.duplicates import nearest_pairs


@dataclass(frozen=True)
class Harm:
    """What is done to a copy: smaller, encoded harder, its ends and its edges cut off."""

    scale: float = 1.0
    crf: int = 23
    trimmed: float = 0.0
    cropped: float = 0.0


HARMS = {
    "3/4 of the size, CRF 30": Harm(scale=0.75, crf=30),
    "half the size, CRF 36, a fifth trimmed": Harm(scale=0.5, crf=36, trimmed=0.2),
    "the same, and a twentieth cropped": Harm(scale=0.5, crf=36, trimmed=0.2, cropped=0.05),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--copies", type=int, default=80)
    asked = parser.parse_args()
    rows = read_manifest(asked.clips)
    picked = np.random.default_rng(0).choice(len(rows), min(asked.copies, len(rows)), replace=False)
    print("| share of differing bits | 0 % | 1 % | 50 % | 99 % | 100 % of the clips |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        show("the likest of anybody else", of_others(asked.clips, rows, cache=Path(scratch)))
        for name, harm in HARMS.items():
            apart = [of_copy(asked.clips, rows[at], harm, folder=Path(scratch)) for at in picked]
            show(name, apart)


def show(name: str, apart: list[float]) -> None:
    """Print a row: some quantiles."""
    shares = np.quantile(apart, [0.0, 0.01, 0.5, 0.99, 1.0])
    print(f"| {name} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)


def of_others(clips: Path, rows: list[ClipRow], *, cache: Path) -> list[float]:
    """Compare each clip with those of all other signers."""
    of_signer = defaultdict(list)
    for row in rows:
        of_signer[row.signer].append(row)
    return [
        pair.apart
        for signer, own in of_signer.items()
        for pair in nearest_pairs(
            clips,
            own,
            [row for row in rows if row.signer != signer],
            cache=cache / "hashes.json",
        )
    ]


def of_copy(clips: Path, row: ClipRow, harm: Harm, *, folder: Path) -> float:
    """Compare a clip with a copy of it; 1 where it is of one colour and has no hash."""
    copy = folder / "copy.mp4"
    with av.open(str(clips / row.clip)) as container:
        frames = [pixels(frame) for frame in container.decode(video=0)]
    write_video(
        copy, harmed(frames, harm), fps=Fraction(row.fps).limit_denominator(1001), crf=harm.crf
    )
    pairs = nearest_pairs(
        Path("/"),
        [at(copy, row, sha256="copy")],
        [at(clips / row.clip, row, sha256="clip")],
        cache=folder / "none.json",
    )
    (folder / "none.json").unlink()
    return pairs[0].apart if pairs else 1.0


def at(file: Path, row: ClipRow, *, sha256: str) -> ClipRow:
    """Describe a file as a row whose clip is its absolute path."""
    return ClipRow(**(vars(row) | {"clip": str(file.resolve()), "clip_sha256": sha256}))


def harmed(frames: list[npt.NDArray[np.uint8]], harm: Harm) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield what is left of frames uint8 [H, W, 3]."""
    ends = int(len(frames) * harm.trimmed / 2)
    for frame in frames[ends : len(frames) - ends] or frames:
        height, width = frame.shape[:2]
        rows, columns = int(height * harm.cropped / 2), int(width * harm.cropped / 2)
        inner = np.ascontiguousarray(frame[rows : height - rows, columns : width - columns])
        size = (
            max(16, int(inner.shape[1] * harm.scale)),
            max(16, int(inner.shape[0] * harm.scale)),
        )
        shown = av.VideoFrame.from_ndarray(inner, format="rgb24").reformat(*size)
        yield pixels(shown)


def pixels(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """Turn a frame into uint8 [H, W, 3], RGB."""
    return cast("npt.NDArray[np.uint8]", frame.to_ndarray(format="rgb24"))


if __name__ == "__main__":
    main()
