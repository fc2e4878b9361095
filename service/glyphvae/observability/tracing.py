"""Traces by OpenTelemetry: what became of one request.

A request is a span; each wait for a model is a span below it. A batch belongs to several requests, so it is a trace of
its own, linked to all of them, with the run below it. Sampling, headers and resource attributes are OpenTelemetry's own
environment variables. Nothing here is imported unless a trace endpoint is set.
"""

from collections.abc import Iterable, Sequence
from time import perf_counter, time_ns

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae import __version__

# https://www.w3.org/TR/trace-context/
_PROPAGATOR = TraceContextTextMapPropagator()
_CARRIED = {b"traceparent", b"tracestate"}

# The counts use a clock that never jumps; traces want the time of day.
_EPOCH = time_ns() - round(perf_counter() * 1e9)


Facts = dict[str, AttributeValue]
# Who asked, and when by `perf_counter`.
Asked = tuple[SpanContext, float]


class Tracing:
    """Makes the spans.

    Args:
        provider: Samples and exports them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self.tracer = provider.get_tracer("glyphvae", __version__)

    def request(self, app: ASGIApp, paths: Iterable[str]) -> ASGIApp:
        """`app`, with a span around each request; those of `paths` are named by their path."""
        return TracedRequests(app, self, frozenset(paths))

    def asked(self) -> Asked | None:
        """The request that asks for something now, None where it is not recorded."""
        span = trace.get_current_span()
        return (span.get_span_context(), perf_counter()) if span.is_recording() else None

    def batch(
        self, model: str, rows: int, asked: Sequence[Asked | None], began: float, error: Exception | None = None
    ) -> None:
        """Record a batch that has just ended.

        Args:
            model: Its name.
            rows: In the batch.
            asked: What `asked` said of each of its calls.
            began: When it began, by `perf_counter`.
            error: Why it failed, if it did.
        """
        callers = [one for one in asked if one is not None]
        if not callers:
            return
        ended = perf_counter()
        facts: Facts = {
            "glyphvae.model": model,
            "glyphvae.rows": rows,
            "glyphvae.calls": len(asked),
        }
        batch = self.tracer.start_span(
            "batch", Context(), attributes=facts, links=[Link(caller) for caller, _ in callers], start_time=_at(began)
        )
        below = trace.set_span_in_context(batch)
        run = self.tracer.start_span("run", below, attributes=facts, start_time=_at(began))
        if error is not None:
            # What went wrong is in the log; its words may tell of the machine.
            run.set_status(Status(StatusCode.ERROR, type(error).__name__))
        run.end(_at(ended))
        batch.end(_at(ended))
        for caller, since in callers:
            request = trace.set_span_in_context(trace.NonRecordingSpan(caller))
            links = [Link(batch.get_span_context())]
            wait = self.tracer.start_span("queue wait", request, attributes=facts, links=links, start_time=_at(since))
            wait.end(_at(began))


class TracedRequests:
    """ASGI middleware: a span around each request.

    Args:
        app: The application.
        tracing: Makes the span.
        paths: Those that name their spans; of others only the method is told, so that a scanner makes no names.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing, paths: frozenset[str]) -> None:
        self._app = app
        self._tracing = tracing
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            await self._trace(scope, receive, send)
            return
        await self._app(scope, receive, send)
        # The server's own life has ended: no span may be lost.
        self._tracing.provider.shutdown()

    async def _trace(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        carried = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED}
        facts = {"http.request.method": method, "url.scheme": scope["scheme"]}
        if path in self._paths:
            facts["http.route"] = path
        with self._tracing.tracer.start_as_current_span(
            f"{method} {path}" if path in self._paths else method,
            _PROPAGATOR.extract(carried),
            kind=SpanKind.SERVER,
            attributes=facts,
        ) as span:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await self._app(scope, receive, noting)


def start_tracing(endpoint: str) -> Tracing:
    """Traces that are sent to `endpoint` by OTLP over HTTP, in the background."""
    provider = TracerProvider(resource=Resource.create({"service.name": "glyphvae", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return Tracing(provider)


def _at(seconds: float) -> int:
    """Nanoseconds since 1970."""
    return _EPOCH + round(seconds * 1e9)
