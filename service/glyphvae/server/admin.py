"""The admin port, in a thread: health that a busy event loop cannot delay, metrics, reloading."""

import socket
import threading
from ipaddress import ip_address

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from glyphvae.api.context import Context
from glyphvae.api.error_handlers import HANDLERS
from glyphvae.api.readiness import check_live, check_ready
from glyphvae.errors import OriginRefused
from glyphvae.formats.registry import JSON
from glyphvae.server.bounded import BoundedServer
from glyphvae.server.connection import RESERVED, Connection, State
from glyphvae.server.reload import Reloader
from glyphvae.settings import Settings
from glyphvae.wording import quoted

# Probes, a scraper and an operator need a handful; file descriptors are reserved for them.
MAX_CONNECTIONS = RESERVED // 4
# Names that nobody can buy, as those without a dot (RFC 6761, RFC 6762, and Kubernetes' own).
_LOCAL = (".localhost", ".local", ".internal", ".svc")


def create_admin(context: Context, reloader: Reloader, *more: Route) -> Starlette:
    """Return the application behind the admin port, with `more` routes beside its own."""

    # Functions, not coroutines: Starlette runs them in threads, so that a reload keeps no probe waiting.
    def live(_: Request) -> Response:
        check_live(context)
        return JSONResponse({"status": "live"})

    def ready(_: Request) -> Response:
        return Response(check_ready(context).model_dump_json(), media_type=JSON)

    def reload(request: Request) -> Response:
        check_origin(request, context.settings.admin_host)
        return JSONResponse({"models": [model.title for model in reloader.reload_all().models.values()]})

    routes = [Route("/livez", live), Route("/readyz", ready), Route("/reload", reload, methods=["POST"]), *more]
    admin = Starlette(routes=routes, exception_handlers=HANDLERS)
    admin.router.redirect_slashes = False  # a redirect would name the host that the client chose
    return admin


def check_origin(request: Request, own: str) -> None:
    """Check that no page in a browser makes a request.

    Browsers name the page's origin in each POST. A page whose own name leads to this machine would be of the same
    origin as this port, but has a name that somebody can buy.

    Args:
        request: The request.
        own: The name or address that the port listens on.

    Raises:
        OriginRefused: It has an `Origin`, or a `Host` that is neither an address nor a name of this network.
    """
    for origin in request.headers.getlist("origin"):
        raise OriginRefused(f"A page of {quoted(origin)} may not send this.")
    for host in request.headers.getlist("host"):
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name != own and not _is_local(name.rstrip(".").lower()):
            raise OriginRefused(f"{quoted(host)} may be a page's; use an address, `localhost`, or a local name.")


def _is_local(name: str) -> bool:
    if ("." not in name and ":" not in name) or name.endswith(_LOCAL):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class AdminServer:
    """Serves the admin application in a thread.

    Args:
        app: The application.
        listener: Where it listens.
        settings: The limits on connections, of which there are no more than `MAX_CONNECTIONS`.
    """

    def __init__(self, app: Starlette, listener: socket.socket, settings: Settings) -> None:
        config = uvicorn.Config(
            app, loop="asyncio", http=Connection, ws="none", lifespan="off", access_log=False, server_header=False,
            log_config=None, timeout_graceful_shutdown=1,
        )  # fmt: skip
        limits = settings.model_copy(update={"max_connections": MAX_CONNECTIONS})
        self._server = BoundedServer(config, State(limits))
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
