"""InceptionV3 with batch normalisation folded away."""

from typing import Any

import keras


def build_inception(size_px: int, *, block: str | None = None) -> keras.Model:
    """Build InceptionV3 without its top, batch normalisation folded away, weights random.

    Args:
        size_px: side of the square input, float [N, size, size, 3] in [-1, 1].
        block: stop after this block (``mixed0``..``mixed10``); the whole network by default.

    Returns:
        A model whose convolutions are named ``conv00``..``conv93`` in the order in which
        `keras.applications` creates them, each with kernel and bias. Outputs the block's map, and
        mixed2's as well when a block is named.
    """
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(size_px, size_px, 3)
    )
    convolutions = in_creation_order(base, keras.layers.Conv2D)
    order = {layer.name: place for place, layer in enumerate(convolutions)}
    outputs: Any = base.output
    if block is not None:
        outputs = [base.get_layer("mixed2").output, base.get_layer(block).output]

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Conv2D):
            config |= {"use_bias": True, "name": f"conv{order[layer.name]:02d}"}
        return type(layer).from_config(config)

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Keras' own
        if isinstance(layer, keras.layers.BatchNormalization):
            return args[0]
        return layer(*args, **kwargs)

    cut = keras.Model(base.input, outputs)
    return keras.models.clone_model(cut, clone_function=clone, call_function=call)


def in_creation_order(model: keras.Model, kind: type[keras.Layer]) -> list[keras.Layer]:
    """Return a model's layers of one kind; Keras numbers their names through a whole process."""
    layers = [layer for layer in model.layers if isinstance(layer, kind)]

    def number(layer: keras.Layer) -> int:
        last = layer.name.rsplit("_", 1)[-1]
        return int(last) if last.isdigit() else 0

    return sorted(layers, key=number)
