"""Files that are either whole or not there: written under a temporary name, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL_SUFFIX = ".partial"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` when the block ends without an error.

    Verify what was written inside the block. After an error nothing is left behind; after a kill
    the temporary file is, under a name (`.<name>.partial`) the next run overwrites.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; it becomes `path` when the block ends without an error.

    An older folder at `path` is moved aside, replaced and then removed. After an error nothing is
    left behind and the older folder stays; a kill between the two renames leaves it aside, from
    where the next run brings it back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    aside = path.with_name(f".{path.name}.old")
    _clear(path, partial=partial, aside=aside)
    try:
        partial.mkdir()
        yield partial
        if path.exists():
            path.rename(aside)
        partial.rename(path)
    finally:
        _clear(path, partial=partial, aside=aside)


def _clear(path: Path, *, partial: Path, aside: Path) -> None:
    """Remove what an unfinished replacement left; the older folder goes back where none is."""
    if aside.exists() and not path.exists():
        aside.rename(path)
    for left_over in (partial, aside):
        shutil.rmtree(left_over, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8, line ends as given), whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
