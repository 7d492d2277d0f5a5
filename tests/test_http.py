"""The contract with the outside, over real HTTP, against a really running server."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from signwrite.answer import PredictionAnswer
from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.reader import Reader
from tests.bundles import TINY_SIGNS
from tests.clips import GOOD, GoodClip, counter_clip
from tests.forms import PROBLEM, black_clip, post
from tests.servers import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reader(tiny_bundle: Path) -> Reader:
    bundle = Bundle(tiny_bundle)
    return Reader(bundle.manifest, classifier=SavedModelClassifier(bundle.saved_model))


def predictions(answer: PredictionAnswer) -> list[tuple[int, str, float]]:
    return [(found.rank, found.sign, found.score) for found in answer.ranking]


# --- What works ----------------------------------------------------------------------------------


def test_answers_exactly_the_json_of_the_contract(client: httpx.Client) -> None:
    answer = post(client, counter_clip()).json()
    assert list(answer) == ["model", "clip", "ranking", "uncertain"]
    assert answer["model"] == {"name": "tiny-signs", "version": "1.0.0"}
    assert set(answer["clip"]) == {
        "duration_s", "width", "height", "frames_decoded", "frames_used",
    }  # fmt: skip
    assert [found["rank"] for found in answer["ranking"]] == [1, 2, 3, 4, 5]
    assert set(answer["ranking"][0]) == {"rank", "sign", "score"}
    scores = [found["score"] for found in answer["ranking"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["uncertain"] is False


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_ranks_every_good_clip_as_the_reader_does(
    good: GoodClip, client: httpx.Client, reader: Reader
) -> None:
    response = post(client, good.content, top_k=str(len(TINY_SIGNS)))
    assert response.status_code == 200, response.text
    wanted = PredictionAnswer.of(reader.read(good.content), manifest=reader.manifest)
    received = PredictionAnswer.model_validate_json(response.content)
    assert received.clip == wanted.clip
    assert predictions(received) == predictions(wanted)  # bit for bit
    assert received.uncertain == wanted.uncertain


def test_an_answer_says_where_its_time_went(client: httpx.Client) -> None:
    before = figures(client.get("/metrics").text)
    response = post(client, counter_clip())
    spans = dict(re.findall(r"([\w-]+);dur=([\d.]+)", response.headers["server-timing"]))
    assert list(spans) == ["upload", "wait-decoder", "decode", "wait-model", "infer"]
    took_s = response.elapsed.total_seconds()
    assert 0 < float(spans["decode"]) + float(spans["infer"]) <= took_s * 1000
    after = figures(client.get("/metrics").text)
    for series in (
        "signwrite_decode_seconds_count",
        'signwrite_wait_seconds_count{for="decoder"}',
        'signwrite_wait_seconds_count{for="model"}',
        'signwrite_inference_seconds_count{model_version="1.0.0"}',
    ):
        assert after[series] == before.get(series, 0) + 1


def test_a_black_clip_is_uncertain(client: httpx.Client) -> None:
    assert post(client, black_clip()).json()["uncertain"] is True


def test_the_facts_of_a_clip_are_what_was_encoded(client: httpx.Client) -> None:
    assert post(client, counter_clip(2)).json()["clip"] == {
        "duration_s": pytest.approx(2 / 30, abs=0.001),
        "width": 96,
        "height": 64,
        "frames_decoded": 2,
        "frames_used": 2,
    }


@pytest.mark.parametrize("top_k", [1, 3, len(TINY_SIGNS)])
def test_top_k_predictions_come(client: httpx.Client, top_k: int) -> None:
    assert len(post(client, counter_clip(), top_k=str(top_k)).json()["ranking"]) == top_k


def test_concurrent_clips_share_calls_and_each_gets_its_own_answer(
    server: Server, reader: Reader
) -> None:
    clips = [counter_clip(frames) for frames in (10, 40, 90, 200)] + [black_clip()]
    wanted = [
        predictions(PredictionAnswer.of(reader.read(clip), manifest=reader.manifest))
        for clip in clips
    ]
    assert len({tuple(ranking) for ranking in wanted}) == len(clips)

    async def rounds() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            for _ in range(50):
                before = await batches(client)
                responses = await asyncio.gather(
                    *(
                        client.post(
                            "/predict",
                            files={"clip": ("clip", clips[place % len(clips)])},
                            data={"top_k": str(len(TINY_SIGNS))},
                        )
                        for place in range(20)
                    )
                )
                for place, response in enumerate(responses):
                    answer = PredictionAnswer.model_validate_json(response.content)
                    ranking = wanted[place % len(clips)]
                    assert [found.sign for found in answer.ranking] == [
                        sign for _, sign, _ in ranking
                    ]
                    scores = [found.score for found in answer.ranking]
                    assert scores == pytest.approx([score for *_, score in ranking], abs=1e-6)
                calls, of_one = (
                    now - then for now, then in zip(await batches(client), before, strict=True)
                )
                if of_one < calls < 20:
                    return
        raise AssertionError("at least one call with several clips in 50 rounds of 20 requests")

    asyncio.run(rounds())


async def batches(client: httpx.AsyncClient) -> tuple[int, int]:
    """Return how many calls of the model there were, and how many had one clip only."""
    series = figures((await client.get("/metrics")).text)
    return (
        int(series.get("signwrite_batch_clips_count", 0)),
        int(series.get('signwrite_batch_clips_bucket{le="1.0"}', 0)),
    )


def figures(exposition: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in exposition.splitlines() if line[:1] != "#"]
    return {name: float(value) for name, _, value in lines}


# --- Request ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/model", "/livez", "/nothing"])
@pytest.mark.parametrize("given", ["abc-123", "A" * 128, "a.b_c:d/e+f=g@h"])
def test_a_sane_request_id_is_kept(client: httpx.Client, path: str, given: str) -> None:
    response = client.get(path, headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "A" * 129, "<script>", "a\tb", "ü", '"', "a,b;c"])
def test_another_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    response = client.get("/model", headers={b"X-Request-ID": given.encode()})
    received = response.headers["x-request-id"]
    assert received != given
    assert len(received) == 32


def test_every_request_has_an_id_of_its_own(client: httpx.Client) -> None:
    assert len({client.get("/livez").headers["x-request-id"] for _ in range(10)}) == 10


# --- The other endpoints -------------------------------------------------------------------------


def test_ready_only_after_the_warm_up(server: Server) -> None:
    assert server.statuses_before_ready
    assert {alive for alive, _ in server.statuses_before_ready} == {200}
    assert {ready for _, ready in server.statuses_before_ready} == {503}


def test_model_is_the_manifest_without_digests(client: httpx.Client, tiny_bundle: Path) -> None:
    wanted = json.loads((tiny_bundle / "model.json").read_text())
    del wanted["digests"]
    assert client.get("/model").json() == wanted


def test_metrics_show_what_was_done(client: httpx.Client) -> None:
    before = figures(client.get("/metrics").text)
    post(client, counter_clip())
    post(client, black_clip())
    post(client, b"no video")
    after = figures(client.get("/metrics").text)
    wanted = {
        "signwrite_decode_seconds_count": 2,
        'signwrite_inference_seconds_count{model_version="1.0.0"}': 2,
        'signwrite_uncertain_predictions_total{model_version="1.0.0"}': 1,
        'signwrite_predictions_total{kind="ranking",status="200"}': 2,
        'signwrite_predictions_total{kind="unsupported-media",status="415"}': 1,
    }
    assert {name: after[name] - before.get(name, 0) for name in wanted} == wanted
    assert 'endpoint="/predict"' in client.get("/metrics").text  # BentoML's own


def test_the_page_is_ours_and_bentos_is_nowhere(client: httpx.Client) -> None:
    page, docs = client.get("/"), client.get("/docs")
    assert "<title>SignWrite</title>" in page.text
    assert page.headers["content-encoding"] == "gzip"
    assert "swagger-ui" in docs.text
    for response in (page, docs):
        assert response.status_code == 200
        assert "googletagmanager" not in response.text
    head = client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"]
    assert client.get("/page/app.py").status_code == 404


def test_openapi_lists_the_endpoints_and_every_status(client: httpx.Client) -> None:
    spec = client.get("/docs.json").json()
    predict = spec["paths"]["/predict"]["post"]
    form = predict["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["clip"]
    assert set(form["properties"]) == {"clip", "top_k", "explain"}
    assert set(predict["responses"]) == {
        "200", "400", "401", "408", "413", "415", "422", "429", "500", "503", "504",
    }  # fmt: skip
    for status, response in predict["responses"].items():
        assert list(response["content"]) == ["application/json" if status == "200" else PROBLEM]
    assert "Retry-After" in predict["responses"]["429"]["headers"]
    assert {"/predict", "/model", "/livez", "/readyz", "/metrics"} <= set(spec["paths"])
    assert references(spec) <= {f"#/components/schemas/{name}" for name in schemas(spec)}


def schemas(spec: dict[str, Any]) -> set[str]:
    return set(spec["components"]["schemas"])


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_nothing_of_the_server_leaks(client: httpx.Client, server: Server) -> None:
    refused = [post(client, b"no video"), client.get("/nothing"), client.get("/predict")]
    for response in refused:
        assert "Traceback" not in response.text
        assert "/" not in response.json()["detail"]
        assert "server" not in response.headers or "BentoML" not in response.headers["server"]
    assert "Traceback" not in server.log.read_text()
