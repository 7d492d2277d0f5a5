"""Which of many factors matter: trainings in which half of them are left out at a time.

To leave out one factor at a time, and compare with a training that has all, takes two trainings for
each factor, and their difference drowns in what chance alone does to a training. Here every
training says something of every factor: each is left out in half of the trainings, and any two
factors are left out together in a quarter of them, so that what one does is not mistaken for what
another does (Plackett and Burman 1946, "The Design of Optimum Multifactorial Experiments").

What a factor is worth is the mean of the trainings with it less that of those without it: an
average over the others being there or not. With more trainings than factors, the same sum over
halves that no factor stands for shows how large a difference comes about by chance, or by what two
factors do only together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import hadamard
from scipy.stats import t as student

_FREE = 4  # halves that no factor stands for, at the least

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Screening:
    """A design: what each training leaves out.

    Attributes:
        factors: their names.
        signs: int [R, R - 1], 1 where a training has what a column stands for, -1 where it does
            not; the first columns are the factors', the others nobody's. The first training has
            all.
    """

    factors: tuple[str, ...]
    signs: npt.NDArray[np.int64]

    @property
    def left_out(self) -> list[tuple[str, ...]]:
        """Return the factors that each training leaves out."""
        return [
            tuple(factor for factor, sign in zip(self.factors, row, strict=False) if sign < 0)
            for row in self.signs
        ]


def plan_screening(factors: Sequence[str]) -> Screening:
    """Plan a number of trainings that is a power of two, and larger than that of the factors.

    While there are at most half as many factors as trainings, what two of them do only together
    adds to no factor's own share.
    """
    runs = 2
    while runs - 1 < len(factors) + _FREE:
        runs *= 2
    columns = sorted(range(1, runs), key=lambda column: column.bit_count() % 2 == 0)
    return Screening(tuple(factors), np.asarray(hadamard(runs))[:, columns])


def estimate(design: Screening, outcomes: Array) -> Array:
    """Return what each factor is worth: float [F, ...], of what trainings came to, [R, ...]."""
    return _differences(design, outcomes)[: len(design.factors)]


def by_chance(design: Screening, outcomes: Array) -> float:
    """Return how far from 0 a factor without any effect stays in 95 of 100 designs.

    Args:
        design: the design.
        outcomes: float [R], what each training came to.
    """
    free = _differences(design, outcomes)[len(design.factors) :]
    error = float(np.sqrt(np.mean(np.square(free))))
    return error * float(student.ppf(0.975, df=len(free)))


def _differences(design: Screening, outcomes: Array) -> Array:
    """Return the mean of the half with each column's factor less that without it: [R - 1, ...]."""
    return np.asarray(np.tensordot(design.signs.T, outcomes, axes=1) / (len(outcomes) / 2))
