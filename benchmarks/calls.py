"""Requests that benchmarks send to servers."""

import http.client
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter

import numpy as np
import orjson
from PIL import Image

JSON = {"Content-Type": "application/json"}
PNG = {"Content-Type": "image/png"}
NPY = {"Accept": "application/x-npy"}
SVG = {"Accept": "image/svg+xml"}
# Twenty characters, seventeen of them glyphs.
TEXT = "QUICK BROWN FOX JUMP"


@dataclass(frozen=True)
class Tail:
    """The end of a path that differs in every request.

    Attributes:
        lua: An expression for wrk; `counter` counts its requests.
        example: One value of it.
    """

    lua: str
    example: str


@dataclass(frozen=True)
class Call:
    """A kind of request.

    Attributes:
        name: Its name in tables.
        path: With the query.
        body: Sent unchanged.
        headers: Beside `Host` and `Content-Length`.
        tail: The varying end of the path, if any.
        method: Of HTTP.
    """

    name: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    tail: Tail | None = None
    method: str = "POST"

    @property
    def example(self) -> str:
        """A complete path of such a request."""
        return self.path + (self.tail.example if self.tail else "")

    def raw(self) -> bytes:
        """Return the request as HTTP/1.1."""
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(self.body))} | self.headers
        lines = [f"{self.method} {self.example} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Answer:
    """A response.

    Attributes:
        status: Of HTTP.
        content: The body.
        seconds: From sending to the last byte.
    """

    status: int
    content: bytes
    seconds: float


def exchange(connection: http.client.HTTPConnection, call: Call) -> Answer:
    """Send one request over a connection and read its response."""
    start = perf_counter()
    connection.request(call.method, call.example, call.body or None, call.headers)
    response = connection.getresponse()
    content = response.read()
    return Answer(response.status, content, perf_counter() - start)


# J, by its number, which every server understands.
GENERATE = Call("generate", "/generate?label=19")
NEW_SEED = Tail('"&seed=" .. counter', "&seed=7")
# Six latents, each new in every request; a model that has more draws the others.
NEW_Z = Tail('"&z=" .. ' + ' .. "," .. '.join(6 * ['string.format("%.3f", math.random() * 2 - 1)']), "&z=0.1,-0.2")


def service_calls(glyph: bytes) -> list[Call]:
    """Return every kind of request to the service; `glyph` is a PNG that the service has written."""
    # The service reads its own files a little faster than those of others, which filter their rows.
    stream = io.BytesIO()
    Image.open(io.BytesIO(glyph)).save(stream, "PNG")
    other = stream.getvalue()
    return [
        GENERATE,
        Call("generate, seed", GENERATE.path, tail=NEW_SEED),
        Call("generate, z", GENERATE.path, tail=NEW_Z),
        Call("encode", "/encode", other, PNG),
        Call("encode, label", "/encode?label=19", other, PNG),
        Call("encode, label, own PNG", "/encode?label=19", glyph, PNG),
        Call("reconstruct", "/reconstruct", other, PNG),
        Call("reconstruct, label", "/reconstruct?label=19", other, PNG),
        text(TEXT),
    ]


def vector_calls() -> list[Call]:
    """Return requests for SVG, which models that draw strokes answer."""
    written = text(TEXT)
    return [
        replace(GENERATE, name="generate, SVG", headers=SVG),
        replace(written, name=f"{written.name}, SVG", headers=JSON | SVG),
    ]


def text(content: str, **more: object) -> Call:
    """Return the request to write a text, with new latents every time."""
    return Call(
        f"render-text, {len(content)} characters", "/render-text", orjson.dumps({"text": content, **more}), JSON
    )


def samples(n: int) -> Call:
    """Return the request for `n` glyphs as an array."""
    return Call(f"generate, n={n}", f"/generate?label=19&n={n}", headers=NPY)


LABELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Images that a mixture chooses from; their combinations with labels and sizes vary further.
PREPARED = 64
# The kinds of a mixture and their paths.
KINDS = {
    "generate": "/generate?label={label}",
    "generate, seed": "/generate?label={label}&seed={number}",
    "encode": "/encode",
    "encode, label": "/encode?label={label}",
    "reconstruct": "/reconstruct?label={label}&scale={scale}",
    "render-text": "/render-text",
    "generate, n=100": "/generate?label={label}&n=100&seed={number}",
    "generate, n=10000": "/generate?label={label}&n=10000&seed={number}",
}
# Weights of the kinds: everything, with few large requests; the same without those of many glyphs; and requests that
# cost more than a refusal.
EVERYTHING = (0.5, 0.2, 0.06, 0.06, 0.06, 0.1, 0.0195, 0.0005)
SMALL = (*EVERYTHING[:6], 0.0, 0.0)
WORK = (0.0, 0.0, 0.15, 0.15, 0.2, 0.3, 0.19, 0.01)


def mixture(seed: int, weights: Sequence[float], limit: int | None = None) -> Iterator[bytes]:
    """Yield requests of many kinds as HTTP/1.1, as many callers together would send them.

    Args:
        seed: Of all random choices.
        weights: Relative frequency of each of `KINDS`.
        limit: Number of requests; None for no end.
    """
    rng = np.random.default_rng(seed)
    pictures = [_picture(rng) for _ in range(PREPARED)]
    share = np.array(weights) / sum(weights)
    names, labels = list(KINDS), list(LABELS)
    for number in count() if limit is None else range(limit):
        kind = names[rng.choice(len(names), p=share)]
        path = KINDS[kind].format(label=rng.choice(labels), number=number, scale=1 + number % 4)
        if kind == "render-text":
            words = "".join(rng.choice([*labels, " "], size=rng.integers(1, 60)))
            yield text(f"A{words}").raw()
        elif kind.startswith("generate"):
            yield Call(kind, path, headers=NPY if kind.endswith("n=10000") else {}).raw()
        else:
            yield Call(kind, path, pictures[rng.integers(PREPARED)], PNG).raw()


def _picture(rng: np.random.Generator) -> bytes:
    """Draw a stroke as a PNG, 28 to 80 pixels wide."""
    side = int(rng.integers(28, 80))
    # One in four is a photograph, whose paper has to be told from its ink.
    pixels = rng.integers(0, 20 if rng.integers(4) == 0 else 1, (side, side), dtype=np.uint8)
    column = int(rng.integers(side // 4, side // 2))
    pixels[side // 5 : -(side // 5), column : column + side // 8] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
