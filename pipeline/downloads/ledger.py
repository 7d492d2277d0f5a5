"""The ledger of downloaded videos: what each is, whose, under which licence, and its hash."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.table import read_table, write_table

LEDGER = "ledger.csv"


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One downloaded video; what the site does not tell is empty.

    Attributes:
        name: of the file, without `.mp4`.
        url: as asked for.
        id: the site's.
        title: the site's.
        licence: as the site states it; the licence to use a video must be checked by a person.
        uploader: the site's name of who uploaded it.
        format: container, codec and size that were chosen.
        sha256: of the file.
        date: of the download, UTC, ISO 8601.
    """

    name: str
    url: str
    id: str
    title: str
    licence: str
    uploader: str
    format: str
    sha256: str
    date: str


def read_ledger(folder: Path) -> dict[str, LedgerRow]:
    """Read a folder's ledger, by name; empty where there is none yet.

    Raises:
        InputError: it is damaged.
    """
    path = folder / LEDGER
    return {row.name: row for row in read_table(path, LedgerRow)} if path.exists() else {}


def write_ledger(folder: Path, rows: Iterable[LedgerRow]) -> None:
    """Write a folder's ledger, sorted by name, whole or not at all."""
    write_table(folder / LEDGER, LedgerRow, sorted(rows, key=lambda row: row.name))
