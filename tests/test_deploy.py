"""What runs the service elsewhere: manifests by their schema, queries by the real figures."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml

from benchmarks.dashboard import watching
from service.faults import FAULTS
from service.settings import ServiceSettings
from tests.clips import counter_clip
from tests.forms import post

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
MANIFESTS = sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
KUBERNETES = "1.33"


def load(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def patched(manifest: Any, operations: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - a manifest
    """Apply a JSON patch (RFC 6902) of additions and replacements."""
    for operation in operations:
        *way, last = (
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        )
        place = manifest
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            assert (operation["op"], last) == ("add", "-"), operation
            place.append(operation["value"])
        else:
            assert operation["op"] == "add" or last in place, operation
            place[last] = operation["value"]
    return manifest


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_is_what_kubernetes_expects(path: Path) -> None:
    kubernetes_validate.validate(load(path), KUBERNETES, strict=True)


def test_a_manifest_that_is_wrong_would_be_found() -> None:
    manifest = load(BASE / "deployment.yaml")
    manifest["spec"]["template"]["spec"]["containers"][0]["imagee"] = "signwrite"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize("overlay", ["base", "cpu", "gpu"])
def test_every_resource_of_an_overlay_is_there_and_its_patches_fit(overlay: str) -> None:
    told = load(DEPLOY / "kubernetes" / overlay / "kustomization.yaml")
    for resource in told["resources"]:
        assert (DEPLOY / "kubernetes" / overlay / resource).exists(), resource
    for patch in told.get("patches", ()):
        manifest = load(BASE / f"{patch['target']['kind'].lower()}.yaml")
        whole = patched(manifest, yaml.safe_load(patch["patch"]))
        kubernetes_validate.validate(whole, KUBERNETES, strict=True)
        container = whole["spec"]["template"]["spec"]["containers"][0]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
        env = {each["name"]: each["value"] for each in container["env"]}
        assert (env["SIGNWRITE_DECODERS"], env["SIGNWRITE_MAX_BATCH"]) == ("7", "64")


def test_the_pod_can_do_no_more_than_it_needs() -> None:
    pod = load(BASE / "deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert load(BASE / "network.yaml")["spec"]["egress"] == []
    drained = ServiceSettings.model_fields["drain_s"].default
    assert pod["terminationGracePeriodSeconds"] > drained + 5 + 5


def settings_named() -> Iterator[str]:
    for path in (*DEPLOY.rglob("*.yaml"), ROOT / "compose.yaml", ROOT / "Dockerfile"):
        yield from re.findall(r"SIGNWRITE_[A-Z_]+", path.read_text(encoding="utf-8"))


def test_every_setting_that_is_named_exists() -> None:
    named = {name.removeprefix("SIGNWRITE_").lower() for name in settings_named()}
    assert {"bundle", "require_seccomp", "max_batch"} <= named <= set(ServiceSettings.model_fields)


def expressions() -> Iterator[str]:
    dashboard = json.loads((DEPLOY / "grafana/dashboards/signwrite.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for group in load(DEPLOY / "prometheus" / "alerts.yml")["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    (rule,) = load(DEPLOY / "kubernetes" / "adapter-rule.yaml")["rules"]["custom"]
    yield rule["metricsQuery"]


@pytest.mark.slow
def test_every_query_asks_for_what_the_service_tells(client: httpx.Client) -> None:
    assert post(client, counter_clip()).status_code == 200
    post(client, b"no clip")
    text = client.get("/metrics").text
    told: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^([a-z_]+)(?:\{([^}]*)\})? ", text, re.MULTILINE):
        told.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    asked = 0
    for expression in expressions():
        for name, labels in re.findall(r"\b(signwrite_\w+)(?:\{([^}]*)\})?", expression):
            assert name in told, expression
            wanted = set(re.findall(r"(\w+)(?:=~|!=|!~|=)", labels)) - {"job", "namespace", "pod"}
            assert wanted <= told[name], expression
            asked += 1
        for grouped in re.findall(r"by \(([a-z_, ]+)\)", expression):
            names = re.findall(r"\b(signwrite_\w+)", expression)
            known = set().union(*(told[name] for name in names)) | {"instance", "job"}
            assert set(grouped.split(", ")) <= known, expression
    assert asked > 20


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("prometheus"), reason="Debian's package prometheus is absent")
def test_prometheus_understands_every_query_and_finds_its_series(client: httpx.Client) -> None:
    assert post(client, counter_clip()).status_code == 200
    assert client.base_url.port is not None
    with watching(client.base_url.port, every_s=1) as prometheus:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            post(client, counter_clip())  # a rate wants two figures that differ
            ready = prometheus.ask("query", query="rate(signwrite_predictions_total[1m]) > 0")
            if ready["result"]:
                break
        empty = set()
        for expression in expressions():
            query = expression.replace("<<.Series>>", "signwrite_wait_seconds")
            if "<<" not in query and not prometheus.ask("query", query=query)["result"]:
                empty.add(expression)
        (group,) = prometheus.ask("rules")["groups"]
    alerts = {rule["query"] for rule in group["rules"]}
    assert len(alerts) == len(group["rules"])
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}  # evaluated, or not yet
    silent = [each for each in empty if not re.search(r" (==|>|<) [\d.]+$", each)]
    # What has not happened has no series yet.
    assert all("kind!=" in each or "replaced" in each for each in silent), silent


PROMTOOL = shutil.which("promtool")
RULE_TESTS = DEPLOY / "prometheus" / "alerts_test.yml"


@pytest.mark.skipif(PROMTOOL is None, reason="Debian's package prometheus is absent")
def test_alerts_fire_when_they_should_and_only_then() -> None:
    done = subprocess.run(  # noqa: S603 - a program that is installed, on our own file
        [str(PROMTOOL), "test", "rules", str(RULE_TESTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_to_be_still() -> None:
    rules = load(DEPLOY / "prometheus" / "alerts.yml")["groups"][0]["rules"]
    alerts = {rule["alert"] for rule in rules}
    well, ill = load(RULE_TESTS)["tests"]
    assert {each["alertname"] for each in well["alert_rule_test"]} == alerts
    assert not any("exp_alerts" in each for each in well["alert_rule_test"])
    assert {each["alertname"] for each in ill["alert_rule_test"]} == alerts
    assert all(each["exp_alerts"] for each in ill["alert_rule_test"])


def test_every_kind_of_answer_that_an_alert_leaves_out_exists() -> None:
    rules = load(DEPLOY / "prometheus" / "alerts.yml")["groups"][0]["rules"]
    (failing,) = (rule["expr"] for rule in rules if rule["alert"] == "SignWriteFailing")
    (left_out,) = re.findall(r'kind!~"([^"]+)"', failing)
    assert set(left_out.split("|")) <= {fault.slug for fault in FAULTS.values()}


def test_every_way_to_run_it_in_containers_logs_objects() -> None:
    assert "SIGNWRITE_LOG_FORMAT=json" in (ROOT / "Dockerfile").read_text()
    composed = load(ROOT / "compose.yaml")["services"]["signwrite"]["environment"]
    assert composed["SIGNWRITE_LOG_FORMAT"] == "json"
    pod = load(BASE / "deployment.yaml")["spec"]["template"]["spec"]
    assert {"name": "SIGNWRITE_LOG_FORMAT", "value": "json"} in pod["containers"][0]["env"]


def test_traces_go_nowhere_unless_their_profile_is_asked_for() -> None:
    services = load(ROOT / "compose.yaml")["services"]
    assert services["jaeger"]["profiles"] == ["traces"]
    told = services["signwrite"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert told == "${OTEL_EXPORTER_OTLP_ENDPOINT:-}"
    assert "http://jaeger:4318" in (ROOT / "docs" / "containers.md").read_text()
