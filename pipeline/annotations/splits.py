"""Divides signers between train, validation and test, so that no signer is ever in two of them.

Pure: it opens no file. The same signers, shares and seed give the same splits on any machine.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from pipeline.annotations.signers import SPLITS
from signwrite.errors import InputError

# The predecessor's 80:20. A test split costs signers, so it is there only when asked for.
DEFAULT_SHARES: Mapping[str, float] = {"train": 0.8, "validation": 0.2}
_RESTARTS = 8
_ROUNDING = 1e-6  # of shares written as decimals


def split_signers(
    signs_of: Mapping[str, AbstractSet[str]],
    *,
    shares: Mapping[str, float] = DEFAULT_SHARES,
    seed: int = 0,
) -> dict[str, str]:
    """Give every signer a split.

    The splits' sizes in signers follow the shares (largest remainder, at least one signer each).
    Who goes where is a seeded shuffle, then swaps of two signers for as long as a swap puts more
    signs into more splits; the best of a few shuffles is kept. That is a local search: a sign
    with enough signers can still miss a split when the best division is hard to find.

    Args:
        signs_of: the signs each signer makes.
        shares: the share of each split, by its name; they must sum to 1.
        seed: of the shuffle.

    Returns:
        The split of each signer, in the order of their names.

    Raises:
        InputError: a share is unknown, not above 0, or they do not sum to 1; or there are fewer
            signers than splits.
    """
    _check_shares(shares, signers=len(signs_of))
    names = [split for split in SPLITS if split in shares]
    sizes = _sizes([shares[split] for split in names], total=len(signs_of))
    signers = sorted(signs_of)
    # A stable stream: random.Random(int).shuffle is the same on every platform and version here.
    generator = random.Random(seed)  # noqa: S311 - a division of signers is no secret
    best: dict[str, str] = {}
    fewest = -1
    for _ in range(_RESTARTS):
        shuffled = signers.copy()
        generator.shuffle(shuffled)
        slots = [split for split, size in zip(names, sizes, strict=True) for _ in range(size)]
        division = dict(zip(shuffled, slots, strict=True))
        missing = _improve(division, signs_of, names=names)
        if fewest < 0 or missing < fewest:
            best, fewest = division, missing
        if fewest == 0:
            break
    return {signer: best[signer] for signer in signers}


def missing_signs(
    division: Mapping[str, str], signs_of: Mapping[str, AbstractSet[str]]
) -> dict[str, list[str]]:
    """List, for each split of a division, the signs that occur elsewhere but not in it."""
    every = {sign for signs in signs_of.values() for sign in signs}
    return {
        split: sorted(
            every - {s for signer, at in division.items() if at == split for s in signs_of[signer]}
        )
        for split in SPLITS
        if split in division.values()
    }


def _check_shares(shares: Mapping[str, float], *, signers: int) -> None:
    unknown = sorted(set(shares) - set(SPLITS))
    if unknown:
        raise InputError(f"shares: wanted {', '.join(SPLITS)}; received {', '.join(unknown)}")
    if not shares or min(shares.values()) <= 0 or not abs(sum(shares.values()) - 1) <= _ROUNDING:
        raise InputError(f"shares: wanted numbers above 0 with the sum 1; received {dict(shares)}")
    if signers < len(shares):
        raise InputError(
            f"signers: wanted at least one for each of {', '.join(shares)}; received {signers}"
        )


def _sizes(shares: Sequence[float], *, total: int) -> list[int]:
    """Divide a number of signers by largest remainder, with at least one for each share."""
    sizes = [max(1, int(share * total + 1e-9)) for share in shares]
    while sum(sizes) > total:
        over = [
            size - share * total if size > 1 else -1.0
            for size, share in zip(sizes, shares, strict=True)
        ]
        sizes[over.index(max(over))] -= 1
    while sum(sizes) < total:
        lacks = [share * total - size for size, share in zip(sizes, shares, strict=True)]
        sizes[lacks.index(max(lacks))] += 1
    return sizes


def _improve(
    division: dict[str, str], signs_of: Mapping[str, AbstractSet[str]], *, names: Sequence[str]
) -> int:
    """Swap signers in place until no swap helps; return how many (sign, split) stay empty."""
    counts: Counter[tuple[str, str]] = Counter(
        (sign, split) for signer, split in division.items() for sign in signs_of[signer]
    )
    every = sorted({sign for signs in signs_of.values() for sign in signs})
    empty = [(sign, split) for sign in every for split in names if not counts[sign, split]]
    swap = next(_helpful_swaps(empty, division, signs_of, counts), None)
    while swap is not None:
        _exchange(swap, division, signs_of, counts)
        empty = [(sign, split) for sign in every for split in names if not counts[sign, split]]
        swap = next(_helpful_swaps(empty, division, signs_of, counts), None)
    return len(empty)


def _helpful_swaps(
    empty: Sequence[tuple[str, str]],
    division: Mapping[str, str],
    signs_of: Mapping[str, AbstractSet[str]],
    counts: Counter[tuple[str, str]],
) -> Iterator[tuple[str, str]]:
    """Yield pairs of signers whose exchange leaves fewer (sign, split) empty, in a fixed order."""
    for sign, split in empty:
        for giver in (name for name in division if sign in signs_of[name]):
            for taker in (name for name in division if division[name] == split):
                if _gain(giver, taker, division, signs_of, counts) > 0:
                    yield giver, taker


def _gain(
    giver: str,
    taker: str,
    division: Mapping[str, str],
    signs_of: Mapping[str, AbstractSet[str]],
    counts: Counter[tuple[str, str]],
) -> int:
    """Count the (sign, split) an exchange of two signers fills, less those it empties."""
    gain = 0
    for leaving, coming in ((giver, taker), (taker, giver)):
        split = division[leaving]
        gain -= sum(counts[sign, split] == 1 for sign in signs_of[leaving] - signs_of[coming])
        gain += sum(counts[sign, split] == 0 for sign in signs_of[coming] - signs_of[leaving])
    return gain


def _exchange(
    swap: tuple[str, str],
    division: dict[str, str],
    signs_of: Mapping[str, AbstractSet[str]],
    counts: Counter[tuple[str, str]],
) -> None:
    for signer in swap:
        counts.subtract((sign, division[signer]) for sign in signs_of[signer])
    division[swap[0]], division[swap[1]] = division[swap[1]], division[swap[0]]
    for signer in swap:
        counts.update((sign, division[signer]) for sign in signs_of[signer])
