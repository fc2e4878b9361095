import httpx
from fastapi import FastAPI

from glyphvae.api.context import Context, Running


async def test_a_handler_gets_the_applications_own_context(context: Context) -> None:
    app = FastAPI()
    app.state.context = context
    received: list[Context] = []

    @app.get("/")
    async def handler(running: Running) -> None:
        received.append(running)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://glyphvae") as client:
        await client.get("/")
    assert received == [context]
