"""The same request gets the same response, whichever way it comes.

Requests are generated: every endpoint, valid and invalid parameters, headers and bodies, under every setting that
limits a request, each lowered in turn. Each request goes through the server's own connections, through plain uvicorn,
into the application mounted in another one, and into one that was extended with middleware, so that FastAPI routes it.
"""

import asyncio
import io
import json
import random
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from PIL import Image
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.models.registry import load_registry
from glyphvae.server.connection import Connection, State
from glyphvae.settings import Settings
from tests.known_model import decoder, write_model
from tests.service.support import known_hand, npy

EACH = 80  # requests under each setting, four ways each
KEY = "glyphvae_known"
SERIES = "0123456789ab"
ORIGIN = "https://example.org"
PREFIX = "/writing"

# What every response has of its own.
VOLATILE = {"date", "server", "server-timing", "x-request-id", "connection", "transfer-encoding"}

# Each limit below what some requests need.
LOWERED: dict[str, dict[str, Any]] = {
    "defaults": {},
    "keys": {"keys": "keys"},
    "cors": {"cors_origins": ORIGIN},
    "max_output_pixels": {"max_output_pixels": 1000},
    "max_samples": {"max_samples": 2},
    "max_dataset": {"max_dataset": 2},
    "max_text_length": {"max_text_length": 3},
    "max_images": {"max_images": 1},
    "max_image_pixels": {"max_image_pixels": 784},
    "max_total_pixels": {"max_total_pixels": 784},
    "max_body_bytes": {"max_body_bytes": 1024},
    "max_json_bytes": {"max_json_bytes": 1024},
    "max_json_depth": {"max_json_depth": 4},
    "max_headers": {"max_headers": 16},
    "max_header_bytes": {"max_header_bytes": 4096},
    "max_query_bytes": {"max_query_bytes": 256},
    "max_queued_bytes": {"max_queued_bytes": 2000},
    "max_held_bytes": {"max_held_bytes": 1 << 20},
    "request_timeout": {"request_timeout": 30},
}


def _image(form: str, side: int = 28, mode: str = "L") -> bytes:
    pixels = np.full((side, side), 255, np.uint8)
    pixels[side // 4 : side // 2, side // 4 : side // 2] = 20
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, form)
    return file.getvalue()


def _form(*files: bytes, name: str = "file") -> bytes:
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"; filename="a"\r\n\r\n%b\r\n' % (name.encode(), file)
        for file in files
    )
    return parts + b"--b--\r\n"


