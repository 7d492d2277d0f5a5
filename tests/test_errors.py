"""The card's cross-validation is what the kept folds came to; its errors are counted by kind."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from benchmarks.errors import (
    LOOSE,
    LOST,
    MOVING,
    OTHER,
    STILL,
    count_errors,
    kind_of,
    main,
    read_folds,
)
from pipeline.evaluation.crossval import MeasuredFold
from pipeline.evaluation.figures import summarise
from tests.servers import ROOT


@pytest.fixture(scope="module")
def folds() -> list[MeasuredFold]:
    return read_folds(ROOT / "benchmarks" / "crossval")


def test_the_card_says_what_the_folds_came_to(folds: list[MeasuredFold]) -> None:
    card = json.loads((ROOT / "models" / "asl-letters" / "model.json").read_text())["card"]
    told = card["figures"]["crossval"]
    answers = list(chain.from_iterable(fold.answers for fold in folds))
    assert len({answer.clip for answer in answers}) == len(answers) == told["clips"]
    pooled = summarise(answers, signs=len(told["by_sign"]))
    assert {str(k): share.share for k, share in pooled.top.items()} == {
        k: pytest.approx(share["share"]) for k, share in told["top"].items()
    }
    assert pooled.calibration_error == pytest.approx(told["calibration_error"])


def test_every_error_is_of_one_kind(folds: list[MeasuredFold]) -> None:
    rows = count_errors(folds).rows
    wrong = sum(answer.place > 1 for fold in folds for answer in fold.answers)
    assert sum(int(row["clips"]) for row in rows) == wrong > 0


def test_a_damaged_fold_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fold-1.json").write_text("{}")
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "fold-1.json: a measured fold wanted; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sign", "first", "video", "hand", "kind"),
    [
        ("I", "J", "abc1.mp4", {"travel": 1.5}, MOVING),
        ("I", "J", "abc1.mp4", {"travel": 0.2}, STILL),
        ("I", "J", "abc1.mp4", {"joints_found": 0.25}, LOST),
        ("Q", "P", "abc15.mp4", {}, LOOSE),
        ("Q", "P", "abc1.mp4", {}, "a hand that points down or aside (G H P Q)"),
        ("N", "M", "abc1.mp4", {}, "one fist for another (A E M N S T)"),
        ("R", "U", "abc1.mp4", {}, "fingers up (B D F I K L R U V W X Y)"),
        ("A", "R", "abc1.mp4", {}, OTHER),
    ],
)
def test_an_error_has_the_first_kind_that_fits(
    folds: list[MeasuredFold],
    sign: str,
    first: str,
    video: str,
    hand: dict[str, float],
    kind: str,
) -> None:
    some = folds[0].answers[0]
    found = replace(some.hand, **({"joints_found": 1.0, "travel": 0.1} | hand))
    clip = f"train/{sign}/{sign}_{video}"
    answer = replace(some, clip=clip, sign=sign, first=first, place=2, hand=found)
    assert kind_of(answer, folds[0]) == kind
