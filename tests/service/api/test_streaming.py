from collections.abc import AsyncIterator

import pytest

from glyphvae.api.streaming import streamed


async def test_the_pieces_come_in_order() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one", b"two", b"three"):
            yield piece

    response = await streamed(pieces(), "text/plain", {"X-Size": "11"})
    assert [piece async for piece in response.body_iterator] == [b"one", b"two", b"three"]
    assert response.headers["x-size"] == "11"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_an_error_of_the_first_piece_comes_before_the_answer() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in ("first", "second"):
            yield bytes(int(number))

    with pytest.raises(ValueError, match="'first'"):
        await streamed(pieces(), "text/plain", {})
