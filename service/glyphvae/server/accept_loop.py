"""Connections that wait to be taken, where the event loop takes one a turn.

libuv accepts once for each look at a listening socket. A loop whose turns last milliseconds, because it decodes on them
what is asked, would leave newcomers waiting for seconds, even for the answer that it is too busy.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

# Taken on one turn, besides the one that libuv takes: less than a millisecond of work.
TOGETHER = 32


class AcceptLoop:
    """Takes connections from the kernel's queues.

    Args:
        listeners: Listening sockets of this process, which do not block.
        make: Makes the protocol of a connection.
    """

    def __init__(self, listeners: Sequence[socket.socket], make: Callable[[], asyncio.Protocol]) -> None:
        self._listeners = listeners
        self._make = make
        self._looking: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """Accept, in the next iteration, the connections that came with one."""
        if self._looking is None and self._listeners:
            self._looking = asyncio.get_running_loop().call_soon(self._take)

    def stop(self) -> None:
        """Take no more."""
        self._listeners = ()

    def _take(self) -> None:
        self._looking = None
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            for _ in range(TOGETHER):
                try:
                    connection, _ = listener.accept()
                except OSError:  # nobody waits, or there are too many open files, which the loop sees to
                    break
                task = loop.create_task(_connect(loop.connect_accepted_socket(self._make, connection)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


async def _connect(connecting: Coroutine[Any, Any, object]) -> None:
    try:
        await connecting
    except OSError:
        return  # it has gone already
