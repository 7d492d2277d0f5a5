"""Folds: everybody is left out once, and nobody is on both sides."""

from pathlib import Path

import pytest

from pipeline.clips.folds import divide_folds
from pipeline.clips.manifest import ClipRow, read_manifest, write_manifest
from signwrite.errors import InputError


def clips_of(folder: Path, signers: int) -> Path:
    """A folder of clips of two signs each; the last signer makes only one of them."""
    rows = []
    for number in range(signers):
        for sign in "AB" if number < signers - 1 else "A":
            clip = f"train/{sign}/{sign}_v{number}.mp4"
            (folder / clip).parent.mkdir(parents=True, exist_ok=True)
            (folder / clip).write_text(clip)
            rows.append(
                ClipRow(
                    clip=clip,
                    video=f"v{number}.mp4",
                    sign=sign,
                    signer=f"s{number}",
                    split="train",
                    start_s=0.0,
                    end_s=1.0,
                    first_frame=0,
                    frames=4,
                    fps=4.0,
                    width=64,
                    height=48,
                    encoding="",
                    video_sha256="",
                    clip_sha256="",
                )
            )
    write_manifest(folder, rows)
    return folder


@pytest.mark.parametrize(("signers", "folds"), [(3, None), (7, None), (7, 2), (7, 3), (20, 6)])
def test_everybody_is_left_out_once_and_is_nowhere_else_then(
    tmp_path: Path, signers: int, folds: int | None
) -> None:
    clips = clips_of(tmp_path / "clips", signers)
    folders = divide_folds(clips, folds=folds, out=tmp_path / "cv")
    assert len(folders) == (folds or signers)
    left_out = []
    for folder in folders:
        rows = read_manifest(folder)
        assert {row.clip for row in rows} == {row.clip for row in read_manifest(clips)}
        of = {
            split: {r.signer for r in rows if r.split == split}
            for split in ("train", "validation", "test")
        }
        assert all(of.values())
        assert sum(map(len, of.values())) == signers
        assert all((folder / row.clip).read_text() == row.clip for row in rows)
        left_out += sorted(of["test"])
    assert sorted(left_out) == sorted(f"s{number}" for number in range(signers))
    sizes = [len({r.signer for r in read_manifest(each) if r.split == "test"}) for each in folders]
    assert max(sizes) - min(sizes) <= 1


def test_folds_are_the_same_each_time(tmp_path: Path) -> None:
    clips = clips_of(tmp_path / "clips", 9)
    first = [read_manifest(each) for each in divide_folds(clips, folds=3, out=tmp_path / "cv")]
    again = [read_manifest(each) for each in divide_folds(clips, folds=3, out=tmp_path / "cv")]
    assert first == again


@pytest.mark.parametrize(("signers", "folds"), [(2, None), (5, 1), (5, 6), (5, 0)])
def test_a_number_of_folds_that_cannot_be_is_refused(
    tmp_path: Path, signers: int, folds: int | None
) -> None:
    clips = clips_of(tmp_path / "clips", signers)
    with pytest.raises(InputError, match="folds: wanted 2"):
        divide_folds(clips, folds=folds, out=tmp_path / "cv")
