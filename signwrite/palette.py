"""Where the colours and letters lie of all that is shown to people: the page, the reports."""

from pathlib import Path

PALETTE = Path(__file__).with_name("palette.css")
