"""Spans, in memory and over the wire."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message

from glyphvae import __version__
from glyphvae.application import create_app
from glyphvae.errors import StartError
from glyphvae.observability.tracing import Tracing
from tests.known_model import decoder, write_model
from tests.service.processes import running
from tests.service.support import caller, context_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def traced(repository: Path, exporter: InMemorySpanExporter) -> ASGIApp:
    context = context_of(repository)
    context.telemetry.tracing = Tracing(SimpleSpanProcessor(exporter))
    return create_app(context)


@pytest.fixture
def app(repository: Path, exporter: InMemorySpanExporter) -> ASGIApp:
    return traced(repository, exporter)


async def ask(app: ASGIApp, path: str, **options: object) -> httpx.Response:
    async with caller(app) as client:
        return await client.post(path, **options)  # type: ignore[arg-type]


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


# In the event loop, as one of the glyphs drawn ahead, and in a worker thread.
@pytest.mark.parametrize(("query", "rows"), [("label=J&n=2", 2), ("label=J", 1), ("label=J&n=300", 300)])
async def test_a_request_waits_and_its_batch_is_linked_to_it(
    app: ASGIApp, exporter: InMemorySpanExporter, query: str, rows: int
) -> None:
    answer = await ask(app, f"/generate?{query}")
    assert answer.status_code == 200
    spans = by_name(exporter)
    assert set(spans) == {"POST /generate", "queue wait", "batch", "run"}
    request, wait, batch, run = (spans[name] for name in ("POST /generate", "queue wait", "batch", "run"))
    assert request.kind is SpanKind.SERVER
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert wait.parent is not None
    assert run.parent is not None
    assert (wait.parent.span_id, batch.parent) == (request.context.span_id, None)
    assert run.parent.span_id == batch.context.span_id
    assert [link.context.span_id for link in batch.links] == [request.context.span_id]
    assert [link.context.span_id for link in wait.links] == [batch.context.span_id]
    assert batch.attributes is not None
    assert (batch.attributes["glyphvae.model"], batch.attributes["glyphvae.rows"]) == ("cvae", rows)


async def test_spans_follow_each_other(app: ASGIApp, exporter: InMemorySpanExporter) -> None:
    await ask(app, "/generate?label=J&n=2")
    spans = by_name(exporter)
    times = [spans[name].start_time for name in ("POST /generate", "queue wait", "run")]
    assert None not in times
    assert times == sorted(times, key=lambda time: time or 0)
    assert spans["queue wait"].end_time == spans["run"].start_time


async def test_the_callers_trace_is_taken_up(app: ASGIApp, exporter: InMemorySpanExporter) -> None:
    await ask(app, "/generate?label=J&n=2", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    request = by_name(exporter)["POST /generate"]
    assert request.parent is not None
    assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, CALLER)


async def test_what_the_caller_does_not_record_is_not_recorded(app: ASGIApp, exporter: InMemorySpanExporter) -> None:
    await ask(app, "/generate?label=J&n=2", headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "glyphvae"),
        ({"OTEL_SERVICE_NAME": "handwriting"}, "handwriting"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=writer,team=a"}, "writer"),
        ({"OTEL_SERVICE_NAME": "handwriting", "OTEL_RESOURCE_ATTRIBUTES": "service.name=writer"}, "handwriting"),
    ],
)
def test_the_environment_may_name_the_service(
    environment: dict[str, str], name: str, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    facts = Tracing(SimpleSpanProcessor(exporter)).provider.resource.attributes
    assert (facts["service.name"], facts["service.version"]) == (name, __version__)
    assert facts.get("team") == ("a" if name == "writer" else None)


@pytest.mark.parametrize("carried", [True, False])
async def test_the_log_names_the_trace(
    repository: Path, exporter: InMemorySpanExporter, carried: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    context = context_of(repository, access_log="on", log_format="json")
    context.telemetry.tracing = Tracing(SimpleSpanProcessor(exporter))
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"} if carried else {}
    await ask(create_app(context), "/generate?label=J&seed=7", headers=headers)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "glyphvae.access" in line]
    span = by_name(exporter)["POST /generate"].context
    assert line["trace"] == f"{span.trace_id:032x}"
    assert (line["trace"] == TRACE) is carried
    assert line["client"] == "127.0.0.1"


async def test_a_batch_that_is_not_sampled_is_linked_to_nothing(
    repository: Path, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    sampled = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    await ask(traced(repository, exporter), "/generate?label=J&n=2", headers=sampled)
    spans = by_name(exporter)
    assert set(spans) == {"POST /generate", "queue wait"}
    assert spans["queue wait"].links == ()


async def test_nothing_is_recorded_where_opentelemetry_is_disabled(
    repository: Path, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "True")
    await ask(traced(repository, exporter), "/generate?label=J&n=2")
    assert exporter.get_finished_spans() == ()


async def test_unknown_paths_make_no_names(app: ASGIApp, exporter: InMemorySpanExporter) -> None:
    answer = await ask(app, "/wp-login.php")
    assert answer.status_code == 404
    assert set(by_name(exporter)) == {"POST"}


async def test_a_request_without_a_response_has_no_status(app: ASGIApp, exporter: InMemorySpanExporter) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/encode", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert (span.name, "http.response.status_code" in span.attributes) == ("POST /encode", False)


async def test_a_failing_model_is_an_error(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    write_model(tmp_path, files={"decoder": decoder(rows=35)})
    answer = await ask(traced(tmp_path, exporter), "/generate?label=Z&n=2")
    assert answer.status_code == 503
    spans = by_name(exporter)
    assert spans["POST /generate"].status.status_code is StatusCode.ERROR
    assert (spans["run"].status.status_code, spans["run"].status.description) == (StatusCode.ERROR, "NotReady")


class Receiver(ThreadingHTTPServer):
    """A receiver of OTLP over HTTP that keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: Queue[ExportTraceServiceRequest] = Queue()
        self.endpoint = f"http://127.0.0.1:{self.server_port}/v1/traces"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.put(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_spans_reach_a_collector_before_the_server_ends(repository: Path, receiver: Receiver) -> None:
    flags = ("--models", str(repository), "--device", "cpu", "--trace-endpoint", receiver.endpoint)
    with running(*flags) as server, server.client() as client:
        assert client.post("/generate?label=J&n=2").status_code == 200
        server.terminate()
    received = receiver.received.get(timeout=60)
    (resource,) = received.resource_spans
    facts = {fact.key: fact.value.string_value for fact in resource.resource.attributes}
    assert facts["service.name"] == "glyphvae"
    names = {span.name for scope in resource.scope_spans for span in scope.spans}
    assert names == {"POST /generate", "queue wait", "batch", "run"}


def test_without_the_extra_the_start_says_what_to_install(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "glyphvae.observability.tracing")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    context = context_of(repository, trace_endpoint="http://127.0.0.1:4318/v1/traces")
    with pytest.raises(StartError, match=r"glyphvae\[traces\]"):
        create_app(context)
