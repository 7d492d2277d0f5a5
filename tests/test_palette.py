"""One palette for the page and the reports, legible in the light and in the dark."""

import re

import pytest

from pipeline.evaluation import charts
from signwrite.palette import PALETTE

TEXT = PALETTE.read_text(encoding="utf-8")
COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
LIGHT = dict(COLOUR.findall(TEXT.partition("@media")[0]))
DARK = dict(COLOUR.findall(TEXT.partition("@media")[2]))
# What is written on what; WCAG 2.2 wants 4.5 for text, 3 for what only shows a state.
WRITTEN = [
    ("ink", "paper"), ("ink", "card"), ("quiet", "paper"), ("quiet", "card"),
    ("accent", "paper"), ("accent", "card"), ("accent", "accent-soft"), ("on-accent", "accent"),
    ("warn", "warn-soft"), ("warn", "card"), ("good", "card"),
]  # fmt: skip
SHOWN = [("edge", "card"), ("bar", "card"), ("edge", "paper")]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_dark_has_every_colour_of_the_light() -> None:
    assert len(LIGHT) >= 12
    assert DARK.keys() == LIGHT.keys()


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("pair", "wanted"), [*((pair, 4.5) for pair in WRITTEN), *((pair, 3.0) for pair in SHOWN)]
)
def test_what_is_written_can_be_read(
    pair: tuple[str, str], wanted: float, colours: dict[str, str]
) -> None:
    assert contrast(*(colours[name] for name in pair)) >= wanted


def test_charts_are_of_the_palette() -> None:
    used = {charts._INK, charts._QUIET, charts._LINE, charts._DEEP}  # noqa: SLF001 - matplotlib needs values
    assert used <= set(LIGHT.values())
