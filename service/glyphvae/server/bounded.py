"""A server whose connections are bounded in number and watched for slow clients; both ports have one."""

import asyncio
import socket

import uvicorn

from glyphvae.server.accept_loop import AcceptLoop
from glyphvae.server.connection import Connection, State

# Seconds between two looks at all connections.
LOOK = 1.0
# Bytes of a response that the kernel takes beyond those that are on their way. Its own limit is four megabytes for each
# connection, which count as the container's memory and which a client that does not read leaves there.
UNSENT = 1 << 17


class BoundedServer(uvicorn.Server):
    """Uvicorn's server with connections of this package.

    Args:
        config: How to serve; its `http` is `Connection`.
        state: The limits.
    """

    server_state: State

    def __init__(self, config: uvicorn.Config, state: State) -> None:
        super().__init__(config)
        self.server_state = state
        self._look: asyncio.TimerHandle  # set at startup
        self._accept_loop: AcceptLoop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and begin to watch."""
        await super().startup([])  # uvicorn would take connections itself
        listeners = sockets or []
        for listener in listeners:
            listener.setblocking(False)
            listener.listen(self.config.backlog)
            # Connections inherit it.
            if listener.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        handshake = self.server_state.receive_timeout
        self._accept_loop = AcceptLoop(listeners, self._protocol, self.config.ssl, handshake)
        self._accept_loop.start()
        self._watch()

    def _watch(self) -> None:
        self.server_state.watch()
        self._look = asyncio.get_running_loop().call_later(LOOK, self._watch)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish those that there are."""
        self._accept_loop.stop()
        await super().shutdown(sockets)
        self._look.cancel()

    def _protocol(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)
