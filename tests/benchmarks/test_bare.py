import io

import httpx
import pytest
from PIL import Image

from benchmarks.servers.bare import SMALLEST, app, png_of


@pytest.mark.parametrize("size", [SMALLEST, 300, 12_345])
def test_a_png_of_the_size_asked_for(size: int) -> None:
    content = png_of(size)
    assert len(content) == size
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.size == (1, 1)


def test_no_png_is_smaller_than_the_smallest() -> None:
    assert len(png_of(1)) == SMALLEST


async def test_any_request_is_answered_with_as_many_bytes_as_its_query_says() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bare") as client:
        answer = await client.post("/anything?300", content=b"body")
        other = await client.get("/?400")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert (len(answer.content), len(other.content)) == (300, 400)
