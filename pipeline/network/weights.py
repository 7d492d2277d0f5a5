"""Arrays on disk: weights to start from, and the float16 weights that are shipped.

Training starts from a folder of trained weights, or from one of two sorts of files:
batch-normalised InceptionV3 (``conv2d/kernel``, ``batch_normalization/beta`` ...), which is folded
here, and InceptionV3 already folded (``conv2d/kernel``, ``conv2d/bias``), perhaps with a
``head/kernel`` over the signs.
"""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from pipeline.files import whole_file
from pipeline.network.inception import in_creation_order
from signwrite.bundle import read_manifest, sha256_of
from signwrite.errors import InputError
from signwrite.vocabulary import Vocabulary

WEIGHTS = "weights.npz"
CONVOLUTIONS = 94
_EPSILON = 1e-3  # of keras.applications' batch normalisation

Array = npt.NDArray[np.float32]


class StartingWeights:
    """InceptionV3's convolutions, folded, in creation order.

    Attributes:
        kernels: for each of the 94 convolutions its kernel and bias; None where the source has no
            kernel, so that the layer stays random.
        head: kernel [2048, L] and bias [L] of a layer over the signs, if the source has one.
    """

    def __init__(
        self,
        kernels: list[tuple[Array | None, Array]],
        head: tuple[Array, Array] | None,
    ) -> None:
        """Hold the arrays."""
        self.kernels, self.head = kernels, head


def name_start(source: str) -> dict[str, str]:
    """Name weights to start from by what they are, not by where they lie."""
    file = _file(source)
    return {"name": Path(source).name} | ({} if file is None else {"sha256": sha256_of(file)})


def start_part(part: keras.Model, source: str) -> None:
    """Fill a part's weights; what the source does not have stays random.

    Args:
        part: one of the parts of `pipeline.network.composition.SignNetwork`.
        source: ``imagenet``, an .npz file, or a folder of trained weights.

    Raises:
        InputError: as `read_starting_weights`.
    """
    if not Path(source).is_dir():
        start_inception(part, read_starting_weights(source))
        return
    with np.load(_folder(source) / WEIGHTS, allow_pickle=False) as arrays:
        for variable in part.weights:
            array = _read(arrays, f"{part.name}/{variable.path}")
            if array is not None and array.shape == tuple(variable.shape):
                variable.assign(array)


def start_heads(
    head: keras.Model, joints: keras.Model, source: str, *, vocabulary: Vocabulary
) -> None:
    """Fill the layers over signs and joints, where the source has them.

    Signs must be these very ones; a file does not name them, so that their number must do.

    Raises:
        InputError: as `read_starting_weights`.
    """
    if Path(source).is_dir():
        start_trained(joints, source)
        start_trained(head, source, vocabulary=vocabulary)
        return
    start = read_starting_weights(source)
    if start.head is not None and start.head[1].shape == (len(vocabulary),):
        head.set_weights(list(start.head))


def start_trained(part: keras.Model, source: str, *, vocabulary: Vocabulary | None = None) -> None:
    """Fill a part that InceptionV3 has none of, if the source is a folder of trained weights.

    Args:
        part: the part.
        source: as `start_part`.
        vocabulary: the signs that the source must know, these very ones; by default any.

    Raises:
        InputError: as `read_starting_weights`.
    """
    if Path(source).is_dir() and vocabulary in (None, read_manifest(_folder(source)).vocabulary):
        start_part(part, source)


def _file(source: str) -> Path | None:
    """Return the file of weights that a source means; None for Keras' own."""
    if source == "imagenet":
        return None
    return _folder(source) / WEIGHTS if Path(source).is_dir() else Path(source)


def _folder(source: str) -> Path:
    if not (Path(source) / WEIGHTS).is_file():
        raise InputError(f"starting weights: a folder with {WEIGHTS} wanted; received {source}")
    return Path(source)


def read_starting_weights(source: str) -> StartingWeights:
    """Read weights to start from.

    Args:
        source: ``imagenet``, which Keras downloads, or the path of an .npz file.

    Raises:
        InputError: no such file, it does not hold InceptionV3's convolutions, or Keras cannot
            download its own.
    """
    if source == "imagenet":
        return folded(_imagenet())
    if not Path(source).is_file():
        raise InputError(
            "starting weights: 'imagenet', an .npz file or a folder of trained weights wanted; "
            f"received {source}"
        )
    with np.load(source, allow_pickle=False) as arrays:
        return _from_arrays(arrays, source=source)