PNG = _image("PNG")
IMAGES: list[tuple[str, bytes]] = [
    ("image/png", PNG),
    ("", PNG),
    ("image/png", _image("PNG", 60)),
    ("image/jpeg", _image("JPEG", 40, "RGB")),
    ("image/webp", _image("WEBP", 300, "RGB")),
    ("application/x-npy", npy(np.full((2, 28, 28), 119, np.uint8))),
    ("application/x-npy", npy(np.full((28, 28), 119, np.uint8))),
    ("application/octet-stream", npy(np.full((3, 28, 28), 2.0, np.float32))),
    ("image/png", PNG[:-20]),
    ("image/png", b"\x89PNG and nothing else"),
    ("text/plain", b"no image"),
    ("image/png", b""),
    ("multipart/form-data; boundary=b", _form(PNG)),
    ("multipart/form-data; boundary=b", _form(PNG, PNG)),
    ("multipart/form-data; boundary=b", _form()),
    ("multipart/form-data", _form(PNG)),
    ("image/png", PNG + bytes(20_000)),
    ("application/json", b'{"image": "%b"}' % b64encode(PNG)),
    ("application/json", b'{"images": ["data:image/png;base64,%b", "?"]}' % b64encode(PNG)),
    ("text/plain", b'{"image": ""}'),
    ("text/plain", b"data:image/png;base64," + b64encode(PNG)),
]
HAND = known_hand(0.5, -1)
TEXTS: list[Any] = [
    {"text": "AB", "seed": 1},
    {"text": "Hello", "seed": 2, "variation": 0, "scale": 3, "ink": "navy", "paper": "transparent"},
    {"text": "Hé", "unknown": "skip", "seed": 3},
    {"text": "Hé"},
    {"text": "A B C D", "seed": 4, "width": 60, "align": "justify"},
    {"text": "WW", "seed": 4, "width": 28, "margin": 14},
    {"text": "A" * 90, "seed": 5},
    {"text": ""},
    {"text": "A", "z": [0.5] * 9},
    {"text": "A", "hand": HAND, "seed": 1},
    {"text": "A", "hand": HAND, "model": "vae"},
    {"text": "A", "model": "vae"},
    {"text": "A", "model": "gan"},
    {"text": "A", "seed": 1, "beta": 10},
    {"text": "A", "seed": 1, "beta": 7},
    {"text": "A", "unheard": 1},
    {"text": [[[[[["A"]]]]]]},
    ["A"],
    None,
]
DATASETS: list[Any] = [
    {"count": 2, "seed": 1},
    {"count": 3, "seed": 2, "format": "idx", "test": 1},
    {"count": 2, "seed": 3, "format": "webdataset", "labels": {"A": 2, "B": 1}},
    {"count": 2, "seed": 4, "labels": ["?"]},
    {"count": 2, "seed": 4, "hand": HAND},
    {"count": 2, "seed": 4, "hand": 7},
    {"count": 2, "seed": 1, "beta": 10},
    {"count": 2, "seed": 1, "beta": "x"},
    {"count": 0},
    {"count": 3001, "seed": 5},
    {"count": 2, "test": 3, "format": "idx"},
]
TENSORS: list[Any] = [
    {"inputs": [{"name": "z", "datatype": "FP32", "shape": [1, 6], "data": [0, 0, 0, 0, 0, 0]}]},
    {
        "inputs": [
            {"name": "z", "datatype": "FP32", "shape": [1, 6], "data": [0, 1, 0, 0, 0, 0]},
            {"name": "label", "datatype": "INT64", "shape": [1, 1], "data": [19]},
        ]
    },
    {"inputs": []},
]

