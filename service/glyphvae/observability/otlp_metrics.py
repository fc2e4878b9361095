"""Metrics by OpenTelemetry: what `/metrics` tells of this process, sent by OTLP over HTTP.

The metrics are those of `glyphvae.observability.metrics`, converted, so that counting costs the same and both tell the
same. Address, interval and headers are OpenTelemetry's own environment variables. Nothing here is imported unless one
of these names an endpoint.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from threading import Event, Thread
from time import time_ns

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.environment_variables import OTEL_METRIC_EXPORT_INTERVAL
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric as Family

from glyphvae import __version__
from glyphvae.errors import StartError
from glyphvae.observability.metrics import Published, of_one
from glyphvae.observability.resource import resource
from glyphvae.observability.telemetry import Telemetry

_CUMULATIVE = AggregationTemporality.CUMULATIVE
_SCOPE = InstrumentationScope("glyphvae", __version__)


class Exports:
    """Sends the metrics of this process at regular times, and once at the end.

    Args:
        telemetry: The counts.
        exporter: Sends them.
        seconds: Between two times.
    """

    def __init__(self, telemetry: Telemetry, exporter: MetricExporter, seconds: float) -> None:
        self._published = Published(of_one(telemetry))
        self._exporter = exporter
        self._seconds = seconds
        self._resource = resource().merge(Resource({"process.pid": os.getpid()}))
        self._began = time_ns()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="glyphvae-otlp", daemon=True)
        self._thread.start()

    def shutdown(self, seconds: float) -> None:
        """Send the last metrics, but wait no longer than `seconds` for that."""
        self._ended.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self._send()
        self._send()

    def _send(self) -> None:
        metrics = [converted(family, self._began, time_ns()) for family in self._published.collect()]
        scope = ScopeMetrics(_SCOPE, metrics, "")
        # What fails is logged by the exporter, after it has tried again.
        self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))


def start_exports(telemetry: Telemetry) -> Exports:
    """Begin to send metrics where OpenTelemetry's environment variables say, in the background.

    Raises:
        StartError: The interval is no number of milliseconds.
    """
    interval = os.environ.get(OTEL_METRIC_EXPORT_INTERVAL) or "60000"
    if not interval.isdecimal() or int(interval) == 0:
        raise StartError(f"{OTEL_METRIC_EXPORT_INTERVAL} is {interval!r}, not a number of milliseconds")
    return Exports(telemetry, OTLPMetricExporter(), int(interval) / 1000)


def converted(family: Family, began: int, now: int) -> Metric:
    """Convert a metric of Prometheus.

    Args:
        family: The metric.
        began: Since when it is counted, in nanoseconds since 1970.
        now: The time of its values.
    """
    unit = "s" if "seconds" in family.name else "By" if family.name.endswith("bytes") else ""
    if family.type == "histogram":
        histogram = Histogram(_histograms(family, began, now), _CUMULATIVE)
        return Metric(family.name, family.documentation, unit, histogram)
    points = [
        NumberDataPoint(sample.labels, began, now, sample.value)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    data = Sum(points, _CUMULATIVE, is_monotonic=True) if family.type == "counter" else Gauge(points)
    return Metric(family.name, family.documentation, unit, data)


def _histograms(family: Family, began: int, now: int) -> Sequence[HistogramDataPoint]:
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    return [_histogram(dict(labels), found, sums[labels], began, now) for labels, found in buckets.items()]


def _histogram(
    labels: Mapping[str, str], buckets: Iterable[tuple[float, float]], total: float, began: int, now: int
) -> HistogramDataPoint:
    bounds, cumulative = zip(*buckets, strict=True)
    counts = [int(count - before) for count, before in zip(cumulative, (0, *cumulative), strict=False)]
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=int(cumulative[-1]),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=bounds[:-1],  # the last bucket has none
        min=None,  # type: ignore[arg-type] # not known, which the protocol allows
        max=None,  # type: ignore[arg-type]
    )
