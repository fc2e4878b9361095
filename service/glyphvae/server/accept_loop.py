"""Taking connections from the kernel's queues: several in an iteration, and none while file descriptors are short.

libuv accepts one connection each time it looks at a listening socket. A loop whose iterations last milliseconds,
because requests are handled in them, would leave newcomers waiting for seconds, even for the response that it is too
busy. asyncio takes all that wait, and where no file descriptor is left logs a traceback for each that it cannot take.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

logger = logging.getLogger("glyphvae")

# Taken in one iteration: less than a millisecond of work.
TOGETHER = 32
# Seconds until the next try after descriptors or memory ran out.
BACK_OFF = 1.0
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class AcceptLoop:
    """Takes connections from the kernel's queues.

    Args:
        listeners: Listening sockets of this process, which do not block.
        make: Makes the protocol of a connection.
        tls: What connections are encrypted by, None where they are not.
        handshake: Seconds that a client may take for that.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        make: Callable[[], asyncio.Protocol],
        tls: "SSLContext | None" = None,
        handshake: float | None = None,
    ) -> None:
        self._listeners = listeners
        self._make = make
        self._tls = tls
        self._handshake = handshake if tls else None
        self._resuming: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take connections from now on."""
        self._resuming = None
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.add_reader(listener, self._take, listener)

    def stop(self) -> None:
        """Take no more."""
        self._pause()
        if self._resuming is not None:
            self._resuming.cancel()
        self._listeners = ()

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.remove_reader(listener)

    def _take(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(TOGETHER):
            try:
                connection, _ = listener.accept()
            except OSError as error:  # none waits, or the first one has gone already
                if error.errno in _EXHAUSTED:
                    self._back_off(error)
                return
            connection.setblocking(False)
            task = loop.create_task(self.connect(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def connect(self, connection: socket.socket) -> None:
        """Begin to serve a connection that was accepted."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # it has gone already, or does not speak TLS
            await loop.connect_accepted_socket(
                self._make, connection, ssl=self._tls, ssl_handshake_timeout=self._handshake
            )

    def _back_off(self, error: OSError) -> None:
        """Leave new connections in the kernel's queue for a while; the listener would be readable all the time."""
        self._pause()
        self._resuming = asyncio.get_running_loop().call_later(BACK_OFF, self.start)
        logger.warning("new connections wait for %g s: %s", BACK_OFF, error.strerror)
