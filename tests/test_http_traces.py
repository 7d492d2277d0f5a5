"""Traces of a running server, as a collector receives them over OTLP."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.clips import counter_clip
from tests.collector import Collector, attributes, collecting
from tests.forms import post
from tests.servers import read_lines, running_server

pytestmark = pytest.mark.slow

NAME = "a-file-name-that-nobody-may-read.mp4"
KEY = "a-key-that-nobody-may-read"
CLIENTS_TRACE, CLIENTS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STRETCHES = ["upload", "wait-decoder", "decode", "wait-model", "infer"]


def seconds(span: Span) -> float:
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def ask(url: str, request_id: str, content: bytes, **headers: str) -> httpx.Response:
    sent = {"X-API-Key": KEY, "X-Request-ID": request_id} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    files = {"clip": (NAME, content)}
    return httpx.post(f"{url}/predict", files=files, headers=sent, timeout=60)


def test_a_trace_says_where_the_time_went_and_joins_that_of_its_client(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    clip = counter_clip()
    with (
        collecting() as collector,
        running_server(
            tmp_path,
            bundle=tiny_bundle,
            decoders="1",
            log_format="json",
            api_keys=f"anna {KEY}",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=tests",
        ) as server,
    ):
        parent = f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"
        good = ask(server.url, "good", clip, traceparent=parent)
        assert good.status_code == 200
        assert ask(server.url, "bad", b"no video").status_code == 415
        assert ask(server.url, "late", clip, X_Request_Timeout="0.000001").status_code == 504
        assert ask(server.url, "alone", clip).status_code == 200
        unsampled = f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-00"
        assert ask(server.url, "unwanted", clip, traceparent=unsampled).status_code == 200
        nobody = {"X-Request-ID": "nobody"}
        assert httpx.get(f"{server.url}/no/such", headers=nobody).status_code == 401
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    # the server has stopped, seconds before it would have sent a batch
    check_good(collector, answer=good, clip=clip)
    check_others(collector)
    assert {span.name for span in collector.spans} == {"POST /predict", "GET", *STRETCHES}
    text = str(collector.spans)
    assert not [secret for secret in (NAME, KEY, "127.0.0.1") if secret in text]
    told = read_lines(server.log.read_text())
    ids = {line["request_id"]: line["trace_id"] for line in told if "trace_id" in line}
    assert ids["good"] == ids["unwanted"] == CLIENTS_TRACE
    assert ids["alone"] == collector.request("alone").trace_id.hex()


def check_good(collector: Collector, *, answer: httpx.Response, clip: bytes) -> None:
    root = collector.request("good")
    assert (root.name, root.kind) == ("POST /predict", Span.SPAN_KIND_SERVER)
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (CLIENTS_TRACE, CLIENTS_SPAN)
    told = attributes(list(root.attributes))
    assert told["http.request.body.size"] > len(clip)  # type: ignore[operator]  # a number
    assert told == told | {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "signwrite.model_name": "tiny-signs",
        "signwrite.model_version": "1.0.0",
        "signwrite.uncertain": False,
        "signwrite.key": "anna",
    }
    assert root.status.code == Status.STATUS_CODE_UNSET
    parts = collector.below(root)
    assert list(parts) == STRETCHES
    timing = answer.headers["Server-Timing"].split(", ")
    shown = dict(part.split(";dur=") for part in timing)
    read = answer.json()["clip"]
    for name, part in parts.items():
        assert part.trace_id == root.trace_id
        assert root.start_time_unix_nano <= part.start_time_unix_nano
        assert part.end_time_unix_nano <= root.end_time_unix_nano
        assert seconds(part) * 1000 == pytest.approx(float(shown[name]), abs=0.06), name
    facts = {name: attributes(list(part.attributes)) for name, part in parts.items()}
    assert facts == {
        "upload": {"signwrite.clip_bytes": len(clip)},
        "wait-decoder": {},
        "decode": {
            "signwrite.frames_decoded": read["frames_decoded"],
            "signwrite.frames_used": read["frames_used"],
        },
        "wait-model": {},
        "infer": {"signwrite.batch_clips": 1, "signwrite.backend": "tensorflow"},
    }


def check_others(collector: Collector) -> None:
    bad = collector.request("bad")
    assert attributes(list(bad.attributes))["error.type"] == "unsupported-media"
    assert bad.status.code == Status.STATUS_CODE_UNSET  # the client's error, not ours
    assert list(collector.below(bad)) == STRETCHES[:3]
    failed = collector.below(bad)["decode"].status
    assert (failed.code, failed.message) == (Status.STATUS_CODE_ERROR, "unsupported-media")
    late = collector.request("late")
    assert (late.status.code, late.status.message) == (
        Status.STATUS_CODE_ERROR,
        "deadline-passed",
    )
    alone = collector.request("alone")
    assert not alone.parent_span_id
    assert alone.trace_id.hex() != CLIENTS_TRACE
    nobody = attributes(list(collector.request("nobody").attributes))
    assert (nobody["error.type"], "http.route" in nobody) == ("unauthorised", False)
    for resource in collector.resources:
        assert resource["service.name"] == "signwrite"
        assert resource["deployment.environment.name"] == "tests"


def test_clips_of_one_call_say_how_many_they_were(tiny_bundle: Path, tmp_path: Path) -> None:
    with collecting() as collector:
        with (
            running_server(
                tmp_path,
                bundle=tiny_bundle,
                decoders="2",
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
                OTEL_SERVICE_NAME="signs",
                OTEL_BSP_SCHEDULE_DELAY="100",
            ) as server,
            httpx.Client(base_url=server.url, timeout=60) as client,
            ThreadPoolExecutor(12) as crowd,
        ):
            answers = list(crowd.map(lambda _: post(client, counter_clip()), range(12)))
            told = client.get("/metrics").text
        assert [answer.status_code for answer in answers] == [200] * 12
    calls = [attributes(list(span.attributes)) for span in collector.spans if span.name == "infer"]
    assert len(calls) == 12
    (line,) = [each for each in told.splitlines() if each.startswith("signwrite_batch_clips_sum")]
    assert float(line.split()[1]) == 12
    (line,) = [each for each in told.splitlines() if each.startswith("signwrite_batch_clips_count")]
    counted = sum(1 / float(call["signwrite.batch_clips"]) for call in calls)
    assert counted == pytest.approx(float(line.split()[1]))  # each call, once for all its clips
    assert {resource["service.name"] for resource in collector.resources} == {"signs"}


def test_a_collector_that_is_not_there_costs_no_answer_and_no_end(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with (  # it would have to be killed at the end, if it waited for the collector
        running_server(
            tmp_path,
            bundle=tiny_bundle,
            decoders="1",
            log_format="json",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",  # nobody listens
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        assert post(client, counter_clip()).status_code == 200
    told = read_lines(server.log.read_text())
    assert any(line["logger"].startswith("opentelemetry") for line in told)
