"""The bars that `signwrite predict` draws on a terminal, and only there."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipeline.bars import UNCERTAIN, draw_bar, draw_ranking, percent
from service.pages import FOLDER
from signwrite.ranking import Prediction, Ranking
from tests.clips import counter_clip
from tests.servers import ROOT

RANKING = Ranking((Prediction(1, "B", 0.932), Prediction(2, "THANK YOU", 0.041)), uncertain=False)


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_bars_fit_and_are_as_long_as_their_share(columns: int) -> None:
    lines = [click.unstyle(line) for line in draw_ranking(RANKING, columns=columns).splitlines()]
    assert len(lines) == 2
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= max(columns, 32)
    assert lines[0].startswith("  B ")
    assert lines[0].endswith("93 %")
    first, second = (line.count("█") for line in lines)
    assert first > 10 * second


@pytest.mark.parametrize(
    ("share", "bar"), [(0, "····"), (1, "████"), (0.5, "██··"), (1 / 32, "▏···"), (0.97, "███▉")]
)
def test_a_bar_is_drawn_to_an_eighth_of_a_character(share: float, bar: str) -> None:
    assert draw_bar(share, length=4) == bar


def test_doubt_comes_first_and_in_words() -> None:
    doubtful = Ranking(RANKING.predictions, uncertain=True)
    lines = click.unstyle(draw_ranking(doubtful, columns=80)).splitlines()
    assert lines[0].strip() == UNCERTAIN
    assert UNCERTAIN not in draw_ranking(RANKING, columns=80)


def test_the_page_and_the_terminal_say_the_same_words() -> None:
    assert UNCERTAIN in (FOLDER / "result.js").read_text(encoding="utf-8")
    words = (FOLDER / "words.js").read_text(encoding="utf-8")
    for share in (0.001, 0.999):
        assert f'return "{percent(share)}"' in words
    assert [percent(share) for share in (0, 0.01, 0.5, 0.99, 1)] == [
        "0 %", "1 %", "50 %", "99 %", "100 %",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_terminal_gets_bars_and_a_pipe_what_it_always_got(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(counter_clip())
    program = "from pipeline.cli import main; main()"
    command = [sys.executable, "-c", program, "predict", str(clip), "--model", str(tiny_bundle)]
    piped = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.fullmatch(r".+clip\.mp4\n(?:   \d\. .{8,9} +\d+\.\d% █*\n){5}", piped)
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=theirs) as running:  # noqa: S603 - as above
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # Linux's way of saying that the other side is closed
            pass
    os.close(ours)
    assert running.returncode == 0
    text = click.unstyle(shown.decode())
    assert len(re.findall(r"^  .+? [█▏▎▍▌▋▊▉·]+ +[<>]?\d+ %\r?$", text, re.MULTILINE)) == 5
    assert "\x1b[" in shown.decode()
