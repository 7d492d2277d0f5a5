"""A bundle is held against the network that it came from, in a process of its own."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.verify import verify_bundle
from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.errors import BundleError

pytestmark = pytest.mark.slow


def test_a_bundle_that_scores_otherwise_is_refused(tiny_bundle: Path) -> None:
    bundle = Bundle(tiny_bundle)
    shape = (2, *bundle.manifest.recipe.clip_shape)
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    scores = SavedModelClassifier(bundle.saved_model).classify(clips).scores
    verify_bundle(tiny_bundle, clips=clips, scores=scores)
    with pytest.raises(BundleError, match=r"within 0\.001 of the network's; received 0\.01 off"):
        verify_bundle(tiny_bundle, clips=clips, scores=scores + np.float32(0.01))
    with pytest.raises(BundleError, match="scores of shape"):
        verify_bundle(tiny_bundle, clips=clips, scores=scores[:, 1:])
    assert not list(tiny_bundle.parent.glob(".*.verify.npz"))
