"""A log of JSON objects: every line of a running server, and nothing in it that must not be."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clips import counter_clip
from tests.forms import assert_raw_problem
from tests.servers import ROOT, read_lines, running_server

pytestmark = pytest.mark.slow

KEY = "a-key-that-nobody-may-read"
NAME = "a-file-name-that-nobody-may-read.mp4"
SECRET = "a-query-that-nobody-may-read"  # noqa: S105 - no password
NEVER = {KEY, NAME, SECRET}


def lines(text: str) -> list[dict[str, Any]]:
    """Read a log, and hold that each object in it has what every line has."""
    told = read_lines(text)
    for line in told:
        assert {"time", "level", "logger", "message", "pid"} <= line.keys()
    return told


def test_every_line_is_an_object_and_every_request_has_one(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with running_server(
        tmp_path, bundle=tiny_bundle, decoders="1", log_format="json", api_keys=f"anna {KEY}"
    ) as server:
        headers = {"X-API-Key": KEY, "X-Request-ID": "good"}
        with httpx.Client(base_url=server.url, timeout=60, headers=headers) as client:
            good = {"clip": (NAME, counter_clip())}
            assert client.post(f"/predict?{SECRET}", files=good).status_code == 200
            bad = {"clip": (NAME, b"no video")}
            headers = {"X-Request-ID": "bad"}
            assert client.post("/predict", files=bad, headers=headers).status_code == 415
            headers = {"X-Request-ID": "late", "X-Request-Timeout": "0.000001"}
            assert client.post("/predict", files=good, headers=headers).status_code == 504
            assert client.get("/metrics", headers={"X-Request-ID": "probe"}).status_code == 200
        assert httpx.get(f"{server.url}/model").status_code == 401
        assert_raw_problem(server, [b"no HTTP\r\n\r\n"], status=400)
    text = server.log.read_text()  # with what it says when it starts and stops
    assert not [secret for secret in NEVER if secret in text]
    told = lines(text)
    access = [line for line in told if line["logger"] == "service.access_log"]
    by_id = {line["request_id"]: line for line in access}
    assert len(by_id) == len(access) == 5  # none for probes
    good_one = by_id["good"]
    assert (good_one["method"], good_one["path"]) == ("POST", "/predict")
    assert (good_one["status"], good_one["key"]) == (200, "anna")
    assert (good_one["model_name"], good_one["model_version"]) == ("tiny-signs", "1.0.0")
    assert good_one["received_bytes"] > len(counter_clip())
    spans = good_one["spans_s"]
    assert list(spans) == ["upload", "wait-decoder", "decode", "wait-model", "infer"]
    assert 0 < sum(spans.values()) < good_one["duration_s"]
    assert by_id["bad"]["problem"] == "unsupported-media"
    assert by_id["late"]["problem"] == "deadline-passed"
    (fault,) = [line for line in told if line["logger"] == "service.edge"]
    assert (fault["request_id"], fault["level"]) == ("late", "error")
    assert [line["status"] for line in access if "key" not in line] == [401, 400]
    said = " ".join(line["message"] for line in told)
    assert "Starting production HTTP BentoServer" in said  # BentoML's parent
    assert "is ready after" in said
    assert "Completed async cleanup hook: close" in said


def test_what_hinders_a_start_is_an_object_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", "service.app:SignWrite", "--port", "0"],
        cwd=ROOT,
        env={
            **os.environ,
            "BENTOML_HOME": str(tmp_path),
            "BENTOML_DO_NOT_TRACK": "True",
            "SIGNWRITE_LOG_FORMAT": "json",
            "SIGNWRITE_WORKERS": "none",
            "SIGNWRITE_BUNDLE": "nowhere",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    (line,) = lines(done.stdout + done.stderr)
    assert line["level"] == "critical"
    assert line["message"].startswith("the service cannot start: SIGNWRITE_WORKERS: ")
    assert "THREADS" not in line["message"]  # whose default only follows


def test_a_line_for_people_is_the_default(tiny_bundle: Path, tmp_path: Path) -> None:
    with running_server(tmp_path, bundle=tiny_bundle, decoders="1") as server:
        httpx.get(f"{server.url}/nothing", headers={"X-Request-ID": "mine"})
    text = server.log.read_text()
    assert "404 to GET '/nothing' after 0.0" in text
    assert text.count("request mine") == 1
    assert '{"' not in text
