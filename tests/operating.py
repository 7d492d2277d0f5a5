"""The parts of docs/operating.md that come from the code: `make docs` writes them.

The settings' classes are the only source: their names, defaults, limits and descriptions.
"""

from pathlib import Path

from pydantic.fields import FieldInfo

from service.settings import ServiceSettings
from signwrite.clip import Limits

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "operating.md"

_BOUNDS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}


def settings_table() -> str:
    """Return the table of the service's settings."""
    fields = {
        name: field for name, field in ServiceSettings.model_fields.items() if name != "limits"
    }
    return _table("SIGNWRITE_", fields)


def limits_table() -> str:
    """Return the table of the limits on what is decoded."""
    return _table("SIGNWRITE_LIMITS__", Limits.model_fields)


PARTS = {"settings": settings_table, "limits": limits_table}


def with_parts(text: str) -> str:
    """Put each part between its two marks.

    Raises:
        ValueError: a part has no marks.
    """
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: make docs -->\n", f"<!-- /{name} -->"
        if (text.count(begin), text.count(end)) != (1, 1):
            raise ValueError(f"one pair of marks for {name}; received another number")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{make()}\n{end}{rest.partition(end)[2]}"
    return text


def default_of(field: FieldInfo) -> str:
    """Return a default in words."""
    if field.is_required():
        return "must be given"
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default_in_words" in extra:
        return str(extra["default_in_words"])
    if field.default_factory is not None:
        raise ValueError("default_in_words, as the default depends on the machine; none given")
    match field.default:
        case None | ():
            return "none"
        case bool():
            return str(field.default).lower()
    return _number(field.default)


def _table(prefix: str, fields: dict[str, FieldInfo]) -> str:
    lines = ["| variable | default | allowed | effect |", "|---|---|---|---|"]
    for name, field in fields.items():
        description = field.description or ""
        if not description or "|" in description:
            raise ValueError(f"a description of {name} without |; received {description!r}")
        cells = (f"`{prefix}{name.upper()}`", default_of(field), _allowed(field), description)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _allowed(field: FieldInfo) -> str:
    """Return the bounds of a number; the description has the words that a text may be."""
    return " ".join(
        f"{words} {_number(getattr(each, name))}"
        for name, words in _BOUNDS.items()
        for each in field.metadata
        if hasattr(each, name)
    )


def write_guide() -> None:
    """Bring the guide up to date."""
    GUIDE.write_text(with_parts(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_guide()
