"""CSV files whose rows are one dataclass: columns are its fields, in order."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from pipeline.files import write_text
from signwrite.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Row = TypeVar("Row", bound=DataclassInstance)
else:
    Row = TypeVar("Row")


def read_table(path: Path, kind: type[Row]) -> list[Row]:
    """Read a file that `write_table` wrote.

    Args:
        path: the file.
        kind: the rows' dataclass; its fields are str, int or float.

    Raises:
        InputError: there is no such file, or it does not hold such rows.
    """
    types = get_type_hints(kind)
    try:
        with path.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            header = list(reader.fieldnames or [])
            if header != list(types):
                raise InputError(
                    f"{path}: wanted the columns {', '.join(types)}; "
                    f"received {', '.join(header) or 'nothing'}"
                )
            return [kind(**{name: types[name](row[name]) for name in types}) for row in reader]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: wanted a table of {kind.__name__}; received {error}") from error


def write_table(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write rows as CSV (UTF-8), whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(path, text.getvalue())
