"""The classifier on OpenVINO: CPUs multiply 8-bit integers two to four times as fast as floats."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signwrite.classifier import Classification, check_clips
from signwrite.errors import BundleError

OUTPUTS = ("scores", "hand", "boxes")


class OpenVinoClassifier:
    """Runs a model on the CPU with OpenVINO.

    Args:
        model: a model in OpenVINO's form (``.xml``), or the folder of a TensorFlow SavedModel,
            which is converted in memory.
        threads: how many CPU threads one call may use; all cores by default.
        bfloat16: multiply in bfloat16 where the CPU can; what is quantised stays so.

    Raises:
        BundleError: the model cannot be read, or has not the outputs of a bundle's.
    """

    def __init__(self, model: Path, *, threads: int | None = None, bfloat16: bool = False) -> None:
        """Load and compile the model; takes seconds."""
        import openvino  # noqa: PLC0415 - a second of import that only a model needs

        properties: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        }
        if threads is not None:
            properties["INFERENCE_NUM_THREADS"] = threads
        try:
            read = openvino.convert_model(str(model)) if model.is_dir() else str(model)
            self._compiled = openvino.Core().compile_model(read, "CPU", properties)
            self._outputs = {name: self._compiled.output(name) for name in OUTPUTS}
        except (OSError, RuntimeError) as error:
            raise BundleError(f"a model that OpenVINO can run: {model.name}: {error}") from error

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        """Score uint8 [B, T, S, S, 3] clips, RGB.

        Raises:
            ValueError: the array is not uint8 with five axes.
        """
        check_clips(clips)
        said = self._compiled(np.ascontiguousarray(clips))
        # Copied: the next call overwrites what OpenVINO hands out.
        return Classification(
            **{name: np.array(said[output], np.float32) for name, output in self._outputs.items()}
        )
