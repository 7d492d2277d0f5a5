"""Starting weights, random, in the form of an ImageNet file: no test fetches any."""

from pathlib import Path

import keras
import numpy as np

from pipeline.network.inception import in_creation_order


def starting_weights(path: Path) -> None:
    """Write random weights of every convolution of InceptionV3, batch normalisation folded."""
    keras.utils.set_random_seed(0)
    stock = keras.applications.InceptionV3(weights=None, include_top=False)
    arrays: dict[str, np.ndarray] = {}
    for place, layer in enumerate(in_creation_order(stock, keras.layers.Conv2D)):
        name = "conv2d" if place == 0 else f"conv2d_{place}"
        kernel = keras.ops.convert_to_numpy(layer.kernel).astype(np.float16)
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": np.zeros(kernel.shape[-1], np.float16)}
    np.savez(path, allow_pickle=False, **arrays)
