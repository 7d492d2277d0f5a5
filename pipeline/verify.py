"""Checks a bundle in a process that knows nothing of training: `python -m pipeline.verify`.

What is served must not lean on anything that the exporting process happened to hold.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.errors import BundleError

# Of a score, between the network in memory and the exported one: where the second look is taken
# depends on what the first one saw, so that the last bits of a number grow.
_TOLERANCE = 1e-3
_PATIENCE_S = 600


def verify_bundle(
    root: Path, *, clips: npt.NDArray[np.uint8], scores: npt.NDArray[np.float32]
) -> None:
    """Load a bundle in a clean process, and compare its scores.

    Args:
        root: the bundle's folder.
        clips: uint8 [B, T, S, S, 3].
        scores: float32 [B, L], what the network in memory made of them.

    Raises:
        BundleError: the bundle cannot be loaded, or its scores differ.
    """
    given = root.with_name(f".{root.name}.verify.npz")
    try:
        np.savez(given, clips=clips, scores=scores)
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "pipeline.verify", str(root), str(given)],
            cwd=Path(__file__).resolve().parents[1],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    finally:
        given.unlink(missing_ok=True)
    if done.returncode != 0:
        raise BundleError(f"{root.name}: {(done.stderr.strip() or 'no answer').splitlines()[-1]}")


def _compare(root: Path, given: Path) -> None:
    with np.load(given, allow_pickle=False) as arrays:
        clips, wanted = arrays["clips"], arrays["scores"]
    received = SavedModelClassifier(Bundle(root).saved_model).classify(clips).scores
    if received.shape != wanted.shape:
        raise BundleError(f"scores of shape {wanted.shape}; received {received.shape}")
    if not (apart := float(np.abs(wanted - received).max())) <= _TOLERANCE:
        raise BundleError(f"scores within {_TOLERANCE} of the network's; received {apart:.2g} off")


if __name__ == "__main__":
    _compare(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
