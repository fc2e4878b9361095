"""The server: uvicorn, with an end that fails no request, reloading, and an eye on itself."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp

from glyphvae.api.context import Context
from glyphvae.api.readiness import check_live
from glyphvae.application import Application, create_app
from glyphvae.errors import NotReady, ReloadRefused
from glyphvae.models.registry import load_registry
from glyphvae.observability.log_writer import STDERR
from glyphvae.observability.loop_time import LoopTime
from glyphvae.observability.telemetry import Telemetry
from glyphvae.server.admin import AdminServer, create_admin
from glyphvae.server.bounded import LOOK, BoundedServer
from glyphvae.server.connection import Connection, State
from glyphvae.server.listener import load_certificate, remove_socket
from glyphvae.server.reload import Reloader
from glyphvae.settings import Settings
from glyphvae.startup import settle

if TYPE_CHECKING:
    from glyphvae.observability.otlp_metrics import Exports
    from glyphvae.observability.shared_counters import Writer
    from glyphvae.server.grpc_server import GrpcServer

logger = logging.getLogger("glyphvae")

# Seconds for which a thread that decodes or draws may keep the event loop waiting, a tenth of Python's own default.
SWITCH = 0.0005
# Seconds that the end waits for metrics to be sent.
LAST_EXPORT = 2.0


class Loader:
    """The factory of the application, in whichever process is to serve it.

    Args:
        settings: As they were read at the start.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.application: Application | None = None
        self.exports: Exports | None = None

    def __call__(self) -> ASGIApp:
        """Return the application over loaded models.

        Raises:
            StartError: They cannot be loaded, or metrics are to be sent at no interval.
        """
        context = Context(self.settings, load_registry(self.settings))
        self.application, self.exports = create_app(context), _exports(context.telemetry)
        return self.application


class Config(uvicorn.Config):
    """The configuration of uvicorn; server processes get a copy.

    Args:
        settings: The service's.
        log_config: For `logging.config`.
        admin: Where the admin port listens, None where there is none.
        counts: Folder where server processes tell each other what they counted, None where there is one process.
    """

    def __init__(
        self,
        settings: Settings,
        log_config: dict[str, Any],
        admin: socket.socket | None = None,
        counts: Path | None = None,
    ) -> None:
        super().__init__(
            Loader(settings),
            factory=True,
            host=settings.host,
            port=settings.port,
            uds=None if settings.unix_socket is None else str(settings.unix_socket),
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            ssl_ciphers="",  # Python's; uvicorn's are those of 1999
            proxy_headers=False,  # connections read them
            workers=settings.workers,
            # A new process imports for seconds on a busy machine; one that answers no sooner is ended and started anew.
            timeout_worker_healthcheck=30,
            timeout_graceful_shutdown=int(settings.grace_seconds),
            log_level=settings.log_level,
            log_config=log_config,
            access_log=False,
            server_header=False,
            loop="auto",
            http=Connection,
            ws="none",
        )
        self.settings = settings
        self.admin = admin
        self.counts = counts


