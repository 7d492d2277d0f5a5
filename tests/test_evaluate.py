"""Evaluation: the figures of answers, and that they come from the exported bundle's own answers."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.clips.cut import cut_clips
from pipeline.evaluate import Answer, evaluate_bundle, summarise
from pipeline.example import write_tutorials
from pipeline.report import add_to_card, figures, figures_table, write_report
from signwrite.bundle import Bundle, read_manifest
from signwrite.classifier import SavedModelClassifier
from signwrite.errors import InputError
from signwrite.reader import Reader


def answer(sign: str, signer: str, *, place: int, first: str = "", score: float = 0.9) -> Answer:
    return Answer(
        clip=f"{signer}/{sign}",
        sign=sign,
        signer=signer,
        place=place,
        first=first or sign,
        score=score,
        uncertain=place > 3,
    )


ANSWERS = (
    *(answer(sign, "ann", place=1) for sign in "ABCD"),
    answer("A", "bob", place=2, first="S", score=0.5),
    answer("B", "bob", place=4, first="S", score=0.5),
    answer("C", "bob", place=1),
    answer("A", "cem", place=2, first="S", score=0.5),
)


def test_shares_are_counted_over_clips_and_intervals_over_signers() -> None:
    evaluation = summarise(ANSWERS, signs=26)
    assert evaluation.top[1].share == pytest.approx(5 / 8)
    assert evaluation.top[3].share == pytest.approx(7 / 8)
    assert evaluation.top[1].low == 0.0  # a resample may hold the worst signer alone
    assert evaluation.top[1].high == 1.0
    assert evaluation.chance == {1: 1 / 26, 3: 3 / 26, 5: 5 / 26, 10: 10 / 26}
    assert evaluation.by_signer == {"ann": (1.0, 4), "bob": (1 / 3, 3), "cem": (0.0, 1)}
    assert evaluation.by_sign["A"] == (1 / 3, 3)
    assert evaluation.confusions == (("A", "S", 2), ("B", "S", 1))
    assert evaluation.uncertain == pytest.approx(1 / 8)


def test_signers_who_are_all_alike_leave_no_interval() -> None:
    alike = [answer(sign, signer, place=1) for sign in "AB" for signer in ("x", "y", "z")]
    top = summarise(alike, signs=26).top[1]
    assert (top.low, top.share, top.high) == (1.0, 1.0, 1.0)


def test_small_vocabularies_have_no_top_10() -> None:
    assert list(summarise(ANSWERS, signs=4).top) == [1, 3]


def test_the_table_stands_beside_chance_and_the_predecessor() -> None:
    table = figures_table(figures(summarise(ANSWERS, signs=26)), split="test")
    assert "62.5% (0.0% to 100.0%)" in table
    assert "| chance | 3.8% | 11.5% | 19.2% | 38.5% |" in table
    assert "5.61% | 20.56% | not stated | 59.81%" in table
    assert "8 clips of 3 unseen signers" in table


def test_figures_of_training_signers_are_not_called_unseen() -> None:
    table = figures_table(figures(summarise(ANSWERS, signs=26)), split="train")
    assert "8 clips of 3 signers it was trained on" in table
    assert "unseen" not in table


@pytest.mark.slow
def test_a_bundle_is_measured_by_its_own_answers(tmp_path: Path, tiny_bundle: Path) -> None:
    write_tutorials(tmp_path / "data", signers=3, signs=("A", "J", "Z"), short_side_px=64)
    cut_clips(
        tmp_path / "data",
        annotations=tmp_path / "data" / "video_clip_times.csv",
        out=tmp_path / "clips",
        shares={"train": 0.34, "validation": 0.66},
    )
    bundle = Bundle(tiny_bundle)
    classifier = SavedModelClassifier(bundle.saved_model)
    evaluation = evaluate_bundle(
        bundle, tmp_path / "clips", classifier=classifier, split="validation"
    )
    assert len(evaluation.answers) == 6
    reader = Reader(bundle.manifest, classifier=classifier)
    for each in evaluation.answers:
        ranking = reader.read(tmp_path / "clips" / each.clip).ranking
        assert ranking.predictions[0].sign == each.first
        assert ranking.predictions[each.place - 1].sign == each.sign
    text = write_report(evaluation, manifest=bundle.manifest, split="validation", out=tmp_path)
    assert (tmp_path / "validation.md").read_text() == text
    assert figures_table(figures(evaluation), split="validation") in text
    with pytest.raises(InputError, match="split test; received none"):
        evaluate_bundle(bundle, tmp_path / "clips", classifier=classifier, split="test")


def test_a_card_keeps_what_it_said_and_takes_the_figures(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "model.json").write_bytes((tiny_bundle / "model.json").read_bytes())
    add_to_card(summarise(ANSWERS, signs=26), split="validation", weights=tmp_path)
    card = read_manifest(tmp_path).card
    assert card["intended_use"] == "tests"
    assert card["figures"]["validation"]["top"]["1"]["share"] == pytest.approx(5 / 8)
    assert np.isfinite(card["figures"]["validation"]["calibration_error"])
