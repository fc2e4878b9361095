"""Parts of uvicorn that it does not document: pyproject.toml bounds its version for them.

All other modules take them from here, so that a new version of uvicorn is looked through in one place.
"""

from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.config import STARTUP_FAILURE
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState
from uvicorn.supervisors.multiprocess import Multiprocess, Process

__all__ = [
    "STARTUP_FAILURE",
    "ASGI3Application",
    "FlowControl",
    "HTTPScope",
    "HttpToolsProtocol",
    "Multiprocess",
    "Process",
    "ProxyHeadersMiddleware",
    "RequestResponseCycle",
    "ServerState",
]
