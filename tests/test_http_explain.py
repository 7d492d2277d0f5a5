"""`explain` over HTTP: what it adds, and that nothing changes for who does not ask for it."""

import base64
import re
from pathlib import Path

import httpx
import pytest

from signwrite.answer import ExplainedAnswer, PredictionAnswer
from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.reader import Reader
from tests.clips import counter_clip
from tests.forms import assert_problem, post

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("form", [{}, {"explain": "false"}])
def test_who_does_not_ask_gets_the_same_bytes_as_ever(
    form: dict[str, str], client: httpx.Client, tiny_bundle: Path
) -> None:
    bundle = Bundle(tiny_bundle)
    reader = Reader(bundle.manifest, classifier=SavedModelClassifier(bundle.saved_model))
    wanted = PredictionAnswer.of(reader.read(counter_clip(), top_k=5), manifest=bundle.manifest)
    response = post(client, counter_clip(), **form)
    assert response.text == wanted.model_dump_json()
    assert "explain" not in response.headers["server-timing"]


def test_who_asks_gets_every_frame_that_was_used(client: httpx.Client) -> None:
    response = post(client, counter_clip(), explain="true", top_k="3")
    answer = ExplainedAnswer.model_validate_json(response.content)
    plain = post(client, counter_clip(), top_k="3").json()
    assert {name: value for name, value in response.json().items() if name != "explain"} == plain
    assert len(answer.explain) == answer.clip.frames_used == 4
    times = [frame.time_s for frame in answer.explain]
    assert times == sorted(times)
    assert times[-1] < answer.clip.duration_s
    for frame in answer.explain:
        jpeg = base64.b64decode(frame.crop.partition(",")[2], validate=True)
        assert jpeg.startswith(b"\xff\xd8\xff")
        assert jpeg.endswith(b"\xff\xd9")
        # The tiny model looks at its whole canvas, which goes beyond a wide picture.
        assert (frame.square.left, frame.square.right) == pytest.approx((0, 1))
        assert frame.square.top < 0
        assert frame.square.bottom > 1
    assert re.search(r"explain;dur=[\d.]+", response.headers["server-timing"])


@pytest.mark.parametrize("value", ["", "1", "True", "yes", "true ", "null"])
def test_another_value_is_400(client: httpx.Client, value: str) -> None:
    problem = assert_problem(post(client, counter_clip(), explain=value), 400)
    assert problem["detail"] == "explain as true or false; received something else"


def test_it_is_described(client: httpx.Client) -> None:
    predict = client.get("/docs.json").json()["paths"]["/predict"]["post"]
    form = predict["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["explain"]["type"] == "boolean"
    schema = predict["responses"]["200"]["content"]["application/json"]["schema"]
    assert [each["$ref"].rpartition("/")[2] for each in schema["anyOf"]] == [
        "PredictionAnswer",
        "ExplainedAnswer",
    ]
