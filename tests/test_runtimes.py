"""What runs a model: the same answers from each, and which one is chosen where."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest

from signwrite import backends
from signwrite.backends import (
    GATE,
    Backend,
    Wanted,
    best_batch,
    choose_backend,
    load_classifier,
    passes_gate,
)
from signwrite.bundle import MANIFEST, QUANTISED, SAVED_MODEL, Bundle
from signwrite.errors import BundleError
from signwrite.openvino_classifier import OpenVinoClassifier, convert
from signwrite.reader import read_tensor
from tests.bundles import TINY_RECIPE
from tests.clips import counter_clip, rotated_clip
from tests.forms import post
from tests.servers import ROOT, running_server

FLOAT = {"clips": 154, "top1": 0.95, "calibration_error": 0.03}


def integers(
    likelihood: float = 0.0, low: float = -0.004, top1: float = 0.0, calibration_error: float = 0.03
) -> dict[str, Any]:
    """Return the figures of 8-bit integers, and what they gain against FLOAT."""
    against = {
        "top1": {"share": top1, "low": top1 - 0.02, "high": top1 + 0.02},
        "likelihood": {"share": likelihood, "low": low, "high": 2 * likelihood - low},
    }
    own = {"top1": FLOAT["top1"] + top1, "calibration_error": calibration_error}
    return FLOAT | own | {"against_reference": against}


@pytest.fixture(scope="module")
def clips() -> npt.NDArray[np.uint8]:
    contents = (counter_clip(), rotated_clip(90), counter_clip(5))
    return np.stack([read_tensor(each, recipe=TINY_RECIPE).frames for each in contents])


@pytest.fixture
def bundle_of(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a function
    """Return what makes a bundle with a model in 8-bit integers, and figures in its card."""
    monkeypatch.setattr(backends, "_GPU", tmp_path / "no-gpu")

    def make(measured: dict[str, Any] | None) -> Bundle:
        root = tmp_path / "bundle"
        shutil.copytree(tiny_bundle, root)
        (root / QUANTISED).write_text("")
        manifest = Bundle(tiny_bundle).manifest
        told = {} if measured is None else {"backends": measured}
        manifest = manifest.model_copy(update={"card": manifest.card | told})
        (root / MANIFEST).write_text(manifest.model_dump_json())
        return Bundle(root)

    return make


CONVERTED = """
import sys
from pathlib import Path
told = []
sys.addaudithook(lambda event, _: told.append(event))
from signwrite.openvino_classifier import convert
convert(Path(sys.argv[1]), digests={}, cache=Path(sys.argv[2]))
print(*sorted({"os.fork", "socket.connect", "socket.getaddrinfo", "import"} & set(told)))
"""


@pytest.mark.slow
def test_openvino_reports_to_nobody(tiny_bundle: Path, tmp_path: Path) -> None:
    """By itself it does, from forks of the process: in a server, copies of all that it holds."""
    converted = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", CONVERTED, str(tiny_bundle / SAVED_MODEL), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert converted.stdout.split() == ["import"]  # the hook sees what happens
    assert list(tmp_path.glob("*.openvino/model.xml"))


@pytest.mark.parametrize(("backend", "tolerance"), [("openvino", 1e-5), ("openvino-bf16", 0.02)])
def test_every_runtime_gives_the_same_answers(
    backend: Backend, tolerance: float, tiny_bundle: Path, clips: npt.NDArray[np.uint8]
) -> None:
    bundle = Bundle(tiny_bundle)
    wanted = load_classifier(bundle, backend="tensorflow")[0].classify(clips)
    classifier, chosen = load_classifier(bundle, backend=backend, threads=1)
    assert chosen == backend
    received = classifier.classify(clips)
    np.testing.assert_allclose(received.scores, wanted.scores, atol=tolerance)
    np.testing.assert_allclose(received.hand, wanted.hand, atol=tolerance)
    np.testing.assert_allclose(received.boxes, wanted.boxes, atol=tolerance)
    np.testing.assert_array_equal(received.scores.argmax(1), wanted.scores.argmax(1))
    for place in range(len(clips)):  # alone as in company
        alone = classifier.classify(clips[place : place + 1])
        np.testing.assert_allclose(alone.scores[0], received.scores[place], atol=tolerance)


def test_an_answer_is_not_overwritten_by_the_next(
    tiny_bundle: Path, clips: npt.NDArray[np.uint8]
) -> None:
    classifier = OpenVinoClassifier(Bundle(tiny_bundle).saved_model)
    first = classifier.classify(clips[:1])
    before = first.scores.copy()
    classifier.classify(clips[1:2])
    np.testing.assert_array_equal(first.scores, before)


def test_what_is_no_batch_and_no_model_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    classifier = OpenVinoClassifier(Bundle(tiny_bundle).saved_model)
    with pytest.raises(ValueError, match="uint8"):
        classifier.classify(np.zeros((1, 4, 64, 64, 3), np.float32))
    (tmp_path / "model.xml").write_text("<no model/>")
    with pytest.raises(BundleError, match=r"a model that OpenVINO can run: model\.xml"):
        OpenVinoClassifier(tmp_path / "model.xml")


def test_a_model_is_converted_once_and_anew_when_it_is_another(
    tiny_bundle: Path, tmp_path: Path, clips: npt.NDArray[np.uint8]
) -> None:
    bundle = Bundle(tiny_bundle)
    digests = bundle.manifest.digests
    kept = convert(bundle.saved_model, digests=digests, cache=tmp_path / "cache")
    scores = OpenVinoClassifier(kept).classify(clips).scores
    before = kept.stat()
    assert convert(bundle.saved_model, digests=digests, cache=tmp_path / "cache") == kept
    assert kept.stat() == before
    other = convert(
        bundle.saved_model, digests=digests | {"more": "1" * 64}, cache=tmp_path / "cache"
    )
    assert other != kept
    np.testing.assert_array_equal(OpenVinoClassifier(other).classify(clips).scores, scores)
    assert len(list((tmp_path / "cache").iterdir())) == 2  # and nothing half done


def test_a_model_is_served_where_nothing_can_be_kept(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bundle = Bundle(tiny_bundle)
    cache = tmp_path / "file" / "cache"
    found = convert(bundle.saved_model, digests=bundle.manifest.digests, cache=cache)
    assert found == bundle.saved_model


@pytest.mark.parametrize(
    ("measured", "chosen"),
    [
        (None, "tensorflow"),
        ({"openvino-int8": integers()}, "tensorflow"),
        ({"tensorflow": FLOAT}, "tensorflow"),
        ({"tensorflow": FLOAT, "openvino-int8": integers()}, "openvino-int8"),
        ({"tensorflow": FLOAT, "openvino-int8": integers(top1=-0.004)}, "openvino-int8"),
        ({"tensorflow": FLOAT, "openvino-int8": integers(top1=-0.006)}, "tensorflow"),
        ({"tensorflow": FLOAT, "openvino-int8": integers(low=-0.011)}, "tensorflow"),
        ({"tensorflow": FLOAT, "openvino-int8": integers(0.01, low=-0.009)}, "openvino-int8"),
        ({"tensorflow": FLOAT, "openvino-int8": integers() | {"clips": 100}}, "tensorflow"),
        ({"tensorflow": FLOAT, "openvino-int8": integers(calibration_error=0.05)}, "tensorflow"),
        ({"tensorflow": FLOAT, "openvino-int8": FLOAT}, "tensorflow"),  # never compared by clip
    ],
)
def test_integers_are_chosen_only_if_they_were_measured_and_lose_nothing(
    measured: dict[str, Any] | None,
    chosen: Backend,
    bundle_of: Any,  # noqa: ANN401 - a fixture
) -> None:
    bundle = bundle_of(measured)
    assert choose_backend(bundle) == chosen
    assert passes_gate(bundle.manifest, "openvino-int8") == (chosen == "openvino-int8")
    assert choose_backend(bundle, "openvino-int8") == "openvino-int8"  # who asks for it gets it
    assert 0 < GATE.likelihood <= 0.01
    assert 0 < GATE.top1 <= 0.005


def test_a_gpu_is_tensorflows(bundle_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - a fixture
    bundle = bundle_of({"tensorflow": FLOAT, "openvino-int8": integers()})
    assert best_batch("tensorflow") == best_batch("openvino-int8") == 1
    monkeypatch.setattr(backends, "_GPU", bundle.root)
    assert choose_backend(bundle) == "tensorflow"
    assert best_batch("tensorflow") > 1 == best_batch("openvino-int8")


def test_without_tensorflow_it_is_openvino(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda _: None)
    assert choose_backend(Bundle(tiny_bundle)) == "openvino"
    assert choose_backend(Bundle(tiny_bundle), "tensorflow") == "tensorflow"  # and it says so


@pytest.mark.parametrize("wanted", ["openvino-int8"])
def test_a_bundle_without_integers_says_so(wanted: Wanted, tiny_bundle: Path) -> None:
    assert choose_backend(Bundle(tiny_bundle)) == "tensorflow"
    with pytest.raises(BundleError, match=r"a bundle with int8\.xml wanted; it has none"):
        choose_backend(Bundle(tiny_bundle), wanted)


@pytest.mark.slow
def test_a_service_on_openvino_ranks_as_one_on_tensorflow(
    tiny_bundle: Path, tmp_path: Path, client: httpx.Client
) -> None:
    with (
        running_server(tmp_path, bundle=tiny_bundle, backend="openvino") as server,
        httpx.Client(base_url=server.url, timeout=60) as other,
    ):
        for content in (counter_clip(), rotated_clip(90)):
            one, two = (post(each, content).json()["ranking"] for each in (client, other))
            assert [each["sign"] for each in one] == [each["sign"] for each in two]
            for wanted, received in zip(one, two, strict=True):
                assert received["score"] == pytest.approx(wanted["score"], abs=1e-4)
        assert 'backend="openvino"' in other.get("/metrics").text
