"""The admin port, in a thread: health that a busy event loop cannot delay, metrics, reloading."""

import socket
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from glyphvae.api.context import Context
from glyphvae.api.error_handlers import HANDLERS
from glyphvae.api.readiness import check_live, check_ready
from glyphvae.formats.registry import JSON
from glyphvae.server.reload import Reloader


def create_admin(context: Context, reloader: Reloader, *more: Route) -> Starlette:
    """Return the application behind the admin port, with `more` routes beside its own."""

    # Functions, not coroutines: Starlette runs them in threads, so that a reload keeps no probe waiting.
    def live(_: Request) -> Response:
        check_live(context)
        return JSONResponse({"status": "live"})

    def ready(_: Request) -> Response:
        return Response(check_ready(context).model_dump_json(), media_type=JSON)

    def reload(_: Request) -> Response:
        return JSONResponse({"models": [model.title for model in reloader.reload_all().models.values()]})

    routes = [Route("/livez", live), Route("/readyz", ready), Route("/reload", reload, methods=["POST"]), *more]
    return Starlette(routes=routes, exception_handlers=HANDLERS)


class AdminServer:
    """Serves the admin application in a thread.

    Args:
        app: The application.
        listener: Where it listens.
    """

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app, loop="asyncio", http="httptools", ws="none", lifespan="off", access_log=False, server_header=False,
            log_config=None, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="glyphvae-admin", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Finish and end."""
        self._server.should_exit = True
        self._thread.join()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket for the admin port.

    Raises:
        OSError: The address is in use, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
