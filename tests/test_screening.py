"""Designs of trainings in which half of the factors are left out at a time."""

import itertools

import numpy as np
import pytest

from benchmarks import ablation
from benchmarks.screening import Screening, by_chance, estimate, plan_screening

FACTORS = tuple("abcdefgh")


@pytest.fixture
def design() -> Screening:
    return plan_screening(FACTORS)


def has(design: Screening, factor: str) -> np.ndarray:
    """Say which trainings have a factor, as 0 or 1."""
    return np.array([factor not in left_out for left_out in design.left_out], float)


@pytest.mark.parametrize("count", [1, 4, 8, 10, 17, 27])
def test_each_factor_is_left_out_in_half_of_the_trainings_and_two_in_a_quarter(count: int) -> None:
    names = tuple(f"f{number}" for number in range(count))
    design = plan_screening(names)
    left_out = design.left_out
    assert left_out[0] == ()
    assert len(left_out) >= count + 5
    assert len(set(left_out)) > count
    for one in names:
        assert sum(one in each for each in left_out) == len(left_out) / 2
    for one, other in itertools.combinations(names, 2):
        assert sum(one in each and other in each for each in left_out) == len(left_out) / 4


def test_what_each_factor_adds_is_found_to_the_last_bit(design: Screening) -> None:
    worth = np.array([3.0, -1.0, 0.0, 0.5, 0.0, 0.0, 2.0, -0.25])
    outcomes = 7.0 + sum(
        more * has(design, factor) for factor, more in zip(FACTORS, worth, strict=True)
    )
    np.testing.assert_allclose(estimate(design, outcomes), worth, atol=1e-12)
    assert by_chance(design, outcomes) < 1e-12
    signers = np.stack([outcomes, 2 * outcomes], axis=1)
    np.testing.assert_allclose(
        estimate(design, signers), np.stack([worth, 2 * worth], 1), atol=1e-12
    )


def test_what_two_factors_do_only_together_counts_as_chance(design: Screening) -> None:
    together = has(design, "a") * has(design, "d")
    worth = dict(zip(FACTORS, estimate(design, together), strict=True))
    assert worth["a"] == worth["d"] == 0.5  # half of the time the other one is there
    assert all(worth[factor] == 0.0 for factor in "bcefgh")
    assert by_chance(design, together) > 0.1


def test_chance_alone_seldom_looks_like_an_effect(design: Screening) -> None:
    rng = np.random.default_rng(0)
    beyond = []
    for _ in range(400):
        outcomes = rng.normal(size=len(design.signs))
        beyond += list(np.abs(estimate(design, outcomes)) > by_chance(design, outcomes))
    assert 0.035 < np.mean(beyond) < 0.065


def rows_of(design: Screening) -> list[ablation.Row]:
    """Two left-out signers: "a" helps ann, who has three clips of four, and nobody else."""
    return [
        ablation.Row(
            reader="crops",
            without="+".join(left_out) or ablation.WHOLE,
            fold=1,
            seed=seed,
            signer=signer,
            clips=clips,
            right=clips - ("a" in left_out and signer == "ann"),
            likelihood=-0.8 * ("a" in left_out and signer == "ann") - 0.1,
        )
        for seed, left_out in enumerate(design.left_out)
        for signer, clips in (("ann", 3), ("bob", 1))
    ]


def test_a_kind_counts_for_what_it_brings_each_clip(design: Screening) -> None:
    lines = ablation.screen(rows_of(design), reader="crops", design=design)
    assert lines[2] == "| crops | a | +0.600 | +0.000 to +0.800 | +25.0 points |"
    assert lines[3] == "| crops | b | +0.000 | +0.000 to +0.000 | +0.0 points |"
    assert "16 trainings, 4 clips of 2 signers; by chance up to 0.000, and 0.0 points" in lines[-1]


def test_a_design_is_planned_unless_kinds_are_named() -> None:
    planned = ablation.plan_trainings("movements", without=(), seeds=1, first_seed=3)
    assert planned[0] == (3, ablation.WHOLE)
    assert [seed for seed, _ in planned] == list(range(3, 3 + len(planned)))
    left_out = [without.split("+") for _, without in planned[1:]]
    kinds = ablation.KINDS["movements"]
    assert all(set(each) <= set(kinds) for each in left_out)
    assert all(sum(kind in each for each in left_out) == len(planned) / 2 for kind in kinds)
    named = ablation.plan_trainings("movements", without=("pace", "blur"), seeds=2, first_seed=0)
    assert named == [(0, "nothing"), (0, "pace"), (1, "nothing"), (1, "pace")]
