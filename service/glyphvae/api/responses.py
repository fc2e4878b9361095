"""Responses: their headers, and JSON and arrays as their content."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import orjson
from numpy import generic
from numpy.typing import NDArray

from glyphvae.api.head import RawHeaders
from glyphvae.formats.npy import npy_bytes
from glyphvae.formats.registry import JSON, NPY, PDF, PICTURES, SVG
from glyphvae.scheduling.steps import Program

# Glyphs that become JSON at a time, in a millisecond or two.
JSON_BLOCK = 128


class Body(NamedTuple):
    """The body of a request.

    Attributes:
        content: All of it.
        content_type: Its `Content-Type`, empty where there is none.
    """

    content: bytes
    content_type: str


NO_BODY = Body(b"", "")


class Headers:
    """Response headers, for many responses or for one.

    Args:
        pairs: Names in lower case, and values.

    Attributes:
        pairs: As there.
    """

    def __init__(self, pairs: RawHeaders) -> None:
        self.pairs = pairs
        self._lines = b""

    @property
    def lines(self) -> bytes:
        """The headers as lines, each with its end."""
        if not self._lines:
            self._lines = lines(self.pairs)
        return self._lines


# Of responses that are not determined by their address.
NOT_STORED = Headers([(b"cache-control", b"no-store")])


@dataclass(slots=True)
class Result:
    """A response, but for what the server adds.

    Attributes:
        model: Name and version of the model that made it.
        headers: Its headers.
        media: The media type of its content.
        content: The content, or the first piece of it.
        more: Programs that make the other pieces, one after the other; an empty piece ends the response too.
        extra: More headers.
        length: Bytes of the whole content, None where that is not known when the response begins.
    """

    model: str
    headers: Headers
    media: str
    content: bytes
    more: Iterator[Program[bytes]] | None = None
    extra: Sequence[tuple[bytes, bytes]] = ()
    length: int | None = None


def lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return headers as lines, each with its end."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def headers_of(model: str, **more: object) -> Headers:
    """Return the headers of a response; `more` become `Glyphvae-*` ones, those that are None left out.

    Args:
        model: Name and version of the model that made it.
        more: Names in snake case.
    """
    pairs = [(b"glyphvae-model", model.encode()), (b"vary", b"Accept")]
    pairs += [(_header(name), str(value).encode()) for name, value in more.items() if value is not None]
    return Headers(pairs)


@cache
def _header(name: str) -> bytes:
    return f"glyphvae-{name.replace('_', '-')}".encode()


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Return a JSON object; NumPy arrays in it become lists."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def json_result(model: str, headers: Headers, content: Mapping[str, Any]) -> Result:
    """Return a JSON object as a response."""
    return Result(model, headers, JSON, json_bytes(content))


def npy_result(model: str, headers: Headers, array: NDArray[generic]) -> Result:
    """Return an array as a response in NumPy's `.npy` format."""
    return Result(model, headers, NPY, npy_bytes(array))


def json_list_result(
    model: str, headers: Headers, content: Mapping[str, Any], name: str, blocks: Sequence[Program[Sequence[Any]]]
) -> Program[Result]:
    """Make a response of a JSON object whose last member is a list.

    The writer of JSON lets nothing else run, so a long list is written and sent in pieces.

    Args:
        model: Name and version of the model that made it.
        headers: Headers of the response.
        content: The other members, at least one.
        name: Name of the list.
        blocks: Programs that make the list, `JSON_BLOCK` items each; NumPy arrays in them become lists.
    """
    if len(blocks) <= 1:
        items = (yield from blocks[0]) if blocks else []
        return json_result(model, headers, {**content, name: items})
    beginning = json_bytes(content)[:-1] + b"," + orjson.dumps(name) + b":["
    first, *others = blocks
    piece = yield from _json_piece(beginning, first, b"")
    ends = [b""] * (len(others) - 1) + [b"]}"]
    more = (_json_piece(b",", block, end) for block, end in zip(others, ends, strict=True))
    return Result(model, headers, JSON, piece, more)


def _json_piece(before: bytes, block: Program[Sequence[Any]], after: bytes) -> Program[bytes]:
    items = yield from block
    return b"".join((before, orjson.dumps(items, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1], after))


def structured_list(numbers: Iterable[float]) -> str:
    """Return numbers as a list in an HTTP header (RFC 9651), three decimals each."""
    return ", ".join([f"{number:.3f}" for number in numbers])


def documented_response(
    schema: str,
    example: Mapping[str, Any],
    picture: str | None,
    array: str,
    more: Mapping[str, str] | None = None,
    *,
    pages: bool = False,
) -> dict[str, Any]:
    """Return the OpenAPI response 200 of an endpoint.

    Args:
        schema: Name of the component that describes the JSON.
        example: An example of it.
        picture: The meaning of the picture, None where the endpoint makes none.
        array: Shape and type of the `.npy`.
        more: Headers of this endpoint alone, each with its meaning.
        pages: Whether it makes PDF too.
    """
    content: dict[str, Any] = {
        JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example},
        NPY: {"schema": {"type": "string", "format": "binary", "description": array}},
    }
    if picture is not None:
        pictures = {
            media: {"schema": {"type": "string", "format": "binary", "description": picture}} for media in PICTURES
        }
        vector = {"type": "string", "description": f"{picture} Of models that draw strokes."}
        content = pictures | {SVG: {"schema": vector}} | content
        if pages:
            content[PDF] = {"schema": vector | {"format": "binary"}}
    meanings = {
        "Glyphvae-Model": "Name and version of the model, `cvae/1`.",
        "Vary": "`Accept`: the format depends on it.",
        "Cache-Control": "`no-store`; of `GET` with a seed, how long it may be kept, and there is an `ETag`.",
    }
    return {
        "description": "The response, in the format that `Accept` prefers.",
        "content": content,
        "headers": _documented_headers(meanings | dict(more or {})),
    }


def documented_file(description: str, kinds: Iterable[str]) -> dict[str, Any]:
    """Return the OpenAPI response 200 of an endpoint that makes a file.

    Args:
        description: Of the response.
        kinds: The media types that the file may have.
    """
    meanings = {
        "Glyphvae-Model": "Name and version of the model, `pen/1`.",
        "Glyphvae-Seed": "The seed that reproduces the file.",
        "Content-Disposition": "A name for the file.",
    }
    return {
        "description": description,
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in kinds},
        "headers": _documented_headers(meanings),
    }


def _documented_headers(meanings: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in meanings.items()}
