"""Answers: pictures, JSON and arrays, each with the headers that every answer carries."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from fastapi import Response
from numpy import generic, uint8
from numpy.typing import NDArray

from glyphvae.api.negotiate import JSON, NPY, PNG
from glyphvae.api.parameters import value_of
from glyphvae.api.streaming import streamed
from glyphvae.errors import InvalidParameter
from glyphvae.formats import grid, npy, png
from glyphvae.formats.colours import Colour, parse_ink, parse_paper
from glyphvae.scheduling.offload import offload

Headers = dict[str, str]

# A picture of more pixels takes longer to compress than a thread takes to wake.
LARGE_PICTURE = 1 << 16
# Glyphs that become JSON at a time, in a millisecond or two.
JSON_BLOCK = 128


@dataclass(frozen=True)
class Style:
    """How a picture is shown.

    Attributes:
        scale: Picture pixels per glyph pixel.
        ink: Colour of the ink.
        paper: Colour of the paper, None where transparent.
    """

    scale: int
    ink: Colour
    paper: Colour | None

    @classmethod
    def parse(cls, where: str, scale: int, ink: str, paper: str) -> "Style":
        """The style that a request's parameters ask for.

        Args:
            where: Where they stood, `query` or `body`.
            scale: As `Style.scale`.
            ink: A colour in words.
            paper: A colour in words, or `transparent`.

        Raises:
            InvalidParameter: A colour is none.
        """
        return cls(scale, value_of(f"{where}.ink", parse_ink, ink), value_of(f"{where}.paper", parse_paper, paper))

    def show(self, pixels: NDArray[uint8]) -> bytes:
        """`pixels` (height, width), already enlarged, as a PNG."""
        return png.encode(pixels, self.ink, self.paper)


def headers(model: str, **more: object) -> Headers:
    """The headers of an answer; `more` become `Glyphvae-*` ones, those that are None left out.

    Args:
        model: Name and version of the model that answered.
        more: Names in snake case.
    """
    named = {"Glyphvae-Model": model, "Vary": "Accept", "Cache-Control": "no-store"}
    named |= {
        f"Glyphvae-{name.replace('_', '-').title()}": str(value) for name, value in more.items() if value is not None
    }
    return named


def check_picture(field: str, width: int, height: int, limit: int) -> None:
    """Refuse a picture over the limit before any work is done.

    Raises:
        InvalidParameter: It has more than `limit` pixels.
    """
    if width * height > limit:
        raise InvalidParameter.of(
            field,
            f"the picture would have {width}×{height} pixels",
            f"at most {limit} pixels; a smaller scale, or less to show",
        )


async def glyphs_picture(pixels: NDArray[uint8], rows: int, columns: int, style: Style) -> bytes:
    """Glyphs (n, 28, 28) as one PNG: the glyph itself, or a sheet of them."""
    size = rows * columns * pixels[0].size * style.scale**2
    return await offload(size, LARGE_PICTURE, _glyphs_picture, pixels, rows, columns, style)


def _glyphs_picture(pixels: NDArray[uint8], rows: int, columns: int, style: Style) -> bytes:
    whole = pixels[0] if len(pixels) == 1 else grid.compose(pixels, rows, columns)
    return style.show(grid.upscale(whole, style.scale))


def png_answer(content: bytes, extra: Headers) -> Response:
    """A finished PNG as an answer."""
    return Response(content, media_type=PNG, headers=extra)


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """A JSON object; NumPy arrays in it become lists."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def json_answer(content: Mapping[str, Any], extra: Headers) -> Response:
    """A JSON object as an answer, as `json_bytes` writes it."""
    return Response(json_bytes(content), media_type=JSON, headers=extra)


async def json_list_answer(
    content: Mapping[str, Any], name: str, blocks: AsyncIterator[Sequence[Any]], total: int, extra: Headers
) -> Response:
    """A JSON object as an answer, the last member of which is a long list.

    The writer of JSON lets nothing else run, so what is long is written and sent in pieces.

    Args:
        content: The other members, at least one.
        name: Of the list.
        blocks: The list, in pieces of about `JSON_BLOCK`; NumPy arrays in them become lists.
        total: How long the list is.
        extra: Headers.
    """
    pieces = _json_pieces(content, name, blocks)
    if total > JSON_BLOCK:
        return await streamed(pieces, JSON, extra)
    return Response(b"".join([piece async for piece in pieces]), media_type=JSON, headers=extra)


async def _json_pieces(
    content: Mapping[str, Any], name: str, blocks: AsyncIterator[Sequence[Any]]
) -> AsyncIterator[bytes]:
    before = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)[:-1] + b"," + orjson.dumps(name) + b":["
    async for block in blocks:
        yield before + orjson.dumps(block, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        before = b","
        await asyncio.sleep(0)  # others' turn
    yield b"]}" if before == b"," else before + b"]}"


async def in_blocks(items: Iterable[Any]) -> AsyncIterator[Sequence[Any]]:
    """Items in pieces for `json_list_answer`."""
    iterator = iter(items)
    while block := list(islice(iterator, JSON_BLOCK)):
        yield block


def npy_answer(array: NDArray[generic], extra: Headers) -> Response:
    """An array as an answer in NumPy's `.npy` format."""
    return Response(npy.npy_bytes(array), media_type=NPY, headers=extra)


def structured_list(numbers: Iterable[float]) -> str:
    """Numbers as a list in an HTTP header (RFC 9651), three decimals each."""
    return ", ".join(f"{number:.3f}" for number in numbers)


def documented_answer(
    schema: str, example: Mapping[str, Any], picture: str | None, array: str, more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The OpenAPI response 200 of an endpoint.

    Args:
        schema: Name of the component that describes the JSON.
        example: An example of it.
        picture: What the PNG shows, None where the endpoint makes none.
        array: Shape and type of the `.npy`.
        more: Headers of this endpoint alone, each with its meaning.
    """
    content: dict[str, Any] = {
        JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example},
        NPY: {"schema": {"type": "string", "format": "binary", "description": array}},
    }
    if picture is not None:
        content = {PNG: {"schema": {"type": "string", "format": "binary", "description": picture}}} | content
    meanings = {
        "Glyphvae-Model": "Name and version of the model, `cvae/1`.",
        "Vary": "`Accept`: the format depends on it.",
        "Cache-Control": "`no-store`",
    }
    return {
        "description": "The answer, in the format that `Accept` prefers.",
        "content": content,
        "headers": {
            name: {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in (meanings | dict(more or {})).items()
        },
    }