class Server(BoundedServer):
    """The server of a process.

    Args:
        config: How to serve.
    """

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, State(config.settings))
        self._admin: AdminServer | None = None
        self._counts: Writer | None = None
        self._loop_time: LoopTime | None = None
        self._grpc: GrpcServer | None = None

    @property
    def application(self) -> Application:
        """The application, once it is loaded."""
        application: Application = self.config.app.application  # type: ignore[union-attr]
        return application

    @property
    def exports(self) -> "Exports | None":
        """The sender of metrics by OTLP, None where none are sent."""
        exports: Exports | None = self.config.app.exports  # type: ignore[union-attr]
        return exports

    @property
    def context(self) -> Context:
        """The state of the service, once it is loaded."""
        context: Context = self.application.state.context
        return context

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super()._serve(sockets)
        if self.config.workers == 1:
            remove_socket(self.config.settings.unix_socket)
        STDERR.flush()  # uvicorn ends the process by the signal that it got, before anything else does

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and begin to watch."""
        await super().startup(sockets)
        self.server_state.front = self.application.front
        self.context.telemetry.connections = self.server_state.levels
        sys.setswitchinterval(SWITCH)
        several = self.config.workers > 1
        tell_others = _tell_the_supervisor if several else lambda: None
        reloader = Reloader(self.context, tell_others, self._renew_certificate)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: threading.Thread(target=_reload, args=(reloader,)).start())
        if self.config.admin is not None:
            app = create_admin(self.context, reloader, self._metrics())
            self._admin = AdminServer(app, self.config.admin, self.config.settings)
            self._admin.start()
        if self.config.admin is not None or self.exports is not None:
            self._loop_time = LoopTime(self.context.telemetry.loop)
        if self.config.settings.grpc_port:
            from glyphvae.server.grpc_server import GrpcServer  # noqa: PLC0415 (an extra, and slow to import)

            front = self.application.front
            assert front is not None  # noqa: S101 (there is a context)
            self._grpc = GrpcServer(front, self.config.settings)
            await self._grpc.start()
        settle()
        if sockets and not several:
            logger.info("ready: %s", address_of(sockets[0], "https" if self.config.is_ssl else "http"))
        if several:  # somebody starts it anew
            threading.Thread(target=_end_if_stalled, args=(self.context,), name="glyphvae-watch", daemon=True).start()

    def _metrics(self) -> Route:
        from glyphvae.observability.metrics import metrics_route, of_one  # noqa: PLC0415 (slow, and not needed without the port)

        telemetry = self.context.telemetry
        if self.config.counts is None:
            return metrics_route(of_one(telemetry))
        from glyphvae.observability.shared_counters import Writer  # noqa: PLC0415 (locks files as POSIX does)

        self._counts = Writer(self.config.counts, telemetry)
        return metrics_route(self._counts.read)

    def _renew_certificate(self) -> None:
        if self.config.ssl is None:
            return
        load_certificate(self.config.ssl, self.config.settings)
        if self._grpc is not None:
            self._grpc.renew_certificate()

    def _watch(self) -> None:
        self.context.beat = monotonic()
        super()._watch()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without failing a request: say so to whoever asks, then take no more, then finish what there is."""
        self.context.draining = self.server_state.draining = True
        for connection in list(self.server_state.connections):
            connection.drain()
        # Whoever is at a terminal need not wait for a balancer to notice.
        if signal.SIGINT not in self._captured_signals:
            await asyncio.sleep(self.config.settings.drain_seconds)
        await self._take_the_rest(sockets or [])
        stops = [super().shutdown(sockets)] if self._grpc is None else [super().shutdown(sockets), self._grpc.stop()]
        await asyncio.gather(*stops)
        if self._admin is not None:
            self._admin.stop()
        if self._loop_time is not None:
            self._loop_time.stop()
        if self._counts is not None:
            self._counts.close()
        if self.exports is not None:
            await asyncio.to_thread(self.exports.shutdown, LAST_EXPORT)

    async def _take_the_rest(self, sockets: list[socket.socket]) -> None:
        """Stop listening, but serve the connections that the kernel has accepted on our behalf."""
        self._accept_loop.stop()
        # Closing a listening socket resets what is in its queue, so the queue is closed to newcomers and emptied first.
        for listener in sockets:
            listener.listen(0)
            for connection in _accepted(listener):
                await self._accept_loop.connect(connection)


def _exports(telemetry: Telemetry) -> "Exports | None":
    """Begin to send metrics by OTLP if OpenTelemetry's environment variables ask for it."""
    names = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    chosen = os.environ.get("OTEL_METRICS_EXPORTER", "otlp")
    if is_off or chosen != "otlp" or not any(os.environ.get(name) for name in names):
        return None
    try:
        from glyphvae.observability.otlp_metrics import start_exports  # noqa: PLC0415 (an extra, and slow to import)
    except ModuleNotFoundError as error:
        logger.warning("no metrics are sent: %s is not installed; `pip install 'glyphvae[traces]'`", error.name)
        return None
    return start_exports(telemetry)


def address_of(listener: socket.socket, scheme: str) -> str:
    """Return where a service listens, and where its page is, for people."""
    if listener.family == socket.AF_UNIX:
        return f"{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    return f"the API is at {url}, a page to try it at {url}/playground"


def _accepted(listener: socket.socket) -> list[socket.socket]:
    accepted = []
    try:
        while True:
            accepted.append(listener.accept()[0])
    except BlockingIOError:
        return accepted


def _tell_the_supervisor() -> None:
    supervisor = parent_process()
    assert supervisor is not None  # noqa: S101 (it has started this process)
    assert supervisor.pid is not None  # noqa: S101 (and so it has an id)
    with suppress(ProcessLookupError):  # it is dead; whoever is the parent now did not ask for the signal
        os.kill(supervisor.pid, signal.SIGHUP)


def _reload(reloader: Reloader) -> None:
    try:
        reloader.reload()
    except ReloadRefused:
        return  # the log has it


def _end_if_stalled(context: Context) -> None:
    """End this process, for another to take its place, once nothing else helps."""
    while True:
        sleep(LOOK)
        try:
            check_live(context)
        except NotReady as problem:
            logger.critical("this process ends: %s", problem.detail)
            STDERR.flush()
            os.kill(os.getpid(), signal.SIGKILL)
