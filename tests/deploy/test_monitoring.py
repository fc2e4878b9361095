"""The scrape configuration, the alerts and the dashboard, as Prometheus itself reads them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from glyphvae.observability.metrics import Published
from glyphvae.observability.telemetry import Telemetry

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy/prometheus/prometheus.yml"
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboards/glyphvae.json"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def promtool(*arguments: str | Path) -> None:
    finished = subprocess.run(["promtool", *arguments], check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def exposed() -> set[str]:
    """The names of everything that can be asked for."""
    telemetry = Telemetry()
    telemetry.answered("/generate", 200, 0.001)
    telemetry.refused["busy"] += 1
    telemetry.queued = telemetry.prefetched = lambda: {"cvae": 1}
    telemetry.waits["cvae"].observe(0.001)
    telemetry.ran("cvae", 1, 0.001)
    metrics = Published(lambda: (telemetry, [telemetry.state()])).collect()
    # Those of processes are as every client of Prometheus has them.
    return {sample.name for metric in metrics for sample in metric.samples if sample.name.startswith("glyphvae_")}


def named(text: str) -> set[str]:
    return set(re.findall(r"\bglyphvae_\w+", text))


def expressions() -> Iterator[str]:
    """Every query of the dashboard, with Grafana's variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")


@needs_promtool
def test_prometheus_takes_the_configuration_and_its_rules() -> None:
    promtool("check", "config", CONFIG)
    promtool("check", "rules", ALERTS)


@needs_promtool
@pytest.mark.parametrize(
    "labels",
    [
        # The job of docker-compose.yml; scraping by annotations; a PodMonitor and a ServiceMonitor, without the label
        # that theirs in deploy/kubernetes/components set and with it.
        'job="glyphvae"',
        'job="kubernetes-pods", namespace="default", pod="glyphvae-7d9f"',
        'job="default/glyphvae", namespace="default", pod="glyphvae-7d9f", container="glyphvae", endpoint="admin"',
        'job="glyphvae-metrics", namespace="default", pod="glyphvae-7d9f", service="glyphvae-metrics"',
        'job="glyphvae", namespace="default", pod="glyphvae-7d9f", endpoint="admin"',
    ],
)
def test_alerts_fire_when_they_should_however_the_service_is_scraped(labels: str, tmp_path: Path) -> None:
    played = Path(__file__).with_name("alerts.yml").read_text(encoding="utf-8")
    assert 'job="glyphvae"' in played
    file = tmp_path / "alerts.yml"
    played = played.replace('job="glyphvae"', labels).replace("../../deploy/prometheus/alerts.yml", str(ALERTS))
    file.write_text(played, encoding="utf-8")
    promtool("test", "rules", file)


def test_neither_alerts_nor_dashboard_depend_on_the_name_of_a_job() -> None:
    rules = [rule["expr"] for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]]
    for query in (*rules, DASHBOARD.read_text(encoding="utf-8")):
        assert not re.search(r"\bjob\b|\bup\b", query), query


@needs_promtool
def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"query:{index}", "expr": query} for index, query in enumerate(expressions())]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", file)


def test_every_alert_is_played_through() -> None:
    alerts = {rule["alert"] for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]}
    played = yaml.safe_load(Path(__file__).with_name("alerts.yml").read_text("utf-8"))["tests"]
    assert {test["alertname"] for test in played[0]["alert_rule_test"]} == alerts
    assert set(re.findall(r"Glyphvae\w+", str(played[1]["promql_expr_test"]))) == alerts


def test_alerts_ask_for_what_the_service_tells() -> None:
    names = named(ALERTS.read_text(encoding="utf-8"))
    assert len(names) > 5
    assert names <= exposed()


def test_the_dashboard_shows_all_that_the_service_tells() -> None:
    names = named(" ".join(expressions()))
    assert names <= exposed()
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert shown == {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}


def test_the_page_names_every_alert() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    alerts = re.findall(r"alert: (\w+)", ALERTS.read_text(encoding="utf-8"))
    assert len(alerts) == 7
    assert [alert for alert in alerts if f"`{alert}`" not in page] == []


def test_grafana_is_provisioned_with_what_the_dashboard_asks() -> None:
    folder = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text("utf-8"))["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards/glyphvae.yml").read_text("utf-8"))["providers"]
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    mounts = compose["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts
