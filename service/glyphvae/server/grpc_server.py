"""The port for gRPC, in the event loop of the service; imported only where a setting asks for it."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import grpc
import orjson
from google.protobuf.message import DecodeError

from glyphvae.api.responses import Headers, Result
from glyphvae.errors import DeadlineExceeded, MalformedBody, Problem, StartError
from glyphvae.kserve.calls import PROTOBUF, Calls, Method, written
from glyphvae.kserve.messages import SERVICE
from glyphvae.scheduling.cost import INLINE, parsing
from glyphvae.scheduling.scheduler import AwaitedJob
from glyphvae.settings import Settings
from glyphvae.web.front import Front
from glyphvae.web.request_context import RequestContext, Route

if TYPE_CHECKING:
    from glyphvae.api.head import RawHeaders

logger = logging.getLogger("glyphvae")

# Of HTTP; all others are faults of the service.
CODES: Mapping[int, grpc.StatusCode] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    414: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    431: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}
# Seconds between two looks at whether an idle client is still there.
_KEEP_ALIVE = 60
# Iterations of the event loop. `grpc.aio` takes up one call after another, each in four iterations, so calls that have
# arrived together would run one by one; in a pause a little longer than that the next one joins them in a batch.
PAUSE = 6
# Of the algorithms of compression none: what a message inflates to is checked too late.
_IDENTITY = 1


class GrpcServer:
    """Serves gRPC.

    Args:
        front: Handles requests.
        settings: The port and the limits.
    """

    def __init__(self, front: Front, settings: Settings) -> None:
        self._front = front
        self._settings = settings
        self._server: Any = None
        # The certificate to use from now on, until a connection takes it.
        self._renewal: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)

    async def start(self) -> None:
        """Begin to answer.

        Raises:
            StartError: The port is in use, or the certificate cannot be used.
        """
        methods = Calls(self._front.context).methods
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(_Calls(self._front, name, method).handle)
            for name, method in methods.items()
        }
        settings = self._settings
        server = grpc.aio.server(options=_options(settings), maximum_concurrent_rpcs=settings.max_connections)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.grpc_port}"
        try:
            if settings.tls_cert is None:
                server.add_insecure_port(address)
            else:
                credentials = grpc.dynamic_ssl_server_credentials(_certificate(settings), self._renewed)
                server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise StartError(f"setting GLYPHVAE_GRPC_PORT: {address}: {error}") from None
        await server.start()
        self._server = server
        logger.info("gRPC on %s", address)

    def renew_certificate(self) -> None:
        """Have connections from now on use the certificate that is in its file; safe to call from any thread."""
        self._renewal.append(_certificate(self._settings))

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the certificate for a new connection, None for the one before; called in threads of grpc."""
        try:
            return self._renewal.pop()
        except IndexError:
            return None

    async def stop(self) -> None:
        """Take no more calls, and finish those that there are."""
        await self._server.stop(self._settings.grace_seconds)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", settings.max_header_bytes),
        ("grpc.absolute_max_metadata_size", settings.max_header_bytes),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.server_handshake_timeout_ms", int(settings.receive_timeout * 1000)),
        ("grpc.keepalive_time_ms", _KEEP_ALIVE * 1000),
        ("grpc.compression_enabled_algorithms_bitset", _IDENTITY),
        # Several processes share the port; two services must not.
        ("grpc.so_reuseport", int(settings.workers > 1)),
    ]


def _certificate(settings: Settings) -> grpc.ServerCertificateConfiguration:
    assert settings.tls_cert is not None  # noqa: S101 (narrows what the setting leaves open)
    chain = settings.tls_cert.read_bytes()
    key = settings.tls_key.read_bytes() if settings.tls_key else chain
    return grpc.ssl_server_certificate_configuration([(key, chain)])


class _Calls:
    """The calls of a method, as grpc makes them: with bytes on both sides."""

    def __init__(self, front: Front, name: str, method: Method) -> None:
        self._front = front
        self._name = name
        self._route = Route(f"/{SERVICE}/{name}")
        self._method = method

    async def handle(self, content: bytes, call: Any) -> bytes:  # noqa: ANN401 (grpc's is not typed)
        """Answer a call."""
        front = self._front
        request = front.open_call(self._route, "/v2", _metadata(call), lambda: _address(call.peer()))
        status: int | None = None
        model: str | None = None
        try:
            result = await self._answer(request, content, call)
            held = front.hold(result)
        except Exception as error:  # noqa: BLE001 (it is answered, and logged)
            status = self._fail(request, error, call)
            return b""
        else:
            if held:
                call.add_done_callback(partial(self._release, held))
            status, model = 200, result.model or None
            more = [(name.decode(), value.decode()) for name, value in request.response_headers]
            call.set_trailing_metadata((("x-request-id", request.id.decode()), *more))
            return result.content
        finally:
            front.finish(request, status, model)

    async def _answer(self, request: RequestContext, content: bytes, call: Any) -> Result:  # noqa: ANN401
        front, method = self._front, self._method
        front.check(request)
        remaining = call.time_remaining()
        seconds = self._seconds(request)
        job = AwaitedJob[Any](seconds if remaining is None else min(seconds, remaining), _never, request)
        try:
            front.body_limits.hold(len(content), job)
            asked = await self._parse(content, job)
            request.path = method.path(asked)
            if front.gate is not None:
                await front.gate.admit(request)
            if method.answer is not None:
                return Result("", _NO_HEADERS, PROTOBUF, written(self._name, method.answer(asked)))
            assert method.program is not None  # noqa: S101 (each has the one or the other)
            result: Result = await front.context.scheduler.run(
                job, method.program(asked, len(content), request), method.cost, pause=PAUSE
            )
            return result
        finally:
            front.body_limits.release(job)

    def _seconds(self, request: RequestContext) -> float:
        """Return the seconds that a call may take; those that are not queued are answered whatever waits."""
        if self._method.answer is not None:
            return self._front.context.settings.request_timeout
        return self._front.admit(request, None)

    async def _parse(self, content: bytes, job: AwaitedJob[Any]) -> Any:  # noqa: ANN401 (a message)
        parse = self._method.request.FromString
        cost = parsing(len(content))
        try:
            if len(content) <= INLINE:
                return parse(content)
            threads = self._front.context.threads
            return await asyncio.wrap_future(threads.submit(cost.work, job, threads.hold, cost.held, parse, (content,)))
        except DecodeError:
            raise MalformedBody("The message cannot be read.") from None

    def _fail(self, request: RequestContext, error: Exception, call: Any) -> int:  # noqa: ANN401
        response = self._front.refuse(request, error)
        late = isinstance(error, DeadlineExceeded)
        call.set_code(grpc.StatusCode.DEADLINE_EXCEEDED if late else CODES[response.status_code])
        call.set_details(orjson.loads(response.body)["error"])
        headers = error.headers if isinstance(error, Problem) and error.headers else {}
        told = [(name.lower(), value) for name, value in headers.items()]
        call.set_trailing_metadata((("x-request-id", request.id.decode()), *told))
        return response.status_code

    def _release(self, held: int, _call: object) -> None:
        self._front.context.outbox.held -= held


_NO_HEADERS = Headers([])


def _never() -> bool:
    """Return that the client is there: a call whose client has gone is cancelled."""
    return False


def _metadata(call: Any) -> "RawHeaders":  # noqa: ANN401
    """Return the metadata of a call as headers; `x-api-key` is another name of a bearer key."""
    pairs = [
        (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1", "replace"))
        for name, value in call.invocation_metadata()
    ]
    return [(b"authorization", b"Bearer " + value) if name == b"x-api-key" else (name, value) for name, value in pairs]


def _address(peer: str) -> str:
    """Return the address in grpc's name of a client, `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
