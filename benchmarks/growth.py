"""What a larger vocabulary costs: the same network with more signs, weights random.

    python -m benchmarks.growth [--model BUNDLE] [--rounds N]

What longer and larger clips cost is in `benchmarks.decoding`: the model sees as many frames of
them as of any.
"""

import statistics
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from benchmarks.tables import Row, Table, interleave, measure_alone, ratio
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from signwrite.bundle import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNS = (26, 250, 2500)


def measure(model: Path, *, rounds: int) -> Table:
    """Time one clip with networks of more and more signs, in turn."""
    manifest = read_manifest(model)
    config = NetworkConfig(**manifest.network["config"]).model_copy(update={"alike": ()})
    clip = np.random.default_rng(0).integers(0, 256, (1, *manifest.recipe.clip_shape), np.uint8)
    works: dict[str, Callable[[], object]] = {}
    for signs in SIGNS:
        network = SignNetwork(config, recipe=manifest.recipe, signs=signs)
        classify = tf.function(partial(network.classify, temperature=1.0))
        works[str(signs)] = partial(classify, tf.constant(clip))
    seconds = interleave(works, rounds=rounds)
    rows: list[Row] = [
        {
            "signs": signs,
            "ms a clip": 1000 * statistics.median(took),
            "against 26 signs": ratio(took, seconds[str(SIGNS[0])]),
        }
        for signs, took in seconds.items()
    ]
    note = f"TensorFlow, one clip a call; medians of {rounds} interleaved rounds."
    return Table("growth", "What a larger vocabulary costs", note, tuple(rows))


if __name__ == "__main__":
    measure_alone(measure, about=__doc__)
