"""The quantise stage: a model's multiplications in 8-bit integers, for CPUs.

NNCF (Kozlov et al. 2020, "Neural Network Compression Framework for Fast Model Inference") watches
what values run through the network while it reads clips of the training split, and chooses a scale
for each. Whether the result is good enough to be served is another question, which `evaluate
--backend openvino-int8` answers.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nncf
import numpy as np
import numpy.typing as npt
import openvino

from pipeline.clips.manifest import read_manifest
from pipeline.evaluation.card import CARD
from pipeline.export import export_bundle
from pipeline.files import whole_folder
from pipeline.jobs import Progress, no_progress
from pipeline.network.weights import WEIGHTS
from pipeline.network.weights_folder import write_manifest
from pipeline.provenance import PROVENANCE
from signwrite.bundle import QUANTISED, Bundle
from signwrite.errors import InputError
from signwrite.reader import read_tensor

CLIPS = 30  # to watch

_NO_ARITHMETIC = {"Constant", "Convert", "Parameter", "Result"}
_RECTIFIED = ("Convolution", "Add", "Relu")


def quantise(
    weights: Path,
    clips: Path,
    *,
    count: int = CLIPS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Path:
    """Put a quantised model into a folder of weights, whole or not at all.

    Args:
        weights: the folder of weights; one that was there is replaced.
        clips: a folder of the cut stage; only clips of its training split are read.
        count: how many of them to watch.
        seed: of which.
        progress: called after each clip.

    Returns:
        The model's file in the folder.

    Raises:
        InputError: there are no training clips.
        ClipError: a clip cannot be read.
        BundleError: the weights are damaged.
    """
    rows = [row for row in read_manifest(clips) if row.split == "train"]
    if not rows:
        raise InputError(f"{clips}: wanted clips of the split train; received none")
    chosen = np.random.default_rng(seed).permutation(len(rows))[:count]

    def watched() -> Iterator[npt.NDArray[np.uint8]]:
        for done, place in enumerate(chosen, start=1):
            tensor = read_tensor(clips / rows[place].clip, recipe=bundle.manifest.recipe)
            yield tensor.frames[np.newaxis]
            progress(done, len(chosen))

    with TemporaryDirectory() as temporary:
        bundle = export_bundle(weights, out=Path(temporary) / "bundle")
        model = openvino.convert_model(str(bundle.saved_model))
        quantised = nncf.quantize(
            model,
            nncf.Dataset(list(watched())),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(chosen),
            ignored_scope=nncf.IgnoredScope(names=_exact(model)),
            fast_bias_correction=False,  # the fast one costs likelihood: ADR 22
            # Without VNNI, sums of products overflow 16 bits unless weights leave room for them.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
    manifest = Bundle(weights).manifest
    with whole_folder(weights) as folder:
        for name in (WEIGHTS, PROVENANCE):
            if (weights / name).is_file():
                shutil.copy2(weights / name, folder / name)
        openvino.save_model(quantised, str(folder / QUANTISED))
        write_manifest(manifest, folder)
        if (weights / CARD).is_file():  # evaluation writes it anew, so no digest covers it
            shutil.copy2(weights / CARD, folder / CARD)
    return weights / QUANTISED


def _exact(model: openvino.Model) -> list[str]:
    """Name what stays exact: all but the convolutions whose sums go through a ReLU.

    Those are nearly all of the work. What is left says where things are and how likely they are;
    NNCF would round places on the canvas to one of 256 as well.
    """
    return [
        each.get_friendly_name()
        for each in model.get_ordered_ops()
        if each.get_type_name() not in _NO_ARITHMETIC and not _is_rectified_convolution(each)
    ]


def _is_rectified_convolution(node: openvino.Node) -> bool:
    *before, last = _RECTIFIED
    for kind in before:
        targets = list(node.output(0).get_target_inputs())
        if node.get_type_name() != kind or len(targets) != 1:
            return False
        node = targets[0].get_node()
    return bool(node.get_type_name() == last)
