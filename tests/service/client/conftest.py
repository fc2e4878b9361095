"""Fixtures: a client of each kind."""

from collections.abc import AsyncIterator, Iterator

import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.client import AsyncClient, Client
from tests.service.processes import Server
from tests.service.support import caller


@pytest.fixture
def sync_client(real_server: Server) -> Iterator[Client]:
    with Client(real_server.url) as client:
        yield client


@pytest.fixture
async def async_client(context: Context) -> AsyncIterator[AsyncClient]:
    async with AsyncClient("http://glyphvae", http=caller(create_app(context))) as client:
        yield client
