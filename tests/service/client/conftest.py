"""Fixtures: a client of each kind."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from glyphvae.api.context import Context
from glyphvae.app import create_app
from glyphvae.client import AsyncClient, Client
from tests.service.processes import Server


@pytest.fixture
def sync_client(real_server: Server) -> Iterator[Client]:
    with Client(real_server.url) as client:
        yield client


@pytest.fixture
async def async_client(context: Context) -> AsyncIterator[AsyncClient]:
    transport = httpx.ASGITransport(create_app(context), raise_app_exceptions=False)
    async with AsyncClient("http://glyphvae", http=httpx.AsyncClient(transport=transport)) as client:
        yield client
