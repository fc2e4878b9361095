"""What the tests of both desks share: a server that tells what it answered without a task, and who asks a desk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from glyphvae.server.server import Server
from glyphvae.web.desk import Answer
from glyphvae.web.express import _Delivery
from tests.service.server.test_server import serving

Served = tuple[Server, list[int]]


def request(target: str, body: bytes, kind: str, *headers: str) -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: glyphvae", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    return "\r\n".join([*lines, "X-Request-ID: mine", *headers, "", ""]).encode() + body


@asynccontextmanager
async def watched(repository: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> AsyncIterator[Served]:
    """A server, and the rows of each answer that it gave without a task."""
    rows: list[int] = []
    send = _Delivery.send

    def sending(delivery: _Delivery, answer: Answer) -> None:
        rows.append(answer.work.rows)
        send(delivery, answer)

    monkeypatch.setattr(_Delivery, "send", sending)
    async with serving(repository, preload="all", **settings) as server:
        yield server, rows


class Left:
    """A customer that has left."""

    def has_left(self) -> bool:
        return True

    def send(self, _: Answer) -> None:
        raise AssertionError

    def start_over(self) -> None:
        raise AssertionError
