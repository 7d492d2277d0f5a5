"""Which runtime scores clips: chosen by the machine, and by what was measured of the model.

A lower precision is only chosen if it was measured on the same clips as the model itself, and lost
next to nothing: `GATE` says how much. The figures are in the model's card, under `backends`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from signwrite.bundle import Bundle, Manifest
from signwrite.classifier import Classifier, SavedModelClassifier
from signwrite.errors import BundleError
from signwrite.openvino_classifier import OpenVinoClassifier, convert

Backend = Literal["tensorflow", "openvino", "openvino-bf16", "openvino-int8"]
Wanted = Literal["auto", "tensorflow", "openvino", "openvino-bf16", "openvino-int8"]

REFERENCE: Backend = "tensorflow"
_GPU = Path("/dev/nvidiactl")
_GPU_BATCH = 8


@dataclass(frozen=True)
class Gate:
    """How much a faster backend may lose against the reference, on the same clips.

    Attributes:
        likelihood: of the right sign: mean natural logarithm, at the worse end of the 95 % interval
            over signers.
        top1: share of clips whose sign is first.
        calibration_error: expected calibration error.
    """

    likelihood: float
    top1: float
    calibration_error: float


GATE = Gate(likelihood=0.01, top1=0.005, calibration_error=0.01)


def passes_gate(manifest: Manifest, backend: Backend) -> bool:
    """Say whether a backend was measured on this model, and lost no more than `GATE` allows."""
    measured = manifest.card.get("backends", {})
    found, reference = measured.get(backend), measured.get(REFERENCE)
    if found is None or reference is None or found["clips"] != reference["clips"]:
        return False
    against = found.get("against_reference")  # not there in cards of before
    if against is None:
        return False
    worse = found["calibration_error"] - reference["calibration_error"]
    return bool(
        -against["likelihood"]["low"] <= GATE.likelihood
        and -against["top1"]["share"] <= GATE.top1
        and worse <= GATE.calibration_error
    )


def choose_backend(bundle: Bundle, wanted: Wanted = "auto") -> Backend:
    """Choose the backend for this machine.

    By itself it takes TensorFlow where there is an NVIDIA GPU; else OpenVINO with 8-bit integers
    where the bundle has such a model that passes the gate; else TensorFlow; and where that is not
    installed, OpenVINO with floats.

    Raises:
        BundleError: 8-bit integers are wanted, and the bundle has no such model.
    """
    quantised = bundle.quantised.is_file()
    if wanted == "openvino-int8" and not quantised:
        raise BundleError(f"{wanted}: a bundle with {bundle.quantised.name} wanted; it has none")
    if wanted != "auto":
        return wanted
    if not _GPU.exists() and quantised and passes_gate(bundle.manifest, "openvino-int8"):
        return "openvino-int8"
    return REFERENCE if find_spec("tensorflow") else "openvino"


def best_batch(backend: Backend) -> int:
    """Return the most clips that one call of the model should have, where nobody says otherwise.

    A clip is a batch of frames already. On a CPU it keeps the cores busy by itself: clips that
    share a call take no less time than one after the other, all wait for the last of them, and the
    memory grows (docs/performance.md). A GPU wants more at once.
    """
    return _GPU_BATCH if backend == "tensorflow" and _GPU.exists() else 1


def load_classifier(
    bundle: Bundle, *, backend: Wanted = "auto", threads: int | None = None
) -> tuple[Classifier, Backend]:
    """Load a bundle's model; takes seconds.

    Args:
        bundle: verified.
        backend: what runs it.
        threads: how many CPU threads one call may use; the runtime's own choice by default.

    Returns:
        The classifier, and the backend that was chosen.

    Raises:
        BundleError: the model cannot be loaded, or the bundle has none for the backend.
    """
    chosen = choose_backend(bundle, backend)
    if chosen == "tensorflow":
        return SavedModelClassifier(bundle.saved_model, threads=threads), chosen
    if chosen == "openvino-int8":
        return OpenVinoClassifier(bundle.quantised, threads=threads), chosen
    model = convert(bundle.saved_model, digests=bundle.manifest.digests)
    bfloat16 = chosen == "openvino-bf16"
    return OpenVinoClassifier(model, threads=threads, bfloat16=bfloat16), chosen
