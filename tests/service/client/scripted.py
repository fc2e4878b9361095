"""A server that says what it is told to, byte by byte: what a broken network looks like."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Scripted:
    """One answer a connection, and the end of it.

    Args:
        answers: What is sent on each connection before it is closed; the last one is repeated.
        stall: Send half of an answer, and neither the rest nor an end while this lives.
    """

    def __init__(self, answers: Sequence[bytes], stall: bool) -> None:
        self._answers = answers
        self._stall = stall
        self._over = threading.Event()
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                request = connection.recv(1 << 16)
                if not request:
                    return
                self.requests.append(request)
                answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
                connection.sendall(answer[: len(answer) // 2] if self._stall else answer)
                if self._stall:
                    self._over.wait()

    def close(self) -> None:
        self._over.set()
        # An empty request ends it.
        host, port = self._socket.getsockname()
        socket.create_connection((host, port)).close()
        self._thread.join()
        self._socket.close()


@contextmanager
def scripted(*answers: bytes, stall: bool = False) -> Iterator[Scripted]:
    server = Scripted(answers, stall)
    try:
        yield server
    finally:
        server.close()


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body
