"""Prometheus metrics, served at `/metrics` on the admin port.

The names follow https://prometheus.io/docs/practices/naming/. This module runs only while metrics are scraped; request
handling only increments counters (see `glyphvae.observability.telemetry`).
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate

import onnxruntime
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glyphvae import __version__
from glyphvae.observability.telemetry import Histogram, State, Telemetry

# The counters summed over all processes, and the state of each running process.
States = Callable[[], tuple[Telemetry, Sequence[State]]]


def of_one(telemetry: Telemetry) -> States:
    """Return the reader of the counters of a single-process service."""

    def states() -> tuple[Telemetry, Sequence[State]]:
        # A copy, because the event loop keeps counting while a thread reads.
        state, total = telemetry.state(), Telemetry()
        total.add(state)
        return total, [state]

    return states


def metrics_route(states: States) -> Route:
    """Return the route `GET /metrics`.

    Args:
        states: Reader of the counters, called for each response.
    """

    async def metrics(request: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(Published(states))
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(await run_in_threadpool(encode, registry), media_type=media_type)

    return Route("/metrics", metrics)


class Published(Collector):
    """Prometheus collector of the service's counters.

    Args:
        states: Reader of the counters, called once for each collection.
    """

    def __init__(self, states: States) -> None:
        self._states = states

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not collect metrics to check their names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its current values."""
        total, living = self._states()
        yield _build()
        yield GaugeMetricFamily("glyphvae_workers", "Running server processes.", len(living))
        connections = sum(state["connections"] for state in living)
        yield GaugeMetricFamily("glyphvae_connections", "Open connections.", connections)
        in_flight = sum(state["in_flight"] for state in living)
        yield GaugeMetricFamily("glyphvae_requests_in_flight", "Requests that are being answered.", in_flight)
        yield from _processes([state["process"] for state in living])
        requests = [((route, str(status)), count) for (route, status), count in total.requests.items()]
        yield _counter("requests", "Completed requests, by route and status.", ("route", "status"), requests)
        meaning = "Time from a request's head to the end of its response."
        yield _histogram("request_seconds", meaning, "route", total.latency)
        refused = [((reason,), count) for reason, count in total.refused.items()]
        yield _counter("refused", "Requests refused or dropped, by reason.", ("reason",), refused)
        dropped = [((), total.dropped_elsewhere)]
        yield _counter("log_lines_dropped", "Log lines dropped, because they could not be written.", (), dropped)
        yield _gauge("queue_rows", "Rows waiting for a model.", [state["queued"] for state in living])
        yield _histogram("queue_wait_seconds", "Time that a call waited for its batch.", "model", total.waits)
        yield _histogram("batch_rows", "Rows in a batch.", "model", total.batches)
        yield _histogram("run_seconds", "Time that a model ran for a batch.", "model", total.runs)
        meaning = "Processor time of the event loop between two looks, at least that of each iteration in between."
        yield HistogramMetricFamily("glyphvae_loop_seconds", meaning, _buckets(total.loop), total.loop.total)
        yield _gauge("pool_glyphs", "Prefetched glyphs.", [state["prefetched"] for state in living])


def _processes(ids: Sequence[int]) -> Iterable[Metric]:
    """Return memory, processor time and files of processes, as Prometheus' clients name them, each with its id."""
    families: dict[str, Metric] = {}
    for process in ids:
        for family in ProcessCollector(pid=partial(int, process), registry=None).collect():
            labelled = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                labelled.add_sample(sample.name, {"pid": str(process)}, sample.value)
    return families.values()


def _build() -> Metric:
    facts = {"version": __version__, "python": platform.python_version(), "onnxruntime": onnxruntime.__version__}
    return InfoMetricFamily("glyphvae_build", "Versions of the service, Python and ONNX Runtime.", facts)


def _counter(name: str, meaning: str, labels: Sequence[str], counts: Iterable[tuple[Sequence[str], int]]) -> Metric:
    family = CounterMetricFamily(f"glyphvae_{name}", meaning, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _gauge(name: str, meaning: str, levels: Sequence[Mapping[str, int]]) -> Metric:
    """Return a gauge labelled by model, summed over processes."""
    family = GaugeMetricFamily(f"glyphvae_{name}", meaning, labels=("model",))
    for model in sorted({model for level in levels for model in level}):
        family.add_metric((model,), sum(level.get(model, 0) for level in levels))
    return family


def _histogram(name: str, meaning: str, label: str, histograms: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"glyphvae_{name}", meaning, labels=(label,))
    for key, histogram in histograms.items():
        family.add_metric((key,), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return Prometheus' cumulative buckets; ours hold only the values between two bounds."""
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
