"""A mutation fuzzer: clips with random damage, each read in a caged decoder process.

    python -m tests.attacks.fuzz --seconds 1800

Whatever is done to a clip, it must be read or refused with a reason of ours. A decoder that dies,
or fails at something that is not the clip's fault, is a finding: its bytes are kept in a folder.
"""

import argparse
import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

from service.decoder import DecoderGoneError, DecoderSetup
from service.decoding import DecoderPool
from signwrite.clip import Limits
from signwrite.errors import ClipError
from signwrite.recipe import Recipe
from tests.attacks.corpus import corpus
from tests.attacks.references import Canary
from tests.clips import GOOD

RECIPE = Recipe(frames_per_clip=4, canvas_px=64)
_INTERESTING = np.array([0, 1, 0x7F, 0x80, 0xFE, 0xFF], np.uint8)
_MOST_BYTES = 200_000  # of a seed: larger ones only take longer

Mutation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def flip_bits(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flip a few bits anywhere."""
    places = rng.integers(0, len(content), rng.integers(1, 17))
    content[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    return content


def flip_bits_of_head(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flip a few bits where the headers are."""
    head = min(len(content), 1024)
    places = rng.integers(0, head, rng.integers(1, 9))
    content[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    return content


def set_bytes(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Overwrite a few bytes with values at which programs break."""
    start = int(rng.integers(0, len(content)))
    stop = start + int(rng.integers(1, 9))
    content[start:stop] = rng.choice(_INTERESTING)
    return content


def scribble(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Overwrite a stretch with noise."""
    start = int(rng.integers(0, len(content)))
    stretch = content[start : start + int(rng.integers(1, max(2, len(content) // 8)))]
    stretch[:] = rng.integers(0, 256, len(stretch), np.uint8)
    return content


def cut(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut the end off."""
    return content[: int(rng.integers(1, len(content) + 1))]


def leave_out(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Leave a stretch out."""
    start = int(rng.integers(0, len(content)))
    return np.delete(content, slice(start, start + int(rng.integers(1, 257))))


def repeat(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Repeat a stretch, perhaps often."""
    start = int(rng.integers(0, len(content)))
    stretch = content[start : start + int(rng.integers(1, 257))]
    again = np.tile(stretch, int(rng.integers(1, 17)))
    return np.concatenate([content[:start], again, content[start:]])


def swap(content: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exchange two stretches."""
    length = int(rng.integers(1, max(2, len(content) // 4)))
    one, two = (int(each) for each in rng.integers(0, max(1, len(content) - length), 2))
    first = content[one : one + length].copy()
    content[one : one + length] = content[two : two + length]
    content[two : two + length] = first
    return content


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits_of_head,
    set_bytes,
    scribble,
    cut,
    leave_out,
    repeat,
    swap,
)


def seeds() -> list[bytes]:
    """The clips of the tests and of the corpus, as far as they are small."""
    nobody = Canary("/nowhere", "http://127.0.0.1:9/")
    contents = [clip.content for clip in GOOD.values()]
    contents += [attack.content for attack in corpus(nobody)]
    return [content for content in contents if 0 < len(content) <= _MOST_BYTES]


def variants(*, seed: int) -> Iterator[bytes]:
    """Damage clips without end; the same seed gives the same ones."""
    originals = seeds()
    for number in count():
        rng = np.random.default_rng((seed, number))
        content = np.frombuffer(originals[int(rng.integers(len(originals)))], np.uint8).copy()
        for _ in range(int(rng.integers(1, 5))):
            mutate = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
            if len(content):
                content = mutate(content, rng)
        yield content.tobytes()


@dataclass
class Findings:
    """What came of it.

    Attributes:
        outcomes: how many variants were read, or refused for which reason.
        found: variants that ended a decoder or made it fail.
        slowest_s: the longest that one took.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    found: list[bytes] = field(default_factory=list)
    slowest_s: float = 0.0


async def fuzz(*, seed: int, most: int | None, seconds: float, decoders: int = 2) -> Findings:
    """Read damaged clips until there were enough of them or the time has passed."""
    setup = DecoderSetup(
        recipe=RECIPE, limits=Limits(), memory_bytes=1536 * 2**20, cpu_s=30.0, wall_s=60.0
    )
    pool, findings = DecoderPool(setup, size=decoders), Findings()
    source, until = variants(seed=seed), time.monotonic() + seconds

    async def work() -> None:
        while time.monotonic() < until and (
            most is None or findings.outcomes.total() + decoders <= most
        ):
            content = next(source)
            began = time.monotonic()
            try:
                async with pool.decoded(content):
                    outcome = "read"
            except DecoderGoneError:
                outcome = "decoder gone"
                findings.found.append(content)
            except ClipError as error:
                outcome = type(error).__name__
            except RuntimeError:
                outcome = "decoder failed"
                findings.found.append(content)
            findings.outcomes[outcome] += 1
            findings.slowest_s = max(findings.slowest_s, time.monotonic() - began)

    await pool.start()
    try:
        await asyncio.gather(*(work() for _ in range(decoders)))
    finally:
        await pool.close()
    return findings


def main() -> None:
    """Fuzz for a while and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("findings"))
    given = parser.parse_args()
    findings = asyncio.run(fuzz(seed=given.seed, most=None, seconds=given.seconds))
    for content in findings.found:
        given.out.mkdir(exist_ok=True)
        (given.out / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    print(f"{findings.outcomes.total()} variants: {dict(findings.outcomes)}")
    print(f"slowest {findings.slowest_s:.2f} s; {len(findings.found)} findings")


if __name__ == "__main__":
    main()
