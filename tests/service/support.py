"""Helpers of the service's tests: read responses, make bodies, hold clocks and threads."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import httpx
import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image
from starlette.types import ASGIApp, Message

from glyphvae.api.context import Context
from glyphvae.errors import MEDIA_TYPE, Problem, ProblemBody
from glyphvae.models.hand_string import write_hand
from glyphvae.models.manifest import File, Manifest
from glyphvae.models.registry import load_registry
from glyphvae.scheduling.deadline import beat, checkpoint
from glyphvae.settings import Settings
from tests.known_model import decoder

JSON = {"accept": "application/json"}
NPY = {"accept": "application/x-npy"}
PNG = {"accept": "image/png"}
SVG = {"accept": "image/svg+xml"}
PDF = {"accept": "application/pdf"}

# Seconds; nothing that is waited for takes as long.
PATIENCE = 60


class Clock:
    """A clock that moves only when it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def spend(self) -> None:
        """Let a second pass."""
        self.now += 1


class Gate:
    """Work for a thread that waits until it is released."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.passed = threading.Event()

    def __call__(self) -> str:
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        checkpoint()
        self.passed.set()
        return "done"


def context_of(folder: Path, **settings: object) -> Context:
    """Load the models of a folder."""
    chosen = Settings(models=folder, device="cpu", **settings)  # type: ignore[arg-type]
    return Context(chosen, load_registry(chosen))


def caller(app: ASGIApp) -> httpx.AsyncClient:
    """Return a client that calls an application in process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://glyphvae")


async def lifespan(app: ASGIApp) -> None:
    """Start and end an application, as a server does it."""
    messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


class Wrong(NamedTuple):
    """A request that is refused, and the words of the refusal."""

    query: str
    content: bytes
    problem: type[Problem]
    field: str | None
    says: str


def expect_problem(
    response: httpx.Response, problem: type[Problem], says: str, field: str | None = None
) -> ProblemBody:
    """Assert that `response` is `problem`, that its words include `says`, and that it names `field`."""
    assert (response.status_code, response.headers["content-type"]) == (problem.status, MEDIA_TYPE), response.text
    body = ProblemBody.model_validate_json(response.content)
    assert (body.type, body.title, body.status) == (problem.urn(), problem.title, problem.status)
    assert says in " ".join([body.detail, *(error.allowed or "" for error in body.errors)])
    assert ("errors" in response.json()) is (field is not None)
    assert field in [error.field for error in body.errors] + [None]
    return body


def picture(content: bytes) -> NDArray[np.uint8]:
    """Return a grey PNG as ink: 0 where it is white, 255 where it is black."""
    image = Image.open(io.BytesIO(content), formats=["PNG"])
    assert image.mode == "L"
    return 255 - np.asarray(image)


def resvg(content: bytes) -> NDArray[np.uint8]:
    """Paint an SVG by resvg, as (height, width, 3) in its own size and on its own paper, or else on black."""
    painted = resvg_py.svg_to_bytes(svg_string=content.decode(), skip_system_fonts=True, dpi=96)
    image = Image.open(io.BytesIO(painted), formats=["PNG"]).convert("RGBA")
    ground = Image.new("RGBA", image.size, "black")
    return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


def percent_apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the mean difference of two pictures of one shape, in percent of the difference of black and white."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean() / 2.55)


def array(response: httpx.Response) -> NDArray[np.generic]:
    """Return the array of a `.npy` response."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-npy"
    loaded: NDArray[np.generic] = np.load(io.BytesIO(response.content), allow_pickle=False)
    return loaded


def npy(values: NDArray[np.generic]) -> bytes:
    """Return an array as a `.npy` file."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def image_file(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """Return grey levels as an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


def known_hand(*latents: float) -> str:
    """Return the string of a hand of the known model."""
    file = File(entry="cvae-decoder", file="cvae-decoder/1/model.onnx", sha256=sha256(decoder()).hexdigest(), bytes=1)
    manifest = Manifest.model_construct(decoder=file)  # type: ignore[call-arg]
    return write_hand(np.array(latents, np.float32), manifest)


def grey(*levels: int) -> NDArray[np.uint8]:
    """Return (n, 28, 28), each glyph of one grey level."""
    return np.repeat(np.array(levels, dtype=np.uint8), 784).reshape(-1, 28, 28)


def expect_bar(ink: NDArray[np.uint8], y: float, scale: int) -> None:
    """Assert that `ink` (28 scale, 28 scale) is the known model's bar at `y`, in units; `y` x `scale` must be whole."""
    top, bottom = int((y - 1) * scale), int((y + 1) * scale)
    assert ink.shape == (28 * scale, 28 * scale)
    assert (ink[top:bottom, 4 * scale : 24 * scale] == 255).all()
    outside = ink.copy()
    outside[top:bottom, 3 * scale : 25 * scale] = 0  # with its round caps
    assert not outside.any()


@contextmanager
def counted_beats() -> Iterator[list[float]]:
    """Yield a list with the time of each checkpoint that this thread passes."""
    beats: list[float] = []
    token = beat.set(lambda: beats.append(monotonic()))
    yield beats
    beat.reset(token)
