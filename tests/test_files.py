"""Files and folders are whole or not there, whatever happens while they are written."""

from pathlib import Path

import pytest

from pipeline.files import whole_file, whole_folder


class Broken(Exception):  # noqa: N818 - it stands for any failure
    """Something went wrong half-way."""


def test_a_file_that_fails_leaves_the_older_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_half_way() -> None:
        with whole_file(path) as partial:
            partial.write_text("half")
            raise Broken

    with pytest.raises(Broken):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_older_one_whole(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    for name in ("first", "second"):
        with whole_folder(folder) as partial:
            (partial / name).write_text(name)
            assert not (folder / name).exists()
    assert [each.name for each in folder.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_fails_leaves_the_older_one_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    with whole_folder(folder) as partial:
        (partial / "kept").write_text("kept")

    def fail_half_way() -> None:
        with whole_folder(folder) as partial:
            (partial / "half").write_text("half")
            raise Broken

    with pytest.raises(Broken):
        fail_half_way()
    assert [each.name for each in folder.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_kill_left_behind_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".bundle.partial").mkdir()
    (tmp_path / ".bundle.partial" / "half").write_text("half")
    with whole_folder(tmp_path / "bundle") as partial:
        assert not list(partial.iterdir())


def test_a_kill_between_the_two_renames_loses_no_older_folder(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    (tmp_path / ".bundle.old").mkdir()
    (tmp_path / ".bundle.old" / "kept").write_text("kept")
    (tmp_path / ".bundle.partial").mkdir()

    def fail_at_once() -> None:
        with whole_folder(folder):
            raise Broken

    with pytest.raises(Broken):
        fail_at_once()
    assert [each.name for each in folder.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [folder]
