"""Answers in pieces."""

from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse


async def streamed(pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> StreamingResponse:
    """An answer of which only the first piece is there yet.

    A full queue, a model that fails and a deadline show with the first piece, when the status can still say so.

    Args:
        pieces: At least one.
        media_type: Of the whole.
        headers: Of the answer.

    Raises:
        Problem: What the first piece raises.
    """
    first = await anext(pieces)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(whole(), media_type=media_type, headers=dict(headers))
