"""The operator's guide: written from the code where it can be, and held to a real server."""

import json
import re
from pathlib import Path

import httpx
import pytest
import yaml

from service.settings import ServiceSettings
from signwrite.clip import Limits
from tests.clips import counter_clip
from tests.collector import collecting
from tests.operating import GUIDE, with_parts
from tests.servers import ROOT, Server, read_lines, running_server

OPERATING = GUIDE.read_text(encoding="utf-8")


def test_the_tables_of_settings_are_those_that_the_code_makes() -> None:
    assert with_parts(OPERATING) == OPERATING  # else: make docs
    for name in (*ServiceSettings.model_fields, *Limits.model_fields):
        assert name == "limits" or f"{name.upper()}`" in OPERATING, name


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("SIGNWRITE_MAX_BYTES", "67108864"),
        ("SIGNWRITE_DEADLINE_S", "30"),
        ("SIGNWRITE_REQUIRE_SECCOMP", "false"),
        ("SIGNWRITE_BUNDLE", "must be given"),
        ("SIGNWRITE_API_KEYS", "none"),
        ("SIGNWRITE_CORS_ORIGINS", "none"),
        ("SIGNWRITE_LIMITS__MAX_SECONDS", "60"),
    ],
)
def test_a_default_is_shown_in_words(name: str, default: str) -> None:
    assert f"| `{name}` | {default} |" in OPERATING


def test_every_alert_has_an_entry_that_says_how_to_see_and_what_to_do() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    entries = dict(re.findall(r"^### (SignWrite\w+)\n\n(.+)$", OPERATING, re.MULTILINE))
    assert entries.keys() == alerts
    for alert, text in entries.items():
        assert "**See**" in text, alert
        assert "**Do**" in text, alert


@pytest.mark.slow
def test_every_series_is_described_and_there(server: Server) -> None:
    """And every query that the guide tells to ask asks for what is there."""
    files = {"clip": ("clip.mp4", counter_clip())}
    assert httpx.post(f"{server.url}/predict", files=files, timeout=60).status_code == 200
    text = httpx.get(f"{server.url}/metrics").text
    there = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    section = OPERATING.split("## Figures")[1].split("## When an alert fires")[0]
    described = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert described == there
    samples = set(re.findall(r"^(signwrite_\w+?)(?:\{| )", text, re.MULTILINE))
    named = set(re.findall(r"\b(signwrite_[a-z_]+)", OPERATING))
    assert named <= samples | there


@pytest.mark.slow
def test_the_line_of_the_log_that_is_shown_has_the_fields_of_a_real_one(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    key = "0123456789abcdef"
    with (
        collecting() as collector,
        running_server(
            tmp_path,
            bundle=tiny_bundle,
            decoders="1",
            log_format="json",
            api_keys=f"anna {key}",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        ) as server,
    ):
        files = {"clip": ("clip.mp4", counter_clip())}
        asked = httpx.post(f"{server.url}/predict", files=files, headers={"X-API-Key": key})
        assert asked.status_code == 200
    (shown,) = re.findall(r"^(\{.*\})$", OPERATING, re.MULTILINE)
    lines = read_lines(server.log.read_text())
    (real,) = [line for line in lines if line["logger"] == "service.access_log"]
    assert json.loads(shown).keys() == real.keys()
    section = OPERATING.split("## Logs")[1].split("## Traces")[0]
    rows = re.findall(r"^\| (`.+`) \|", section, re.MULTILINE)
    described = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert described == real.keys() | {"problem", "exc_info"}
