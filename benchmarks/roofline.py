"""How much of what the machine can multiply each backend uses, at several batch sizes.

    python -m benchmarks.roofline [--model BUNDLE] [--rounds N]

The peak is that of this very run: TensorFlow's product of two large float32 matrices, timed between
the backends. What a clip costs is counted: the multiplications and additions of its convolutions.
Lower precision has a higher peak; its share may be above one.
"""

import os
import statistics
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from benchmarks.knee import count_gflop
from benchmarks.tables import Row, Table, interleave, measure_alone, ratio
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from signwrite.backends import Backend, load_classifier
from signwrite.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = (1, 2, 4, 8)

_SIDE = 2048
_PRODUCT_GFLOP = 2 * _SIDE**3 / 1e9


def backends_of(bundle: Bundle) -> tuple[Backend, ...]:
    """Return what can run a bundle on this CPU."""
    found: tuple[Backend, ...] = ("tensorflow", "openvino")
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if "avx512_bf16" in flags or "amx_bf16" in flags:
        found = (*found, "openvino-bf16")
    return (*found, "openvino-int8") if bundle.quantised.is_file() else found


def measure(model: Path, *, rounds: int) -> Table:
    """Time every backend at every batch size, in turn with the matrix product."""
    bundle = Bundle(model)
    manifest = bundle.manifest
    config = NetworkConfig(**manifest.network["config"])
    network = SignNetwork(config, recipe=manifest.recipe, signs=len(manifest.vocabulary))
    clip_gflop = count_gflop(network, frames=manifest.recipe.frames_per_clip)
    square = tf.random.uniform((_SIDE, _SIDE))
    cores = len(os.sched_getaffinity(0))
    shape = manifest.recipe.clip_shape
    noise = np.random.default_rng(0).integers(0, 256, (max(BATCHES), *shape), np.uint8)
    rows: list[Row] = []
    for batch in BATCHES:
        works: dict[str, Callable[[], object]] = {
            "product": lambda: tf.linalg.matmul(square, square).numpy()
        }
        for name in backends_of(bundle):
            threads = None if name == "tensorflow" else cores  # TensorFlow takes all by itself
            classifier, _ = load_classifier(bundle, backend=name, threads=threads)
            works[name] = partial(classifier.classify, noise[:batch])
        seconds = interleave(works, rounds=rounds)
        peak = [_PRODUCT_GFLOP / took for took in seconds.pop("product")]
        for timed in seconds:
            done = [batch * clip_gflop / took for took in seconds[timed]]
            rows.append(
                {
                    "backend": timed,
                    "clips in a call": str(batch),
                    "ms a clip": 1000 * statistics.median(seconds[timed]) / batch,
                    "of the float32 peak": f"{ratio(done, peak):.0%}",
                    "against TensorFlow": ratio(seconds["tensorflow"], seconds[timed]),
                    "peak, GFLOP/s": statistics.median(peak),
                }
            )
    note = (
        f"{cores} cores, {clip_gflop:.0f} GFLOP a clip of {shape[0]} frames; medians of {rounds} "
        "interleaved rounds."
    )
    return Table("roofline", "What the backends make of the machine", note, tuple(rows))


if __name__ == "__main__":
    measure_alone(measure, about=__doc__)
