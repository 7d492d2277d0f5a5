"""Splits: by signer, stratified, and the same on every run."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.annotations.intervals import Annotation
from pipeline.annotations.signers import Signers, read_signers
from pipeline.annotations.splits import missing_signs, split_signers
from pipeline.clips.plan import plan_clips
from signwrite.errors import InputError

THREE = {"train": 0.6, "validation": 0.2, "test": 0.2}

signs_of_signers = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3),
    st.sets(st.sampled_from("ABCDE"), min_size=1),
    min_size=3,
    max_size=9,
)


@given(signs_of=signs_of_signers, seed=st.integers(0, 99))
def test_every_signer_is_in_one_split_and_sizes_follow_the_shares(
    signs_of: dict[str, set[str]], seed: int
) -> None:
    division = split_signers(signs_of, shares=THREE, seed=seed)
    assert division.keys() == signs_of.keys()
    sizes = {split: list(division.values()).count(split) for split in THREE}
    assert all(sizes.values())
    assert all(abs(size - THREE[split] * len(signs_of)) < 1.5 for split, size in sizes.items())
    reordered = dict(sorted(signs_of.items(), reverse=True))
    assert split_signers(reordered, shares=THREE, seed=seed) == division


@given(signs_of=signs_of_signers.filter(lambda signers: len(signers) <= 6))
def test_no_division_of_the_same_sizes_puts_more_signs_into_more_splits(
    signs_of: dict[str, set[str]],
) -> None:
    division = split_signers(signs_of, shares=THREE)
    slots = [division[signer] for signer in sorted(signs_of)]
    fewest = min(
        lacking(dict(zip(sorted(signs_of), order, strict=True)), signs_of)
        for order in set(itertools.permutations(slots))
    )
    assert lacking(division, signs_of) == fewest


def lacking(division: dict[str, str], signs_of: dict[str, set[str]]) -> int:
    return sum(map(len, missing_signs(division, signs_of).values()))


@given(
    owners=st.lists(st.integers(0, 5), min_size=8, max_size=30),
    seed=st.integers(0, 99),
)
def test_no_signer_has_clips_in_two_splits(owners: list[int], seed: int) -> None:
    """Through the whole plan: many videos a signer, named in a signers file."""
    annotations = [
        Annotation(video=f"abc{i}.mp4", sign="AB"[i % 2], start_s=1.0, end_s=2.0)
        for i in range(len(owners) + 2)
    ]
    of_video = {
        each.video: f"s{owner}" for each, owner in zip(annotations, [*owners, 6, 7], strict=True)
    }
    planned = plan_clips(annotations, signers=Signers(of_video, None), shares=None, seed=seed)
    splits = {
        signer: {c.split for c in planned if c.signer == signer} for signer in of_video.values()
    }
    assert all(len(each) == 1 for each in splits.values())
    assert {"train", "validation"} == set().union(*splits.values())


def test_eighty_twenty_by_default() -> None:
    division = split_signers({f"s{i:02}": {"A"} for i in range(40)})
    assert list(division.values()).count("train") == 32
    assert list(division.values()).count("validation") == 8


def test_every_split_gets_a_signer_however_small_its_share() -> None:
    shares = {"train": 0.98, "validation": 0.01, "test": 0.01}
    division = split_signers({name: {"A"} for name in "abc"}, shares=shares)
    assert sorted(division.values()) == ["test", "train", "validation"]


@pytest.mark.parametrize("text", ["video,who\n", "", None])
def test_file_that_names_no_signers_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "signers.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"signers\.csv.*: wanted"):
        read_signers(path)


def test_another_seed_gives_another_division() -> None:
    signs_of = {f"s{i:02}": {"A"} for i in range(40)}
    divisions = [split_signers(signs_of, seed=seed) for seed in range(3)]
    assert divisions[0] != divisions[1] != divisions[2]


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"train": 0.8, "holdout": 0.2}, "wanted train, validation, test; received holdout"),
        ({"train": 0.8, "test": 0.3}, "the sum 1"),
        ({"train": 1.0, "test": 0.0}, "numbers above 0"),
        ({"train": float("nan"), "test": 0.5}, "the sum 1"),
        ({}, "the sum 1"),
        (THREE, "at least one for each of train, validation, test; received 2"),
    ],
)
def test_shares_that_cannot_be_met_are_refused(shares: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        split_signers({"a": {"A"}, "b": {"A"}}, shares=shares)


def test_signers_file_gives_signers_and_splits(tmp_path: Path) -> None:
    path = tmp_path / "signers.csv"
    path.write_text(
        'video,signer_id,suggested_split,notes\na.mp4,s1,train,"x, y"\nb.mp4, s1 ,train,\n'
        "c.mp4,s2,validation,\n",
        encoding="utf-8",
    )
    assert read_signers(path) == Signers(
        {"a.mp4": "s1", "b.mp4": "s1", "c.mp4": "s2"}, {"s1": "train", "s2": "validation"}
    )


def test_signers_file_faults_are_named_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "signers.csv"
    path.write_text(
        "video,signer,split\na.mp4,s1,train\na.mp4,s2,train\nb.mp4,s1,test\nc.mp4,,train\n"
        "d.mp4,s4,tset\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        read_signers(path)
    assert str(caught.value).split("\n") == [
        "signers.csv, row 3, column video: wanted each video once; received 'a.mp4'",
        "signers.csv, row 4, column split: wanted s1 in one split, train; received test",
        "signers.csv, row 5, column signer: wanted a signer; received nothing",
        "signers.csv, row 6, column split: wanted one of train, validation, test; received 'tset'",
    ]


def test_contradicting_and_lacking_signers_are_named() -> None:
    annotations = [
        Annotation(video="a.mp4", sign="A", start_s=0.0, end_s=1.0, signer="ann"),
        Annotation(video="b.mp4", sign="A", start_s=0.0, end_s=1.0),
    ]
    with pytest.raises(InputError) as caught:
        plan_clips(annotations, signers=Signers({"a.mp4": "bob"}, None), shares=None, seed=0)
    assert str(caught.value).split("\n") == [
        "signers: wanted ann for a.mp4, as annotated; received bob",
        "signers: wanted a row for b.mp4; received none",
    ]


def test_two_clips_never_share_a_path() -> None:
    """Hazard: the predecessor counted frames by a prefix of the name, where names collide."""
    annotations = [
        Annotation(video=video, sign="A", start_s=start_s, end_s=start_s + 1, signer="ann")
        for video, start_s in (("abc.mp4", 0.0), ("abc.mp4", 2.0), ("abc_2.mp4", 0.0))
    ] + [Annotation(video="z.mp4", sign="A", start_s=0.0, end_s=1.0)]
    with pytest.raises(InputError, match=r"A at 2 s of abc\.mp4 and A at 0 s of abc_2\.mp4"):
        plan_clips(annotations, signers=None, shares=None, seed=0)
