"""Metrics in OpenTelemetry's terms, in memory and over the wire."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Metric, Sum

from glyphvae.errors import StartError
from glyphvae.observability.metrics import Published, of_one
from glyphvae.observability.otlp_metrics import converted, start_exports
from glyphvae.observability.telemetry import Telemetry
from glyphvae.server.server import _exports
from tests.service.observability.test_metrics import busy
from tests.service.processes import running


def metrics_of(telemetry: Telemetry) -> dict[str, Metric]:
    return {metric.name: metric for metric in (converted(one, 1, 2) for one in Published(of_one(telemetry)).collect())}


def test_counters_gauges_and_histograms_are_converted() -> None:
    metrics = metrics_of(busy())
    requests = metrics["glyphvae_requests"].data
    assert isinstance(requests, Sum)
    assert requests.is_monotonic
    found = {(point.attributes["route"], point.value) for point in requests.data_points if point.attributes}
    assert found == {("/generate", 3), ("/encode", 1)}
    queued = metrics["glyphvae_queue_rows"].data
    assert isinstance(queued, Gauge)
    assert [(point.attributes, point.value) for point in queued.data_points] == [({"model": "cvae"}, 7)]
    assert metrics["glyphvae_request_seconds"].unit == "s"
    assert metrics["process_resident_memory_bytes"].unit == "By"
    assert metrics["glyphvae_connections"].unit == ""


def test_buckets_hold_the_values_between_two_bounds() -> None:
    telemetry = busy()
    latency = metrics_of(telemetry)["glyphvae_request_seconds"].data
    assert isinstance(latency, Histogram)
    (point,) = [point for point in latency.data_points if point.attributes == {"route": "/generate"}]
    own = telemetry.latency["/generate"]
    assert (list(point.bucket_counts), tuple(point.explicit_bounds)) == (own.counts, own.bounds)
    assert (point.count, point.sum) == (3, own.total)
    loop = metrics_of(telemetry)["glyphvae_loop_seconds"].data
    assert isinstance(loop, Histogram)
    assert [point.count for point in loop.data_points] == [1]


@pytest.fixture
def collector() -> Iterator[tuple[str, "Queue[ExportMetricsServiceRequest]"]]:
    received: Queue[ExportMetricsServiceRequest] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            received.put(ExportMetricsServiceRequest.FromString(content))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # noqa: ANN401
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/metrics", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_sends_its_metrics_before_it_ends(
    repository: Path, collector: tuple[str, "Queue[ExportMetricsServiceRequest]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "handwriting")
    with running("--models", str(repository), "--device", "cpu") as server, server.client() as client:
        assert client.post("/generate?label=J").status_code == 200
    (told,) = received.get(timeout=60).resource_metrics
    facts = {fact.key: fact.value for fact in told.resource.attributes}
    assert facts["service.name"].string_value == "handwriting"
    assert facts["process.pid"].int_value > 0
    (scope,) = told.scope_metrics
    metrics = {metric.name: metric for metric in scope.metrics}
    (point,) = metrics["glyphvae_requests"].sum.data_points
    assert point.as_int == 1
    assert metrics["glyphvae_request_seconds"].histogram.data_points[0].count == 1
    assert not metrics["glyphvae_request_seconds"].histogram.data_points[0].HasField("min")


def test_metrics_are_sent_again_and_again(
    collector: tuple[str, "Queue[ExportMetricsServiceRequest]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "10")
    exports = _exports(busy())
    assert exports is not None
    for _ in range(3):
        received.get(timeout=60)
    exports.shutdown(60)


@pytest.mark.parametrize("interval", ["soon", "0", "-1", "1.5"])
def test_an_interval_that_is_none_stops_the_start(interval: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", interval)
    with pytest.raises(StartError, match="not a number of milliseconds"):
        start_exports(busy())


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "True"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
def test_nothing_is_sent_unless_the_environment_names_a_place(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _exports(Telemetry()) is None


def test_without_the_extra_a_warning_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.delitem(sys.modules, "glyphvae.observability.otlp_metrics", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    assert _exports(Telemetry()) is None
    assert "pip install 'glyphvae[traces]'" in caplog.text