# Values of each query parameter, those that are not allowed among them.
VALUES: dict[str, list[str]] = {
    "label": ["J", "19", "0", "a", "36", "", "JJ"],
    "labels": ["all", "letters", "digits", "JK", "J", "a", ""],
    "n": ["1", "2", "3", "200", "0", "x"],
    "z": ["0.5", "1,,-1", "99", "0,0,0,0,0,0,0", "x", ""],
    "temperature": ["0", "0.5", "1", "11", "nan"],
    "columns": ["1", "2", "0"],
    "scale": ["1", "2", "4", "64", "65"],
    "ink": ["black", "navy", "#12f", "blot"],
    "paper": ["white", "transparent", "rgb(1,2,3)", "x"],
    "model": ["cvae", "vae", "gan"],
    "top": ["1", "3", "0"],
    "beta": ["10", "1e0", "7", "0", "nan", "x"],
    "hand": [HAND, HAND, HAND[:-1], "", "x" * 129],
    "preprocess": ["auto", "none", "some"],
    "latent": ["1", "2", "7", "0"],
    "start": ["-1", "-11"],
    "stop": ["1", "x"],
    "method": ["linear", "spherical", "round"],
    "unheard": ["1"],
}
_LOOK = ["scale", "ink", "paper", "model", "beta", "unheard"]
QUERIES: dict[str, list[str]] = {
    "/generate": ["label", "label", "labels", "n", "z", "hand", "temperature", "columns", *_LOOK],
    "/encode": ["label", "labels", "preprocess", "model", "beta", "top", "unheard"],
    "/hand": ["label", "label", "labels", "preprocess", "model", "beta", "unheard"],
    "/read": ["labels", "top", "model", "beta", "unheard"],
    "/reconstruct": ["label", "labels", "preprocess", *_LOOK],
    "/interpolate": ["label", "label", "labels", "z", "hand", "n", "method", "temperature", *_LOOK],
    "/traverse": ["label", "latent", "latent", "n", "z", "hand", "start", "stop", *_LOOK],
    "/render-text": [],
    "/dataset": [],
    "/v2/models/cvae-decoder/infer": [],
    "/v2/models/vae-decoder/versions/1/infer": [],
    "/v2/models/gan/infer": [],
    "/models/gan": [],
    "/nowhere": [],
    "/generate/": ["label"],
    "/livez": [],
}
BODIES: dict[str, list[Any]] = {
    "/render-text": TEXTS,
    "/dataset": DATASETS,
    "/v2/models/cvae-decoder/infer": TENSORS,
    "/v2/models/vae-decoder/versions/1/infer": TENSORS,
    "/v2/models/gan/infer": TENSORS,
}
ACCEPTS = ["", "*/*", "image/png", "image/webp", "application/json", "application/x-npy", "image/gif", "text/html"]
# Longer than any request takes, or not allowed.
TIMEOUTS = ["60", "59.5", "1000", "abc", "0", "-1", "nan"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the known models, the conditional one at two betas."""
    folder = tmp_path_factory.mktemp("exported")
    write_model(folder, "cvae", series=SERIES, config={"hand_size": 2})
    write_model(folder, "cvae-beta-10", files={"decoder": decoder(base=110)}, series=SERIES, beta=10.0)
    write_model(folder, "vae", conditional=False)
    return folder


@dataclass(frozen=True)
class Sent:
    """A request.

    Attributes:
        method: Its method.
        path: Its path.
        query: Its query string.
        headers: Its headers, but for those that say how long the body is.
        body: Its body.
        in_chunks: Whether the body is sent in chunks.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    in_chunks: bool

    def bytes(self, prefix: str = "") -> bytes:
        """Return it as HTTP."""
        target = f"{prefix}{self.path}{'?' if self.query else ''}{self.query}"
        framing = [("Transfer-Encoding", "chunked")] if self.in_chunks else [("Content-Length", str(len(self.body)))]
        lines = [f"{name}: {value}\r\n" for name, value in [("Host", "glyphvae"), *self.headers, *framing]]
        head = f"{self.method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")
        if not self.in_chunks:
            return head + self.body
        chunk = b"%x\r\n%b\r\n" % (len(self.body), self.body) if self.body else b""
        return head + chunk + b"0\r\n\r\n"


def generated(rng: random.Random, count: int) -> list[Sent]:
    """Return requests; the same generator gives the same ones."""
    return [_request(rng) for _ in range(count)]


def _request(rng: random.Random) -> Sent:
    path = rng.choice(list(QUERIES))
    names = rng.sample(QUERIES[path], rng.randint(0, min(3, len(QUERIES[path])))) if QUERIES[path] else []
    pairs = [(name, _value(rng, name)) for name in names]
    if path in {"/generate", "/interpolate", "/traverse"}:
        # Without a seed no two responses are alike.
        pairs += [("seed", rng.choice(["7", "7", "7", "-1", "x", "9007199254740992"]))]
    if path == "/traverse" and rng.random() < 0.9:
        pairs.append(("latent", "1"))
    if path == "/generate" and rng.random() < 0.8:
        pairs.append(("label", rng.choice("JAB")))
    headers = [("Accept", accept)] if (accept := rng.choice(ACCEPTS)) else []
    kind, body = _body(rng, path)
    headers += [("Content-Type", kind)] if kind else []
    headers += _rare_headers(rng)
    usual = rng.choice(["POST", "GET"]) if path == "/generate" else "POST"
    method = usual if rng.random() < 0.95 else rng.choice(["GET", "HEAD", "OPTIONS", "DELETE"])
    query = urlencode(pairs) + rng.choice([""] * 30 + ["&x" * 150, "&seed=8"])
    return Sent(method, path, query, headers, body, in_chunks=bool(body) and rng.random() < 0.2)