def _name(stem: str, place: int) -> str:
    return stem if place == 0 else f"{stem}_{place}"


def _from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]], *, source: str) -> StartingWeights:
    kernels: list[tuple[Array | None, Array]] = []
    for place in range(CONVOLUTIONS):
        conv, norm = _name("conv2d", place), _name("batch_normalization", place)
        kernel = _read(arrays, f"{conv}/kernel")
        bias = _read(arrays, f"{conv}/bias")
        if bias is None:
            beta = _read(arrays, f"{norm}/beta")
            mean = _read(arrays, f"{norm}/moving_mean")
            variance = _read(arrays, f"{norm}/moving_variance")
            if beta is None or mean is None or variance is None:
                raise InputError(f"{source}: {conv}/bias or {norm}/beta wanted; it holds neither")
            kernel, bias = _fold(kernel, beta=beta, mean=mean, variance=variance)
        kernels.append((kernel, bias))
    head_kernel, head_bias = _read(arrays, "head/kernel"), _read(arrays, "head/bias")
    head = None if head_kernel is None or head_bias is None else (head_kernel, head_bias)
    return StartingWeights(kernels, head)


def _read(arrays: Mapping[str, npt.NDArray[np.generic]], key: str) -> Array | None:
    return arrays[key].astype(np.float32) if key in arrays else None


def _fold(
    kernel: Array | None, *, beta: Array, mean: Array, variance: Array
) -> tuple[Array | None, Array]:
    """Fold normalisation (without gamma, as InceptionV3 has none) into a convolution."""
    scale = 1.0 / np.sqrt(variance + _EPSILON)
    return None if kernel is None else kernel * scale, beta - mean * scale


def _imagenet() -> keras.Model:
    try:
        return keras.applications.InceptionV3(weights="imagenet", include_top=False)
    except Exception as error:  # Keras raises nothing more special when a download fails
        raise InputError(
            "starting weights: Keras' own of ImageNet could not be downloaded; name a local file "
            f"as localiser_start and backbone_start in --params ({error})"
        ) from error


def folded(model: keras.Model) -> StartingWeights:
    """Fold the normalisation of a `keras.applications.InceptionV3` into its convolutions."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    kinds = (
        (keras.layers.Conv2D, "conv2d"),
        (keras.layers.BatchNormalization, "batch_normalization"),
    )
    for kind, stem in kinds:
        for place, layer in enumerate(in_creation_order(model, kind)):
            for variable in layer.weights:
                key = f"{_name(stem, place)}/{variable.name}"
                arrays[key] = keras.ops.convert_to_numpy(variable)
    return _from_arrays(arrays, source=model.name)


def start_inception(model: keras.Model, weights: StartingWeights) -> list[str]:
    """Fill a model of `pipeline.network.inception.build_inception`.

    Returns:
        The names of the convolutions whose kernel stays random.
    """
    left = []
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D) or not layer.name.startswith("conv"):
            continue
        if not layer.name[4:].isdigit():
            continue
        kernel, bias = weights.kernels[int(layer.name[4:])]
        if kernel is None:
            left.append(layer.name)
            layer.bias.assign(bias)
        else:
            layer.set_weights([kernel, bias])
    return left


def part_arrays(parts: Mapping[str, keras.Model]) -> dict[str, npt.NDArray[np.generic]]:
    """Name every weight of a network's parts, e.g. ``backbone/conv00/kernel``."""
    return {
        f"{name}/{variable.path}": np.asarray(keras.ops.convert_to_numpy(variable))
        for name, part in parts.items()
        for variable in part.weights
    }


def save_parts(parts: Mapping[str, keras.Model], path: Path) -> None:
    """Write every weight as float16, atomically.

    Raises:
        InputError: a weight is not finite, or too large for float16.
    """
    arrays = {key: array.astype(np.float16) for key, array in part_arrays(parts).items()}
    wrong = [key for key, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise InputError(f"finite weights within float16's range; received others in {wrong[:3]}")
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def load_parts(parts: Mapping[str, keras.Model], path: Path) -> None:
    """Fill a network's parts from a file of `save_parts`.

    Raises:
        InputError: the file's arrays are not this network's.
    """
    with np.load(path, allow_pickle=False) as arrays:
        for name, part in parts.items():
            for variable in part.weights:
                key = f"{name}/{variable.path}"
                if key not in arrays or arrays[key].shape != tuple(variable.shape):
                    raise InputError(f"{path.name}: {key} of shape {tuple(variable.shape)} wanted")
                variable.assign(arrays[key].astype(np.float32))
