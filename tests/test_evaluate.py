"""Evaluation: the figures of answers, and that they come from the exported bundle's own answers."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.clips.cut import cut_clips
from pipeline.clips.manifest import read_manifest as read_clips
from pipeline.encoding import write_video
from pipeline.evaluation.answers import Answer, answer_clips
from pipeline.evaluation.away import keep_away
from pipeline.evaluation.card import add_to_card, figures, figures_table
from pipeline.evaluation.evaluate import Measured, evaluate_bundle
from pipeline.evaluation.figures import (
    Away,
    Counted,
    Figure,
    calibration_bins,
    calibration_error,
    calibration_luck,
    confusion_matrix,
    summarise,
)
from pipeline.evaluation.hand import UNKNOWN, HandCheck
from pipeline.evaluation.no_sign import NoSign, try_without_sign
from pipeline.evaluation.paired import compare_answers, read_answers
from pipeline.evaluation.report import moving_signs, write_report
from pipeline.example import write_tutorials
from pipeline.jobs import no_progress
from pipeline.provenance import PROVENANCE, describe_run
from pipeline.training.watch import Watch
from signwrite.bundle import Bundle, read_manifest, sha256_of
from signwrite.classifier import Classification, Classifier, SavedModelClassifier
from signwrite.errors import InputError
from signwrite.palette import PALETTE
from signwrite.reader import Reader, read_tensor
from tests.rows import ROW

SILENT = Watch(say=lambda _: None, bar=lambda _: nullcontext(no_progress))
SIGNS = ("A", "J", "Z")


def answer(
    sign: str,
    signer: str,
    *,
    place: int,
    first: str = "",
    score: float = 0.9,
    shuffled: int = 1,
    travel: float = 0.0,
    away: int | None = None,
) -> Answer:
    return Answer(
        clip=f"{signer}/{sign}",
        clip_sha256="",
        sign=sign,
        signer=signer,
        place=place,
        first=first or sign,
        score=score,
        own_score=score if place == 1 else (1.0 - score) / place,
        uncertain=place > 3,
        shuffled_place=shuffled,
        shuffled_own_score=score / shuffled,
        looked_at=(0.0, 0.0, 1.0, 1.0),
        hand=UNKNOWN if signer == "ann" else HandCheck(found=0.5, overlap=0.25, travel=travel),
        away_place=away,
    )


ANSWERS = (
    *(answer(sign, "ann", place=1) for sign in "ABCD"),
    answer("A", "bob", place=2, first="S", score=0.5),
    answer("B", "bob", place=4, first="S", score=0.5),
    answer("C", "bob", place=1, shuffled=5),
    answer("A", "cem", place=2, first="S", score=0.5, shuffled=2),
)


def test_shares_are_counted_over_clips_and_intervals_over_signers() -> None:
    evaluation = summarise(ANSWERS, signs=26)
    assert evaluation.top[1].share == pytest.approx(5 / 8)
    assert evaluation.top[3].share == pytest.approx(7 / 8)
    assert evaluation.top[1].low == 0.0  # a resample may hold the worst signer alone
    assert evaluation.top[1].high == 1.0
    assert evaluation.chance == {1: 1 / 26, 3: 3 / 26, 5: 5 / 26, 10: 10 / 26}
    by_signer = {name: (group.right, group.clips) for name, group in evaluation.by_signer.items()}
    assert by_signer == {"ann": (1.0, 4), "bob": (1 / 3, 3), "cem": (0.0, 1)}
    assert (evaluation.by_sign["A"].right, evaluation.by_sign["A"].clips) == (1 / 3, 3)
    assert evaluation.confusions == (("A", "S", 2), ("B", "S", 1))
    assert evaluation.uncertain == pytest.approx(1 / 8)
    assert evaluation.uncertain_of_wrong == pytest.approx(1 / 3)
    assert evaluation.uncertain_of_right == 0.0


def test_the_likelihood_is_of_the_labels_own_score() -> None:
    own = [0.9] * 5 + [0.25, 0.125, 0.25]
    assert summarise(ANSWERS, signs=26).likelihood.share == pytest.approx(np.log(own).mean())
    never = replace(ANSWERS[0], own_score=0.0)
    assert -100 < never.log_likelihood < -80  # no clip makes a mean infinite


def test_two_models_are_compared_clip_by_clip() -> None:
    others = [replace(each, own_score=each.own_score / 2) for each in ANSWERS]
    others[0] = replace(others[0], place=2)
    others[5] = replace(others[5], place=1)
    others[7] = replace(others[7], place=1)
    compared = compare_answers(ANSWERS, others[::-1])
    assert (compared.clips, compared.signers, compared.gained, compared.lost) == (8, 3, 1, 2)
    assert compared.top1 == Figure(-1 / 8, -1.0, 1 / 4)  # cem alone, and ann alone
    for each in asdict(compared.likelihood).values():  # the same of every clip: no interval
        assert each == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    "others", [ANSWERS[1:], (*ANSWERS[1:], replace(ANSWERS[0], clip_sha256="1")), ()]
)
def test_answers_to_other_clips_are_not_compared(others: Sequence[Answer]) -> None:
    with pytest.raises(InputError, match=r"answers to the same clips; received 8 and \d, with \d"):
        compare_answers(ANSWERS, others)
    with pytest.raises(InputError, match="to the same clips"):
        compare_answers(others, ANSWERS)


def test_what_holds_no_answers_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a file of answers or a folder with fold-\*\.json"):
        read_answers(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        read_answers(tmp_path / "none.json")
    (tmp_path / "fold-1.json").write_text('{"answers": [{"clip": "a.mp4"}]}')
    with pytest.raises(InputError, match=r"fold-1\.json: answers wanted; answers\.0\.clip_sha256"):
        read_answers(tmp_path)


def test_the_calibration_curve_counts_every_clip_once() -> None:
    half, high = summarise(ANSWERS, signs=26).calibration
    assert (half.score, half.right, half.clips) == (0.5, 0.0, 3)
    assert (high.right, high.clips) == (1.0, 5)
    assert high.score == pytest.approx(0.9)


def test_few_clips_have_a_calibration_error_though_their_scores_are_true() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.3, 1.0, 3000)
    few, many = calibration_luck(scores[:100]), calibration_luck(scores)
    assert 0.05 < few.mean < few.most < 0.2
    assert 0.01 < many.mean < many.most < 0.03

    def error(chance: npt.NDArray[np.float64]) -> float:
        return calibration_error(calibration_bins(scores, rng.random(len(scores)) < chance))

    assert np.mean([error(scores) > many.most for _ in range(200)]) == pytest.approx(0.05, abs=0.05)
    assert error(scores - 0.1) > many.most  # fewer are right than the scores promise
    sure = calibration_luck(np.ones(5))
    assert (sure.mean, sure.most) == (0.0, 0.0)


def test_hands_that_come_late_are_counted_where_that_was_tried() -> None:
    assert summarise(ANSWERS, signs=26).away is None
    tried = [
        answer("A", "ann", place=1, away=1),
        answer("B", "ann", place=1, away=3),
        answer("A", "bob", place=2, away=1),
        answer("B", "bob", place=1, away=1),
    ]
    away = summarise([*ANSWERS, *tried], signs=26).away
    assert away == Away(clips=4, right=Figure(0.75, 0.5, 1.0), whole=0.75)


def test_a_hand_is_kept_away_at_both_ends_and_shows_the_whole_sign_between() -> None:
    def of(levels: Sequence[int]) -> npt.NDArray[np.uint8]:
        return np.array(levels, np.uint8)[:, None, None, None]

    made = keep_away(of(range(12)), of(range(100, 112)))
    assert list(made[:2, 0, 0, 0]) == [100, 101]
    assert list(made[-2:, 0, 0, 0]) == [110, 111]
    assert list(made[2:-2, 0, 0, 0]) == [0, 2, 3, 5, 6, 8, 9, 11]
    for count in (1, 2, 3, 4):
        assert len(keep_away(of(range(count)), of(range(count)))) == count


def test_what_shuffling_costs_is_told_by_sign() -> None:
    evaluation = summarise(ANSWERS, signs=26)
    assert evaluation.shuffled.share == pytest.approx(6 / 8)
    assert evaluation.by_sign["C"].lost == pytest.approx(1 / 2)
    assert list(moving_signs(evaluation)) == ["C"]
    moving = summarise([*ANSWERS, answer("Z", "bob", place=1)], signs=26)
    assert list(moving_signs(moving)) == ["Z", "C"]  # J and Z are shown whatever they lose


def test_signs_that_differ_by_movement_are_told_apart_from_the_rest() -> None:
    answers = [
        answer("I", "ann", place=1),
        answer("J", "ann", place=1, shuffled=2),
        answer("J", "bob", place=2, first="I", shuffled=2),
        answer("J", "cem", place=2, first="Y", shuffled=1),
        answer("D", "ann", place=1),
    ]
    of_i, of_j = summarise(answers, signs=26).pairs  # without Z, D has nothing to be like
    assert (of_i.sign, of_i.other) == ("I", "J")
    nothing = Figure(0.0, 0.0, 0.0)
    assert of_i.all == Counted(clips=1, right=1, as_other=0, shuffled_right=1, lost=nothing)
    assert replace(of_j.all, lost=None) == Counted(
        clips=3, right=1, as_other=1, shuffled_right=1, lost=None
    )


def test_of_signs_that_are_movements_those_that_move_are_counted_apart() -> None:
    answers = [
        answer("I", "ann", place=1),
        answer("J", "ann", place=1),  # nothing is known of how she moves
        answer("J", "bob", place=1, shuffled=2, travel=1.5),
        answer("J", "cem", place=2, first="I", travel=0.1),
    ]
    _, of_j = summarise(answers, signs=26).pairs
    assert replace(of_j.moving, lost=None) == Counted(
        clips=1, right=1, as_other=0, shuffled_right=0, lost=None
    )
    assert replace(of_j.still, lost=None) == Counted(
        clips=1, right=0, as_other=1, shuffled_right=1, lost=None
    )
    assert of_j.moving.lost is not None
    assert of_j.moving.lost.share == pytest.approx(np.log(2))  # 0.9, shuffled 0.45
    assert [kind for kind, _ in of_j.kinds()] == ["", ", moving", ", standing still"]


def test_where_the_hand_was_found_counts_only_clips_whose_hand_is_known() -> None:
    evaluation = summarise(ANSWERS, signs=26)
    assert (evaluation.hand.found, evaluation.hand.overlap) == (0.5, 0.25)
    unknown = summarise(ANSWERS[:4], signs=26)
    assert unknown.hand == UNKNOWN


def test_a_confusion_matrix_has_labels_in_its_rows() -> None:
    matrix = confusion_matrix(ANSWERS, ("A", "B", "C", "D", "S"))
    assert matrix[0].tolist() == [1, 0, 0, 0, 2]
    assert matrix.sum() == len(ANSWERS)


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


def test_words_are_not_held_against_letters() -> None:
    assert "predecessor" not in figures_table(figures(summarise(ANSWERS, signs=25)), split="test")


def test_figures_of_training_signers_are_not_called_unseen() -> None:
    table = figures_table(figures(summarise(ANSWERS, signs=26)), split="train")
    assert "8 clips of 3 signers it was trained on" in table
    assert "unseen" not in table


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of three drawn signers, two of them in the validation split."""
    root = tmp_path_factory.mktemp("evaluated")
    write_tutorials(root / "data", signers=3, signs=SIGNS, short_side_px=64)
    cut_clips(
        root / "data",
        annotations=root / "data" / "video_clip_times.csv",
        out=root / "clips",
        shares={"train": 0.34, "validation": 0.66},
    )
    return root / "clips"


