"""The known model makes every pixel 100 + 10·z[0] + label."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from glyphvae.api.context import Context
from glyphvae.application import Application, create_app
from glyphvae.errors import Problem, StartError
from glyphvae.kserve.messages import SERVICE, request_of, response_of
from glyphvae.kserve.repository import Load
from glyphvae.models.registry import Registry
from glyphvae.observability.tracing import Tracing
from glyphvae.scheduling.scheduler import Job
from glyphvae.server.grpc_server import CODES, PAUSE, GrpcServer, _address
from glyphvae.settings import Settings
from glyphvae.web.keys import new_key
from tests.known_model import write_model
from tests.service.processes import running
from tests.service.sockets import serving as listening
from tests.service.sockets import until
from tests.service.support import Gate, caller, context_of

TLS = Path(__file__).parents[2] / "data/tls"
# A channel that shares no connection with others of this process.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


class Client:
    """A client of the service by gRPC.

    Args:
        port: Where it listens.
        options: Of the channel.
    """

    def __init__(self, port: int, **options: Any) -> None:  # noqa: ANN401
        unlimited = [("grpc.max_receive_message_length", -1)]
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=unlimited, **options)

    async def call(self, name: str, asked: Any = None, **more: Any) -> Any:  # noqa: ANN401 (a message)
        content = (request_of(name)() if asked is None else asked).SerializeToString()
        return response_of(name).FromString(await self.send(name, content, **more))

    async def send(self, name: str, content: bytes, **more: Any) -> bytes:  # noqa: ANN401
        answer: bytes = await self.channel.unary_unary(f"/{SERVICE}/{name}")(content, **more)
        return answer

    async def refused(self, name: str, asked: object = None, **more: Any) -> grpc.aio.AioRpcError:  # noqa: ANN401
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.call(name, asked, **more)
        return caught.value


def app_of(context: Context, port: int, **settings: object) -> Application:
    chosen = context.settings.model_copy(update={"grpc_port": port, **settings})
    return create_app(Context(chosen, context.registry))


@asynccontextmanager
async def serving(app: Application, **options: Any) -> AsyncIterator[Client]:  # noqa: ANN401
    """Serve an application by gRPC alone, and yield a client."""
    assert app.front is not None
    server = GrpcServer(app.front, app.front.context.settings)
    await server.start()
    client = Client(app.front.context.settings.grpc_port, **options)
    try:
        yield client
    finally:
        await client.channel.close()
        await server.stop()


@pytest.fixture
def app(context: Context, admin_port: int) -> Application:
    return app_of(context, admin_port)


@pytest.fixture
async def client(app: Application) -> AsyncIterator[Client]:
    async with serving(app) as client:
        yield client


def named(method: str, name: str, version: str = "") -> Any:  # noqa: ANN401
    return request_of(method)(name=name, version=version)


def infer(n: int = 2, name: str = "cvae-decoder", outputs: tuple[str, ...] = (), *, raw: bool = True) -> Any:  # noqa: ANN401
    """Return a request for glyphs of the label 10."""
    asked = request_of("ModelInfer")(model_name=name, id="7")
    z = asked.inputs.add(name="z", datatype="FP32", shape=(n, 6))
    label = asked.inputs.add(name="label", datatype="INT32", shape=(n, 1))
    for output in outputs:
        asked.outputs.add(name=output)
    if raw:
        asked.raw_input_contents.extend([bytes(24 * n), np.full(n, 10, "<i4").tobytes()])
    else:
        z.contents.fp32_contents.extend([0.0] * (6 * n))
        label.contents.int_contents.extend([10] * n)
    return asked


async def test_what_the_service_says_of_itself_is_what_it_says_over_http(client: Client, app: Application) -> None:
    def plain(message: Any) -> Any:  # noqa: ANN401
        return MessageToDict(message, preserving_proto_field_name=True)

    async with caller(app) as http:

        async def got(path: str) -> Any:  # noqa: ANN401
            return (await http.get(path)).json()

        assert (await client.call("ServerLive")).live
        assert (await client.call("ServerReady")).ready
        assert plain(await client.call("ServerMetadata")) == await got("/v2")
        for version in ("", "1"):
            assert (await client.call("ModelReady", named("ModelReady", "cvae-encoder", version))).ready
            facts = plain(await client.call("ModelMetadata", named("ModelMetadata", "cvae-encoder", version)))
            listed = await got("/v2/models/cvae-encoder")
            assert [tensor["name"] for tensor in facts["inputs"]] == [tensor["name"] for tensor in listed["inputs"]]
            assert (facts["name"], facts["versions"], facts["platform"]) == ("cvae-encoder", ["1"], "onnxruntime_onnx")
        config = (await client.call("ModelConfig", named("ModelConfig", "vae-decoder"))).config
        assert (config.max_batch_size, config.backend, config.input[0].dims[:]) == (3000, "onnxruntime", [6])
        index = (await client.call("RepositoryIndex")).models
        assert [entry.name for entry in index] == [
            entry["name"] for entry in (await http.post("/v2/repository/index")).json()
        ]
        await client.call("ModelInfer", infer())
        assert len((await client.call("ModelStatistics")).model_stats) == 4
        (counts,) = (await client.call("ModelStatistics", named("ModelStatistics", "cvae-decoder"))).model_stats
        (same,) = (await got("/v2/models/cvae-decoder/stats"))["model_stats"]
        assert (counts.inference_count, counts.execution_count) == (same["inference_count"], same["execution_count"])
        assert counts.inference_stats.success.count == same["inference_stats"]["success"]["count"] > 0


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(("outputs", "given"), [((), ["pixels", "logits"]), (("pixels",), ["pixels"])])
async def test_inference(client: Client, outputs: tuple[str, ...], given: list[str], *, raw: bool) -> None:
    answer = await client.call("ModelInfer", infer(outputs=outputs, raw=raw))
    assert (answer.model_name, answer.model_version, answer.id) == ("cvae-decoder", "1", "7")
    assert [output.name for output in answer.outputs] == given
    assert (answer.outputs[0].datatype, answer.outputs[0].shape[:]) == ("UINT8", [2, 28, 28])
    assert answer.raw_output_contents[0] == bytes([110] * (2 * 784))


async def test_large_messages(client: Client, app: Application) -> None:
    assert app.front is not None
    for raw in (True, False):
        answer = await client.call("ModelInfer", infer(1500, raw=raw), timeout=60)
        assert len(answer.raw_output_contents[1]) == 1500 * 784 * 4
    context = app.front.context
    for _ in range(100):  # the server hears a moment later that the client has read it
        await asyncio.sleep(0.01 if context.outbox.held else 0)
    assert (context.outbox.held, context.threads.queued) == (0, 0)


def changed(change: Callable[[Any], object]) -> Any:  # noqa: ANN401
    asked = infer()
    change(asked)
    return asked


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (infer(name="gan-decoder"), "NOT_FOUND", "There is no model 'gan-decoder'."),
        (changed(lambda asked: setattr(asked, "model_version", "2")), "NOT_FOUND", "of version '2'"),
        (
            changed(lambda asked: asked.raw_input_contents.pop()),
            "INVALID_ARGUMENT",
            "1 raw_input_contents for 2 inputs",
        ),
        (changed(lambda asked: asked.inputs.pop()), "INVALID_ARGUMENT", "2 raw_input_contents for 1 inputs"),
        (changed(lambda asked: asked.inputs[0].shape.extend([1] * 7)), "INVALID_ARGUMENT", "a shape has 9 axes"),
        (changed(lambda asked: setattr(asked.inputs[0], "name", "x")), "INVALID_ARGUMENT", "'x' is sent twice or no"),
        (changed(lambda asked: asked.outputs.add(name="mu")), "INVALID_ARGUMENT", "'mu' is no output"),
        (
            changed(lambda asked: asked.outputs.add(name="logits").parameters["classification"].SetInParent()),
            "INVALID_ARGUMENT",
            "classes are not ranked here",
        ),
        (
            changed(lambda asked: asked.inputs[0].parameters["shared_memory_region"].SetInParent()),
            "INVALID_ARGUMENT",
            "there is no shared memory",
        ),
        (request_of("ModelInfer")(model_name="vae-decoder"), "INVALID_ARGUMENT", "z: missing"),
        (infer(3001), "INVALID_ARGUMENT", "at most 3000"),
    ],
)
async def test_what_is_not_allowed_is_named(client: Client, asked: object, code: str, says: str) -> None:
    error = await client.refused("ModelInfer", asked)
    assert (error.code().name, says in (error.details() or "")) == (code, True), error.details()


async def test_a_type_that_is_none_is_refused(client: Client) -> None:
    asked = infer(raw=False)
    asked.inputs[0].datatype = "BYTES"
    assert "'BYTES', but the model takes FP32" in str((await client.refused("ModelInfer", asked)).details())


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_message_that_is_none_is_refused(client: Client, size: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="The message cannot be read"):
        await client.send("ModelInfer", b"\xff" * size)


async def test_a_message_over_the_limit_is_refused(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.send("ModelInfer", bytes(200_001))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_compressed_messages_are_refused(app: Application) -> None:
    async with serving(app, compression=grpc.Compression.Gzip) as client:
        assert (await client.refused("ModelInfer", infer(100, raw=False))).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_methods_that_are_not_here_are_unimplemented(client: Client) -> None:
    assert (await client.refused("TraceSetting")).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_metadata_are_held_against_the_limits_of_headers(client: Client) -> None:
    error = await client.refused("ServerLive", metadata=[(f"x-{number}", "") for number in range(100)])
    assert (error.code(), "headers; at most 100" in str(error.details())) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


async def test_an_id_comes_back_and_calls_are_counted(app: Application, client: Client) -> None:
    assert app.front is not None
    call = client.channel.unary_unary(f"/{SERVICE}/ModelInfer")(
        infer().SerializeToString(), metadata=(("x-request-id", "mine"), ("some-bin", b"\x00"))
    )
    await call
    assert dict(await call.trailing_metadata())["x-request-id"] == "mine"
    await client.refused("ModelInfer", infer(name="gan-decoder"))
    requests = app.front.context.telemetry.requests
    assert requests == {(f"/{SERVICE}/ModelInfer", 200): 1, (f"/{SERVICE}/ModelInfer", 404): 1}


async def test_calls_have_spans(app: Application, client: Client) -> None:
    assert app.front is not None
    exporter = InMemorySpanExporter()
    app.front.context.telemetry.tracing = Tracing(SimpleSpanProcessor(exporter))
    await client.call("ModelInfer", infer())
    names = {span.name for span in exporter.get_finished_spans()}
    assert names == {f"POST /{SERVICE}/ModelInfer", "queue wait", "batch", "run"}


@pytest.mark.parametrize("parts", [("cert.pem", "key.pem"), ("both.pem", None)])
async def test_with_a_certificate_calls_are_encrypted(
    context: Context, admin_port: int, tmp_path: Path, parts: tuple[str, str | None]
) -> None:
    certificate, key = (TLS / name for name in ("cert.pem", "key.pem"))
    for source in (certificate, key):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "both.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    cert, own = parts
    files = {"tls_cert": tmp_path / cert, "tls_key": tmp_path / own if own else None}
    async with serving(app_of(context, admin_port, **files)):
        trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{admin_port}", trusted) as channel:
            assert await channel.unary_unary(f"/{SERVICE}/ServerLive")(b"") == b"\x08\x01"


async def test_a_reload_renews_the_certificate(repository: Path, admin_port: int, tmp_path: Path) -> None:
    before, renewed = ((TLS / name).read_bytes() for name in ("cert.pem", "renewed.pem"))
    file = tmp_path / "both.pem"
    file.write_bytes(before + (TLS / "key.pem").read_bytes())

    async def connect(trusted: bytes) -> bytes:
        credentials = grpc.ssl_channel_credentials(trusted)
        async with grpc.aio.secure_channel(f"localhost:{admin_port}", credentials, OWN_CONNECTION) as channel:
            answer: bytes = await channel.unary_unary(f"/{SERVICE}/ServerLive")(b"")
            return answer

    async with listening(repository, tls_cert=file, grpc_port=admin_port) as server:
        assert await connect(before)
        file.write_bytes(renewed)
        with pytest.raises(grpc.aio.AioRpcError):
            await connect(renewed)
        registry = server.context.registry
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: server.context.registry is not registry)
        assert await connect(renewed)
        assert await connect(renewed)
        with pytest.raises(grpc.aio.AioRpcError):
            await connect(before)


def test_a_renewed_certificate_is_taken_once(app: Application) -> None:
    """Threads of grpc call it, which coverage does not see, so the test calls it itself."""
    assert app.front is not None
    server = GrpcServer(app.front, Settings(tls_cert=TLS / "renewed.pem"))
    assert server._renewed() is None
    server.renew_certificate()
    assert isinstance(server._renewed(), grpc.ServerCertificateConfiguration)
    assert server._renewed() is None


async def test_calls_wait_a_moment_for_others_to_join_them(
    client: Client, app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert app.front is not None
    scheduler, pauses = app.front.context.scheduler, list[int]()
    submit = scheduler.submit

    def noted(job: Job[Any], pause: int = 0) -> None:
        pauses.append(pause)
        submit(job, pause)

    monkeypatch.setattr(scheduler, "submit", noted)
    await client.call("ModelInfer", infer())
    assert pauses == [PAUSE]


async def test_a_service_that_is_about_to_end_is_not_ready(client: Client, app: Application) -> None:
    assert app.front is not None
    app.front.context.draining = True
    assert not (await client.call("ServerReady")).ready
    assert (await client.call("ServerLive")).live


async def test_keys_open_calls_as_they_open_routes(context: Context, admin_port: int, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    tokens, lines = {}, []
    for name, (rate, routes) in {
        "any": (None, ()),
        "slow": ("1/day", ()),
        "narrow": (None, ("/v2/models/cvae-decoder",)),
        "other": (None, ("/generate",)),
    }.items():
        tokens[name], key = new_key(name, None, rate, routes)
        lines.append(key.model_dump_json())
    file.write_text("\n".join(lines))
    async with serving(app_of(context, admin_port, keys=file)) as client:

        async def code(name: str, token: str, method: str = "ModelInfer", header: str = "authorization") -> str:
            value = f"Bearer {tokens[token]}" if header == "authorization" else tokens[token]
            asked = infer(name=name) if method == "ModelInfer" else named(method, name, "1")
            try:
                await client.call(method, asked, metadata=((header, value),))
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return "OK"

        for method in ("ServerLive", "ServerReady"):
            await client.call(method)
        error = await client.refused("ModelInfer", infer())
        assert (error.code(), "Send a key" in str(error.details())) == (grpc.StatusCode.UNAUTHENTICATED, True)
        trailing: Any = error.trailing_metadata()
        assert dict(trailing)["www-authenticate"].startswith("Bearer")
        assert await code("cvae-decoder", "any") == "OK"
        assert await code("cvae-decoder", "any", header="x-api-key") == "OK"
        assert await code("cvae-decoder", "narrow") == "OK"
        assert await code("cvae-decoder", "narrow", "ModelMetadata") == "OK"
        assert await code("cvae-encoder", "narrow", "ModelMetadata") == "PERMISSION_DENIED"
        assert await code("vae-decoder", "narrow") == "PERMISSION_DENIED"
        assert await code("cvae-decoder", "other") == "PERMISSION_DENIED"
        assert await code("cvae-decoder", "slow") == "OK"
        assert await code("cvae-decoder", "slow") == "RESOURCE_EXHAUSTED"


async def test_models_are_loaded_and_unloaded(tmp_path: Path, admin_port: int) -> None:
    write_model(tmp_path, "cvae")
    write_model(tmp_path, "vae", conditional=False)
    own = context_of(tmp_path, grpc_port=admin_port, model_control="explicit")
    async with serving(create_app(own)) as client:
        unload = request_of("RepositoryModelUnload")(model_name="vae-decoder")
        unload.parameters["unload_dependents"].bool_param = True
        await client.call("RepositoryModelUnload", unload)
        assert not (await client.call("ModelReady", named("ModelReady", "vae-decoder"))).ready
        states = {entry.name: entry.state for entry in (await client.call("RepositoryIndex")).models}
        assert (states["vae-decoder"], states["cvae-decoder"]) == ("UNAVAILABLE", "READY")
        load = request_of("RepositoryModelLoad")(model_name="vae-decoder")
        await client.call("RepositoryModelLoad", load)
        assert (await client.call("ModelReady", named("ModelReady", "vae-decoder"))).ready
        load.parameters["config"].string_param = "{}"
        assert "'config' is not taken" in str((await client.refused("RepositoryModelLoad", load)).details())
        unload.model_name = "cvae-decoder"
        assert (await client.refused("RepositoryModelUnload", unload)).code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_loading_takes_a_setting(client: Client) -> None:
    error = await client.refused("RepositoryModelLoad", request_of("RepositoryModelLoad")(model_name="vae-decoder"))
    assert (error.code(), "model_control" in str(error.details())) == (grpc.StatusCode.PERMISSION_DENIED, True)


@pytest.mark.parametrize("whose", ["client", "service", "metadata"])
async def test_a_call_that_is_late_is_given_up(
    tmp_path: Path, admin_port: int, gate: Gate, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    def slow(_self: Load, registry: Registry, _graph: str) -> Registry:
        gate()
        return registry

    monkeypatch.setattr(Load, "changed", slow)
    write_model(tmp_path, "cvae")
    seconds = 0.2 if whose == "service" else 60
    own = context_of(tmp_path, grpc_port=admin_port, model_control="explicit", request_timeout=seconds)
    async with serving(create_app(own)) as client:
        load = request_of("RepositoryModelLoad")(model_name="cvae-decoder")
        limits: dict[str, dict[str, Any]] = {
            "client": {"timeout": 0.2},
            "metadata": {"metadata": (("x-request-timeout", "0.2"),)},
        }
        error = await client.refused("RepositoryModelLoad", load, **limits.get(whose, {}))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        gate.opened.set()
        assert (await client.call("ServerLive")).live


async def test_a_call_that_has_begun_is_finished_at_the_end(
    tmp_path: Path, admin_port: int, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_self: Load, registry: Registry, _graph: str) -> Registry:
        gate()
        return registry

    monkeypatch.setattr(Load, "changed", slow)
    write_model(tmp_path, "cvae")
    app = create_app(context_of(tmp_path, grpc_port=admin_port, model_control="explicit", request_timeout=60))
    assert app.front is not None
    server = GrpcServer(app.front, app.front.context.settings)
    await server.start()
    client = Client(admin_port)
    load = asyncio.create_task(client.call("RepositoryModelLoad", request_of("RepositoryModelLoad")(model_name="x")))
    await asyncio.to_thread(gate.reached.wait, 60)
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    gate.opened.set()
    await load
    await stopping
    await client.channel.close()


@pytest.mark.usefixtures("client")
async def test_a_port_in_use_stops_the_start(app: Application) -> None:
    assert app.front is not None
    with pytest.raises(StartError, match=r"setting GLYPHVAE_GRPC_PORT: 127\.0\.0\.1:\d+: "):
        await GrpcServer(app.front, app.front.context.settings).start()


def test_every_error_has_a_code() -> None:
    assert {int(problem.status) for problem in Problem.__subclasses__()} - set(CODES) <= {405, 406, 408, 415, 501}


@pytest.mark.parametrize(("peer", "address"), [("ipv4:10.0.0.1:5000", "10.0.0.1"), ("ipv6:%5B::1%5D:5000", "::1")])
def test_the_address_of_a_client(peer: str, address: str) -> None:
    assert _address(peer) == address


def test_the_command_serves_both_ports(repository: Path, admin_port: int) -> None:
    flags = ("--models", str(repository), "--device", "cpu", "--grpc-port", str(admin_port), "--access-log", "on")
    with running(*flags) as server:
        server.wait_for(re.compile("(ready)"))

        async def call() -> bytes:
            client = Client(admin_port)
            answer = await client.call("ModelInfer", infer())
            await client.channel.close()
            content: bytes = answer.raw_output_contents[0]
            return content

        assert asyncio.run(call())[0] == 110
        assert httpx.get(f"{server.url}/v2/models/cvae-decoder/stats").json()["model_stats"][0]["inference_count"] == 2
        assert server.terminate() in {0, -15}
        assert f"/{SERVICE}/ModelInfer 200" in server.log()
