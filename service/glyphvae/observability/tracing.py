"""Traces by OpenTelemetry: what became of one request.

A request is a span; each wait for a model is a span below it. A batch belongs to several requests, so it is a trace of
its own, sampled on its own and linked to all of them, with the run below it. Sampling, headers and resource attributes
are OpenTelemetry's own environment variables. Nothing here is imported unless a trace endpoint is set.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter, time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from glyphvae import __version__

# https://www.w3.org/TR/trace-context/
_PROPAGATOR = TraceContextTextMapPropagator()
_ROOT = Context()

# The counts use a clock that never jumps; traces want the time of day.
_EPOCH = time_ns() - round(perf_counter() * 1e9)


Facts = dict[str, AttributeValue]
# The span of a request that called a model, and when it did, by `perf_counter`.
Caller = tuple[Span, float]


class Tracing:
    """Makes the spans.

    Args:
        processor: Gets those that have ended.

    Attributes:
        provider: Samples them.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        resource = Resource.create({"service.name": "glyphvae", "service.version": __version__})
        self.provider = TracerProvider(resource=resource)
        self.provider.add_span_processor(processor)
        self.tracer = self.provider.get_tracer("glyphvae", __version__)
        self._processor = processor
        self._scope = InstrumentationScope("glyphvae", __version__)
        self._ids = RandomIdGenerator()

    def begin(self, method: str, route: str | None, scheme: str, carried: Mapping[str, str]) -> Span | None:
        """Begin the span of a request.

        Args:
            method: Its method.
            route: Its path template; None for a path that the application does not have, so that a scanner makes no
                names.
            scheme: `http` or `https`.
            carried: Headers of the trace context that it came with.

        Returns:
            The span, None where it is not recorded.
        """
        facts: Facts = {"http.request.method": method, "url.scheme": scheme}
        if route is not None:
            facts["http.route"] = route
        context = _PROPAGATOR.extract(carried) if carried else _ROOT
        name = method if route is None else f"{method} {route}"
        span = self.tracer.start_span(name, context, kind=SpanKind.SERVER, attributes=facts)
        return span if span.is_recording() else None

    def end(self, span: Span, status: int | None) -> None:
        """End the span of a request, None where it got no response."""
        if status is not None:
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(StatusCode.ERROR)
        span.end()

    def batch(  # noqa: PLR0917 (the facts of a batch)
        self, model: str, rows: int, calls: int, callers: Sequence[Caller], began: float, error: Exception | None
    ) -> None:
        """Record a batch that has just ended.

        Args:
            model: Its name.
            rows: Rows in the batch.
            calls: Calls in the batch.
            callers: Those whose requests are recorded.
            began: When it began, by `perf_counter`.
            error: Why it failed, if it did.
        """
        ended = perf_counter()
        facts: Facts = {"glyphvae.model": model, "glyphvae.rows": rows, "glyphvae.calls": calls}
        links = [Link(caller.get_span_context()) for caller, _ in callers]
        batch = self.tracer.start_span("batch", _ROOT, attributes=facts, links=links, start_time=_at(began))
        context = batch.get_span_context()
        is_recorded = batch.is_recording()
        if is_recorded:
            # What went wrong is in the log; its words may tell of the machine.
            status = Status() if error is None else Status(StatusCode.ERROR, type(error).__name__)
            self._record("run", context, began, ended, attributes=facts, status=status)
        batch.end(_at(ended))
        to_batch = [Link(context)] if is_recorded else []
        for caller, since in callers:
            self._record("queue wait", caller.get_span_context(), since, began, attributes=facts, links=to_batch)

    def _record(self, name: str, parent: SpanContext, began: float, ended: float, **more: Any) -> None:  # noqa: ANN401
        """Record a span below a recorded one; made when it has ended, it takes a fifth of the time."""
        context = SpanContext(
            parent.trace_id, self._ids.generate_span_id(), is_remote=False, trace_flags=parent.trace_flags
        )
        span = ReadableSpan(
            name,
            context,
            parent,
            self.provider.resource,
            start_time=_at(began),
            end_time=_at(ended),
            instrumentation_scope=self._scope,
            **more,
        )
        self._processor.on_end(span)


def start_tracing(endpoint: str) -> Tracing:
    """Return tracing that sends to `endpoint` by OTLP over HTTP, in the background."""
    return Tracing(BatchSpanProcessor(OTLPSpanExporter(endpoint)))


def _at(seconds: float) -> int:
    """Convert a time of `perf_counter` to nanoseconds since 1970."""
    return _EPOCH + round(seconds * 1e9)