class Counting:
    """A classifier that counts what it is asked, and can stop as a killed process does."""

    def __init__(self, inner: Classifier, *, stops_at: int | None = None) -> None:
        self.inner, self.stops_at, self.asked = inner, stops_at, 0

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        if self.asked == self.stops_at:
            raise KeyboardInterrupt
        self.asked += 1
        return self.inner.classify(clips)


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> Classifier:
    return SavedModelClassifier(Bundle(tiny_bundle).saved_model)


def measure(
    bundle: Path, clips: Path, *, classifier: Classifier, out: Path, split: str = "validation"
) -> Measured:
    return evaluate_bundle(
        Bundle(bundle), clips, classifier=classifier, split=split, out=out, watch=SILENT
    )


@pytest.mark.slow
def test_a_bundle_is_measured_by_its_own_answers(
    tmp_path: Path, tiny_bundle: Path, clips: Path, classifier: Classifier
) -> None:
    measured = measure(tiny_bundle, clips, classifier=classifier, out=tmp_path)
    answers = measured.evaluation.answers
    assert len(answers) == 6
    reader = Reader(Bundle(tiny_bundle).manifest, classifier=classifier)
    for each in answers:
        ranking = reader.read(clips / each.clip).ranking
        assert ranking.predictions[0].sign == each.first
        assert ranking.predictions[each.place - 1].sign == each.sign
    with pytest.raises(InputError, match="split test; received none"):
        measure(tiny_bundle, clips, classifier=classifier, out=tmp_path, split="test")


