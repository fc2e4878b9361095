"""Traces by OpenTelemetry: what became of one request.

A request is a span; each wait for a model is a span below it. A batch belongs to several requests, so it is a trace of
its own, sampled on its own and linked to those that are recorded, with the run below it. Sampling, headers and resource
attributes are OpenTelemetry's own environment variables. Nothing here is imported unless a trace endpoint is set.
"""

import os
from collections.abc import Mapping, Sequence
from time import perf_counter, time_ns
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from glyphvae import __version__
from glyphvae.observability.resource import resource

# https://www.w3.org/TR/trace-context/
_PROPAGATOR = TraceContextTextMapPropagator()
_ROOT = Context()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

# The counts use a clock that never jumps; traces want the time of day.
_EPOCH = time_ns() - round(perf_counter() * 1e9)


Facts = dict[str, AttributeValue]


class RecordedSpan(NamedTuple):
    """The beginning of a recorded span.

    Attributes:
        name: Its name.
        context: Its ids.
        parent: The ids of the span above it, None where there is none.
        facts: Its attributes.
        began: When, by `perf_counter`.
    """

    name: str
    context: SpanContext
    parent: SpanContext | None
    facts: Facts
    began: float


# The span of a request that called a model, and when it did, by `perf_counter`.
Caller = tuple[RecordedSpan, float]


class Tracing:
    """Makes the spans.

    OpenTelemetry's samplers, ids and exporters do what they do for its own tracer. Spans are handed to the processor
    once they have ended, which takes a fifth of the time of spans that code may change meanwhile.

    Args:
        processor: Gets those that have ended.

    Attributes:
        provider: Samples them.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        self.provider = TracerProvider(resource=resource())
        self.provider.add_span_processor(processor)
        is_off = os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() == "true"
        self._sampler = ALWAYS_OFF if is_off else self.provider.sampler
        self._processor = processor
        self._scope = InstrumentationScope("glyphvae", __version__)

    def begin(self, method: str, route: str | None, scheme: str, carried: Mapping[str, str]) -> RecordedSpan | None:
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
        name = method if route is None else f"{method} {route}"
        return self._begin(name, facts, perf_counter(), SpanKind.SERVER, carried=carried)

    def end(self, span: RecordedSpan, status: int | None) -> None:
        """End the span of a request, None where it got no response."""
        if status is not None:
            span.facts["http.response.status_code"] = status
        failed = Status(StatusCode.ERROR if status is not None and status >= 500 else StatusCode.UNSET)
        self._record(span, perf_counter(), kind=SpanKind.SERVER, status=failed)

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
        links = [Link(caller.context) for caller, _ in callers]
        batch = self._begin("batch", facts, began, SpanKind.INTERNAL, links=links)
        to_batch: list[Link] = []
        if batch is not None:
            # What went wrong is in the log; its words may tell of the machine.
            status = Status() if error is None else Status(StatusCode.ERROR, type(error).__name__)
            self._record(self._below(batch.context, "run", facts, began), ended, status=status)
            self._record(batch, ended, links=links)
            to_batch = [Link(batch.context)]
        for caller, since in callers:
            self._record(self._below(caller.context, "queue wait", facts, since), began, links=to_batch)

    def _begin(  # noqa: PLR0917 (the facts of a span)
        self,
        name: str,
        facts: Facts,
        began: float,
        kind: SpanKind,
        links: Sequence[Link] = (),
        carried: Mapping[str, str] | None = None,
    ) -> RecordedSpan | None:
        """Begin a span below none of this process, None where it is not recorded."""
        around, parent = _ROOT, None
        if carried:
            around = _PROPAGATOR.extract(carried)
            given = get_current_span(around).get_span_context()
            parent = given if given.is_valid else None
        trace = self.provider.id_generator.generate_trace_id() if parent is None else parent.trace_id
        sampled = self._sampler.should_sample(around, trace, name, kind, facts, links)
        if sampled.decision is not Decision.RECORD_AND_SAMPLE:
            return None
        context = self._context(trace, _SAMPLED, sampled.trace_state)
        return RecordedSpan(name, context, parent, facts | dict(sampled.attributes), began)

    def _below(self, parent: SpanContext, name: str, facts: Facts, began: float) -> RecordedSpan:
        context = self._context(parent.trace_id, parent.trace_flags, parent.trace_state)
        return RecordedSpan(name, context, parent, facts, began)

    def _context(self, trace: int, flags: TraceFlags, state: TraceState | None) -> SpanContext:
        span = self.provider.id_generator.generate_span_id()
        return SpanContext(trace, span, is_remote=False, trace_flags=flags, trace_state=state)

    def _record(self, span: RecordedSpan, ended: float, **more: Any) -> None:  # noqa: ANN401 (what the class takes)
        self._processor.on_end(
            ReadableSpan(
                span.name,
                span.context,
                span.parent,
                self.provider.resource,
                span.facts,
                start_time=_at(span.began),
                end_time=_at(ended),
                instrumentation_scope=self._scope,
                **more,
            )
        )


def start_tracing(endpoint: str) -> Tracing:
    """Return tracing that sends to `endpoint` by OTLP over HTTP, in the background."""
    return Tracing(BatchSpanProcessor(OTLPSpanExporter(endpoint)))


def _at(seconds: float) -> int:
    """Convert a time of `perf_counter` to nanoseconds since 1970."""
    return _EPOCH + round(seconds * 1e9)