def _value(rng: random.Random, name: str) -> str:
    allowed = VALUES[name]
    # Half are the first, which is allowed, or else most requests would fail.
    return allowed[0] if rng.random() < 0.5 else rng.choice(allowed)


def _body(rng: random.Random, path: str) -> tuple[str, bytes]:
    if path in BODIES:
        kind = rng.choice(["application/json"] * 8 + ["text/plain", ""])
        content = json.dumps(rng.choice(BODIES[path])).encode()
        return kind, rng.choice([content] * 12 + [content[:-1], b"", b"\xff", content + b" " * 2000])
    if path in {"/encode", "/hand", "/read", "/reconstruct"} or (path == "/interpolate" and rng.random() < 0.5):
        return rng.choice(IMAGES)
    return "", b""


def _rare_headers(rng: random.Random) -> list[tuple[str, str]]:
    rare = {
        "X-Request-Timeout": (rng.choice(TIMEOUTS), 0.15),
        "X-Request-ID": (rng.choice(["mine-1", "not ours!"]), 0.1),
        "Origin": (rng.choice([ORIGIN, "https://other.example"]), 0.15),
        "Authorization": (rng.choice([f"Bearer {KEY}"] * 6 + ["Bearer wrong", "Basic x"]), 0.6),
        "Access-Control-Request-Method": ("POST", 0.05),
    }
    headers = [(name, value) for name, (value, share) in rare.items() if rng.random() < share]
    if rng.random() < 0.03:
        headers += [("Content-Type", "application/json"), ("Content-Type", "image/png")]
    if rng.random() < 0.03:
        headers += [(f"X-{index}", "y" * rng.choice([1, 300])) for index in range(20)]
    return headers


class Middleware:
    """ASGI middleware that changes nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self._app(scope, receive, send)


Response = tuple[int, list[tuple[str, str]], bytes]


@asynccontextmanager
async def listening(protocol: Any) -> AsyncIterator[int]:  # noqa: ANN401 (a factory of protocols)
    """Listen on a port of this machine with a protocol of uvicorn's kind."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def plain(app: ASGIApp, protocol: Any = HttpToolsProtocol) -> Any:  # noqa: ANN401 (as there)
    """Return a protocol of uvicorn's own over an application."""
    config = uvicorn.Config(app, ws="none", access_log=False, log_config=None, server_header=False)
    config.load()
    state = ServerState()
    return lambda: protocol(config, state, {})


def own(context: Context) -> Any:  # noqa: ANN401 (as there)
    """Return the server's connections over the application."""
    app = create_app(context)
    config = uvicorn.Config(app, http=Connection, ws="none", access_log=False, log_config=None, server_header=False)
    config.load()
    state = State(context.settings)
    state.front = app.front
    return lambda: Connection(config, state, {})