class Brightening:
    """Reads a clip that grows brighter as the first sign, and any other as the last."""

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        light = clips.mean(axis=(2, 3, 4))
        rising = (np.diff(light, axis=1) >= 0).all(axis=1)
        scores = np.zeros((len(clips), 6), np.float32)
        scores[np.arange(len(clips)), np.where(rising, 0, 5)] = 1.0
        frames = clips.shape[1]
        whole = np.tile(np.array([0, 0, 1, 1], np.float32), (len(clips), frames, 1))
        return Classification(scores=scores, hand=np.ones(len(clips), np.float32), boxes=whole)


def test_shuffled_frames_are_the_same_frames_in_another_order(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    light = np.linspace(20, 230, 16, dtype=np.uint8)
    frames = np.tile(light[:, None, None, None], (1, 64, 64, 3))
    write_video(tmp_path / "bright.mp4", frames, fps=Fraction(15), crf=18)
    sha256 = sha256_of(tmp_path / "bright.mp4")
    row = replace(ROW, clip="bright.mp4", sign="A", clip_sha256=sha256)
    (found,) = answer_clips(
        Bundle(tiny_bundle).manifest,
        [row],
        folder=tmp_path,
        classifier=Brightening(),
        kept=tmp_path / "answers.json",
    )
    assert (found.place, found.first) == (1, "A")
    assert found.shuffled_place == 2  # the last sign is first now, and ties are alphabetical


@pytest.mark.slow
def test_an_interrupted_evaluation_goes_on_where_it_was(
    tmp_path: Path,
    tiny_bundle: Path,
    clips: Path,
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = measure(tiny_bundle, clips, classifier=classifier, out=tmp_path / "whole")
    monkeypatch.setattr("pipeline.evaluation.answers._CHUNK", 2)
    assert all(each.away_place is None for each in whole.evaluation.answers)  # it looks everywhere
    stopping = Counting(classifier, stops_at=9)  # in the middle of the fifth of six clips
    with pytest.raises(KeyboardInterrupt):
        measure(tiny_bundle, clips, classifier=stopping, out=tmp_path / "killed")
    counting = Counting(classifier)
    resumed = measure(tiny_bundle, clips, classifier=counting, out=tmp_path / "killed")
    # Two clips, in order and shuffled; then six, and each seen beside its hand or passing by.
    without = sum(each.clips for each in whole.no_sign.values())
    assert counting.asked == 2 * 2 + 6 + without
    assert resumed == whole
    # What another model answered is no answer of this one.
    kept = tmp_path / "killed" / "validation.answers.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"model": "another"}))
    before = counting.asked
    measure(tiny_bundle, clips, classifier=counting, out=tmp_path / "killed")
    assert counting.asked == before + 2 * 6


class Cornered:
    """Sees a hand in the lower right corner of every clip, and is sure of the first sign."""

    def __init__(self) -> None:
        self.seen: list[npt.NDArray[np.uint8]] = []

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        self.seen.extend(clips)
        scores = np.tile(np.eye(6, dtype=np.float32)[0], (len(clips), 1))
        corner = np.array([0.8, 0.8, 1.0, 1.0], np.float32)
        boxes = np.tile(corner, (len(clips), clips.shape[1], 1))
        return Classification(scores=scores, hand=np.ones(len(clips), np.float32), boxes=boxes)


@pytest.mark.slow
def test_each_clip_is_seen_once_more_with_its_hand_away(
    tmp_path: Path, tiny_bundle: Path, clips: Path
) -> None:
    rows = [row for row in read_clips(clips) if row.split == "validation"]
    sure, manifest = Cornered(), Bundle(tiny_bundle).manifest
    kept = tmp_path / "answers.json"
    found = answer_clips(manifest, rows, folder=clips, classifier=sure, kept=kept)
    assert [each.away_place for each in found] == [each.place for each in found]
    for place in range(len(rows)):
        whole, _, away = sure.seen[3 * place : 3 * place + 3]
        np.testing.assert_array_equal(away[1:3], whole[[0, 3]])
        assert (away[0] != whole[0]).any()
        assert (away[3] != whole[3]).any()


@pytest.mark.slow
def test_clips_without_a_sign_are_made_of_clips_with_one(
    tmp_path: Path, tiny_bundle: Path, clips: Path
) -> None:
    manifest = Bundle(tiny_bundle).manifest
    rows = [replace(row, signer="x") for row in read_clips(clips) if row.split == "validation"]
    sure, kept = Cornered(), tmp_path / "none.json"
    found = try_without_sign(manifest, rows, folder=clips, classifier=sure, kept=kept)
    assert found == {kind: NoSign(clips=6, missed=6) for kind in ("no_hand", "passing")}
    tensors = [read_tensor(clips / row.clip, recipe=manifest.recipe).frames for row in rows]
    by_moment = [{tensor[at].tobytes() for tensor in tensors} for at in range(4)]
    passing = sure.seen[2::3]  # each clip, what is beside its hand, and a hand that passes
    for clip in passing:
        assert all(frame.tobytes() in by_moment[at] for at, frame in enumerate(clip))
        whole = [tensor for tensor in tensors if (tensor == clip).all(axis=(1, 2, 3)).sum() > 1]
        assert not whole  # no two frames are of one clip
    asked = len(sure.seen)
    again = try_without_sign(manifest, rows, folder=clips, classifier=sure, kept=kept)
    assert (again, len(sure.seen)) == (found, asked)  # what is known is not looked for again


@pytest.mark.slow
def test_the_report_says_the_same_in_three_forms(
    tmp_path: Path, tiny_bundle: Path, clips: Path, classifier: Classifier
) -> None:
    measured = measure(tiny_bundle, clips, classifier=classifier, out=tmp_path)
    away = Away(clips=5, right=Figure(0.6, 0.2, 0.8), whole=0.7)
    measured = replace(measured, evaluation=replace(measured.evaluation, away=away))
    manifest = Bundle(tiny_bundle).manifest
    text = write_report(measured, manifest=manifest, split="validation", clips=clips, out=tmp_path)
    assert (tmp_path / "validation.md").read_text() == text
    assert figures_table(figures(measured.evaluation), split="validation") in text
    for picture in ("confusion", "motion", "calibration"):
        assert f"(validation/{picture}.svg)" in text
        assert (tmp_path / "validation" / f"{picture}.svg").read_text().startswith("<svg")
    page = (tmp_path / "validation.html").read_text()
    share = f"{measured.evaluation.top[1].share:.1%}"
    assert share in page
    for told in (text, page):
        assert "60.0% (20.0% to 80.0%) of 5 clips are right, in place of 70.0%" in told
    assert page.count("<svg") == 5
    assert PALETTE.read_text(encoding="utf-8") in page
    assert page.count('src="data:image/jpeg;base64,') == sum(
        each.place > 1 for each in measured.evaluation.answers
    )
    assert "http://" not in page.replace("http://www.w3.org/", "")  # it needs nothing else
    content = json.loads((tmp_path / "validation.json").read_text())
    assert content["figures"]["top"]["1"]["share"] == measured.evaluation.top[1].share
    likelihood = measured.evaluation.likelihood
    assert content["figures"]["likelihood"]["share"] == likelihood.share
    for told in (text, page):
        assert f"{likelihood.share:.3f} ({likelihood.low:.3f} to {likelihood.high:.3f})" in told
        assert f"{measured.evaluation.calibration_luck.mean:.1%} on average over sets" in told
    assert read_answers(tmp_path / "validation.json") == measured.evaluation.answers
    assert len(content["answers"]) == 6
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write_report(measured, manifest=manifest, split="validation", clips=clips, out=tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_name_from_a_video_cannot_become_part_of_the_page(
    tmp_path: Path, tiny_bundle: Path, clips: Path, classifier: Classifier
) -> None:
    measured = measure(tiny_bundle, clips, classifier=classifier, out=tmp_path)
    answers = tuple(
        replace(each, signer="<script>alert(1)</script>") for each in measured.evaluation.answers
    )
    marked = Measured(summarise(answers, signs=6), ("<script>alert(2)</script>",))
    manifest = Bundle(tiny_bundle).manifest
    write_report(marked, manifest=manifest, split="validation", clips=clips, out=tmp_path)
    assert "<script>" not in (tmp_path / "validation.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("before", [False, True])
def test_a_model_is_not_tested_on_those_it_learnt_from(
    tmp_path: Path, tiny_bundle: Path, clips: Path, classifier: Classifier, *, before: bool
) -> None:
    """The model's own record says whom it saw, whatever the folder of clips calls its splits.

    So does that of the weights it started from.
    """
    rows = read_clips(clips)
    taught = [replace(row, split="train") for row in rows if row.split == "validation"]
    signers = sorted({row.signer for row in taught})
    told = describe_run(taught, given={}, backend="tensorflow", backend_version="2")
    if before:
        told = describe_run(
            [], given={}, backend="jax", backend_version="1", started_from={"first": told}
        )
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for file in tiny_bundle.iterdir():
        (bundle / file.name).symlink_to(file)
    (bundle / PROVENANCE).write_text(told.model_dump_json())
    with pytest.raises(InputError, match=f"received {', '.join(signers)}"):
        measure(bundle, clips, classifier=classifier, out=tmp_path)
    measure(bundle, clips, classifier=classifier, out=tmp_path, split="train")
    assert not any(signer in told.model_dump_json() for signer in signers)


def test_a_card_keeps_what_it_said_and_takes_the_figures(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "model.json").write_bytes((tiny_bundle / "model.json").read_bytes())
    add_to_card(summarise(ANSWERS, signs=26), split="validation", weights=tmp_path)
    card = read_manifest(tmp_path).card
    assert card["intended_use"] == "tests"
    assert card["figures"]["validation"]["top"]["1"]["share"] == pytest.approx(5 / 8)
    assert np.isfinite(card["figures"]["validation"]["calibration_error"])
