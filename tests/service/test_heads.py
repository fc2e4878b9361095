"""Heads of requests, as they arrive at a socket."""

import contextlib
import socket

import pytest

from tests.service.processes import Server

FLOOD = 64 << 20  # bytes; a hundred times what is read


@pytest.fixture
def connection(real_server: Server) -> socket.socket:
    with real_server.client() as client:
        client.get("/livez").raise_for_status()
        host, port = client.base_url.host, client.base_url.port or 0
    return socket.create_connection((host, port), timeout=120)


def flood(connection: socket.socket, beginning: bytes) -> tuple[int, bytes]:
    """How much of an endless head could be sent, and the answer as far as it was there to be read."""
    sent = 0
    answer = b""
    piece = b"a" * (1 << 16)
    with connection:
        with contextlib.suppress(OSError):  # it was closed
            connection.sendall(beginning)
            while sent < FLOOD:
                connection.sendall(piece)
                sent += len(piece)
        with contextlib.suppress(OSError):
            answer = connection.recv(1 << 16)
    return sent, answer


@pytest.mark.parametrize(
    "beginning",
    [b"GET /livez HTTP/1.1\r\nX-Endless: ", b"GET /livez?", b"GET /", b"GET /livez HTTP/1.1\r\n"],
    ids=["header", "query", "path", "name of a header"],
)
def test_an_endless_head_is_not_kept(connection: socket.socket, beginning: bytes) -> None:
    sent, answer = flood(connection, beginning)
    assert sent < FLOOD
    assert not answer or answer.startswith(b"HTTP/1.1 4")


def test_a_head_over_the_limit_is_refused_by_name(connection: socket.socket) -> None:
    with connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 33_000 + b"\r\n\r\n")
        answer = b""
        while b"urn:glyphvae:problem:headers-too-large" not in answer:
            received = connection.recv(1 << 16)
            assert received, answer
            answer += received
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nhelloXX0\r\n\r\n",  # CVE-2025-43859: h11 took any two bytes for the end of a chunk
        b"xyz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
    ],
)
def test_a_broken_chunk_ends_the_connection(connection: socket.socket, body: bytes) -> None:
    """Two servers that read a body differently could be made to see different requests."""
    head = b"POST /encode HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connection:
        connection.sendall(head + body + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b'"live"' not in answer


@pytest.mark.parametrize(
    "extra",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"X: a\nY: b\r\n",
        b"X : a\r\n",
        b"X\0: a\r\n",
    ],
)
def test_an_ambiguous_head_is_refused(connection: socket.socket, extra: bytes) -> None:
    with connection:
        connection.sendall(b"POST /generate?label=J HTTP/1.1\r\nHost: x\r\n" + extra + b"\r\nhello")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 400 ")