async def answer(port: int, request: bytes) -> Response:
    """Return the response to a request on a connection that is kept: one to be closed would always go through ASGI."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = [(name.lower(), value) for name, value in (line.split(": ", 1) for line in lines)]
    chunked = ("transfer-encoding", "chunked") in headers
    size = 0 if request.startswith(b"HEAD ") else int(dict(headers).get("content-length", 0))
    body = await (_chunks(reader) if chunked else reader.readexactly(size))
    writer.close()
    return int(status.split()[1]), headers, body


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    joined = b""
    while size := int(await reader.readline(), 16):
        joined += await reader.readexactly(size)
        await reader.readexactly(2)
    return joined


def comparable(request: Sent, response: Response) -> Response:
    """Return the part of a response that must not depend on its way."""
    status, headers, body = response
    names = {name for name, _ in headers}
    kept = [(name, value) for name, value in headers if name not in VOLATILE]
    assert "x-request-id" in names
    if ("X-Request-ID", "mine-1") in request.headers:
        assert ("x-request-id", "mine-1") in headers
    return status, sorted(kept), body


@pytest.mark.parametrize("lowered", list(LOWERED))
async def test_every_way_gives_the_same_response(lowered: str, repository: Path, tmp_path: Path) -> None:
    facts = dict(LOWERED[lowered])
    if "keys" in facts:
        facts["keys"] = tmp_path / "keys"
        digest = sha256(KEY.encode()).hexdigest()
        facts["keys"].write_text(json.dumps({"name": "known", "sha256": digest}), encoding="utf-8")
    settings = Settings(models=repository, default_model="cvae", device="cpu", preload="all", **facts)
    context = Context(settings, load_registry(settings))
    mounted, extended = FastAPI(), create_app(context)
    mounted.mount(PREFIX, create_app(context))
    extended.add_middleware(Middleware)
    statuses: set[int] = set()
    async with AsyncExitStack() as stack:
        ways = {
            "connection": (await stack.enter_async_context(listening(own(context))), ""),
            "uvicorn": (await stack.enter_async_context(listening(plain(create_app(context)))), ""),
            "mounted": (await stack.enter_async_context(listening(plain(mounted))), PREFIX),
            "extended": (await stack.enter_async_context(listening(plain(extended))), ""),
        }
        rng = random.Random(f"{lowered} 1")  # noqa: S311 (the same requests each time)
        for request in generated(rng, EACH):
            got = {
                way: comparable(request, await answer(port, request.bytes(prefix)))
                for way, (port, prefix) in ways.items()
            }
            statuses.add(got["connection"][0])
            for way, response in got.items():
                assert response == got["connection"], f"{way}: {request}"
        for method in ("DELETE", "PUT"):
            for path in ("/generate", "/encode", "/livez", "/docs", "/playground", "/v2/models/cvae-decoder/infer"):
                request = Sent(method, path, "", [("Authorization", f"Bearer {KEY}")], b"", in_chunks=False)
                answers = [await answer(port, request.bytes(prefix)) for port, prefix in ways.values()]
                (allowed,) = {dict(headers)["allow"] for _, headers, _ in answers}
                assert allowed.split(", ") == sorted(allowed.split(", "))
    # Otherwise the requests would show nothing.
    assert {200, 404, 422} <= statuses or (lowered == "keys" and {200, 401} <= statuses), statuses


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
async def test_no_way_takes_a_body_for_a_request(upgrade: str, repository: Path) -> None:
    settings = Settings(models=repository, default_model="cvae", device="cpu")
    context = Context(settings, load_registry(settings))
    mounted, extended = FastAPI(), create_app(context)
    mounted.mount(PREFIX, create_app(context))
    extended.add_middleware(Middleware)
    ways = {
        "connection": (own(context), "", 200),
        "h11": (plain(create_app(context), H11Protocol), "", 200),
        # httptools loses the body.
        "httptools": (plain(create_app(context)), "", 400),
        "mounted": (plain(mounted), PREFIX, 400),
        "extended": (plain(extended), "", 400),
    }
    hidden = b"GET /livez HTTP/1.1\r\nHost: glyphvae\r\n\r\n"
    body = json.dumps({"text": "AB", "seed": 1}).encode()
    headers = [("Connection", "Upgrade"), ("Upgrade", upgrade), ("Content-Type", "application/json")]
    for way, (protocol, prefix, status) in ways.items():
        async with listening(protocol) as port:
            for sent, expected in ((body, status), (hidden, 400)):
                request = Sent("POST", "/render-text", "", headers, sent, in_chunks=False).bytes(prefix)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request.removesuffix(sent))
                await asyncio.sleep(0.01)
                writer.write(sent)
                received = await reader.readuntil(b"\r\n\r\n")
                with suppress(OSError):  # it may be closed already
                    writer.write_eof()
                    received += await reader.read()
                assert received.startswith(b"HTTP/1.1 %d " % expected), way
                assert received.count(b"HTTP/1.1 ") == 1, way
                writer.close()


def test_generated_requests_reach_every_setting() -> None:
    limits = {name for name in Settings.model_fields if name.startswith("max_")}
    # Connections and queues are limited for all requests together.
    assert limits - set(LOWERED) == {"max_connections", "max_queued_requests", "max_queued_rows", "max_unsent_bytes"}
