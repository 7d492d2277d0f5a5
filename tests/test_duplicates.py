"""Near-duplicates: copies of a recording are found, other recordings are not taken for copies."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.clips.manifest import ClipRow
from pipeline.drawing.signer import Signer
from pipeline.encoding import write_video
from pipeline.evaluation import LIKENESS
from pipeline.evaluation.duplicates import (
    HashTask,
    hash_clip,
    nearest_pairs,
    refuse_duplicates,
)
from pipeline.example import write_example_clip
from signwrite.bundle import sha256_of
from signwrite.errors import InputError
from tests.rows import ROW


def row(folder: Path, name: str) -> ClipRow:
    return replace(ROW, clip=name, clip_sha256=sha256_of(folder / name))


def copied(
    source: Path, target: Path, *, scale: float, crf: int, trimmed: float, shift: int = 0
) -> None:
    """Encode a video again: smaller, harder, without its ends, a little brighter."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate or 15)
        frames = list(container.decode(stream))
    cut = int(len(frames) * trimmed / 2)
    kept = frames[cut : len(frames) - cut]
    width = int(kept[0].width * scale) // 2 * 2
    height = int(kept[0].height * scale) // 2 * 2

    def pictures() -> Iterator[np.ndarray]:
        for frame in kept:
            small = frame.reformat(width, height, format="rgb24").to_ndarray()
            yield np.clip(small.astype(int) + shift, 0, 255).astype(np.uint8)

    write_video(target, pictures(), fps=rate, crf=crf)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for seed in (1, 2, 3):
        for sign in ("B", "Z"):
            write_example_clip(folder / f"{sign}{seed}.mp4", sign, signer=Signer.from_seed(seed))
    return folder


@pytest.mark.parametrize(
    ("scale", "crf", "trimmed", "shift"),
    [(1.0, 23, 0.0, 0), (0.5, 36, 0.2, 0), (0.75, 30, 0.0, 12)],
)
def test_a_copy_is_found(
    drawn: Path, tmp_path: Path, scale: float, crf: int, trimmed: float, shift: int
) -> None:
    for source in drawn.glob("*.mp4"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    copied(
        drawn / "Z2.mp4", tmp_path / "copy.mp4", scale=scale, crf=crf, trimmed=trimmed, shift=shift
    )
    others = [row(tmp_path, name) for name in ("B1.mp4", "Z1.mp4", "Z2.mp4", "B3.mp4")]
    (pair,) = nearest_pairs(
        tmp_path, [row(tmp_path, "copy.mp4")], others, cache=tmp_path / "hashes.json"
    )
    assert pair.other == "Z2.mp4"
    assert pair.apart < LIKENESS
    with pytest.raises(InputError, match=r"copy\.mp4 and Z2\.mp4"):
        refuse_duplicates([pair])
    refuse_duplicates([pair], likeness=pair.apart)  # who has looked may say that it is none


def test_other_people_signing_the_same_are_no_copies(drawn: Path, tmp_path: Path) -> None:
    own = [row(drawn, "B1.mp4"), row(drawn, "Z1.mp4")]
    others = [row(drawn, f"{sign}{seed}.mp4") for sign in "BZ" for seed in (2, 3)]
    pairs = nearest_pairs(drawn, own, others, cache=tmp_path / "hashes.json")
    assert [pair.apart for pair in pairs] == sorted(pair.apart for pair in pairs)
    assert {pair.clip for pair in pairs} == {"B1.mp4", "Z1.mp4"}
    refuse_duplicates(pairs)
    assert pairs[0].apart > LIKENESS


def test_black_clips_are_nobodys_copies(tmp_path: Path) -> None:
    """All black frames hash alike: taken for pictures, they would be copies of one another."""
    for name in ("one.mp4", "other.mp4"):
        black = np.zeros((8, 64, 64, 3), np.uint8)
        write_video(tmp_path / name, black, fps=Fraction(8 if name == "one.mp4" else 9), crf=23)
    one, other = row(tmp_path, "one.mp4"), row(tmp_path, "other.mp4")
    assert len(hash_clip(HashTask(tmp_path / "one.mp4", one.clip_sha256))) == 0
    assert nearest_pairs(tmp_path, [one], [other], cache=tmp_path / "hashes.json") == []


def test_what_was_hashed_is_not_read_again(drawn: Path, tmp_path: Path) -> None:
    rows = [row(drawn, "B1.mp4")], [row(drawn, "B2.mp4")]
    first = nearest_pairs(drawn, *rows, cache=tmp_path / "hashes.json")
    assert nearest_pairs(tmp_path / "gone", *rows, cache=tmp_path / "hashes.json") == first


def test_a_clip_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    bad = row(tmp_path, "bad.mp4")
    with pytest.raises(InputError, match=r"bad\.mp4: wanted"):
        nearest_pairs(tmp_path, [bad], [bad], cache=tmp_path / "hashes.json")


@pytest.mark.parametrize("likeness", [-0.1, 18, float("nan")])
def test_a_likeness_is_a_share(likeness: float) -> None:
    with pytest.raises(InputError, match="likeness: wanted a share, 0 to 1"):
        refuse_duplicates([], likeness=likeness)
