"""Handwriting without a server: the service's operations in this process."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import httpx

from glyphvae.api.context import Context
from glyphvae.api.head import RawHeaders, RequestHead, RequestHeaders
from glyphvae.api.responses import Body, Result
from glyphvae.application import OPERATIONS
from glyphvae.client import calls
from glyphvae.client.call import Call, Response
from glyphvae.client.options import (
    Drawing,
    DrawingPicture,
    Encoding,
    FontOptions,
    Labels,
    Previewed,
    ReadingHand,
    ReadingLines,
    TextPicture,
)
from glyphvae.client.results import Encodings, Font, Glyphs, Hand, Picture, ReadText, Reconstructions
from glyphvae.errors import NotFound
from glyphvae.models.registry import load_registry
from glyphvae.operations.base import Operation
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import load_settings

if TYPE_CHECKING:
    from glyphvae.client.bodies import Images

Answer = TypeVar("Answer")


class Writer:
    """The service's models without HTTP, with the methods, options and results of `glyphvae.client.Client`.

        from glyphvae import Writer

        Writer().render("HELLO").save("hello.png")

    Models are loaded once, when it is made, and threads may share it: they take turns.

    Args:
        models: Folder of exported models; the shipped ones by default.
        context: The models and settings of an application in this process, `glyphvae.app.state.context`, to load
            nothing twice; `models` and `settings` have no effect then.
        settings: Settings of the service by name, such as `device="cuda"`; they precede `GLYPHVAE_*` variables.

    Raises:
        StartError: A setting is not allowed, or the models cannot be loaded.
    """

    def __init__(self, models: Path | str | None = None, *, context: Context | None = None, **settings: object) -> None:
        chosen = context.settings if context else load_settings(models=models, **settings)
        # With counts of its own: what it makes is no request of that application.
        own = Context(chosen, context.registry if context else load_registry(chosen))
        self._operations: Mapping[str, Operation[Any]] = {kind.path: kind(own) for kind in OPERATIONS}
        # Operations keep plans and glyphs for the requests that follow, as one thread at a time may.
        self._lock = Lock()

    def render(self, text: str, **options: Unpack[TextPicture]) -> Picture:
        """Render a text in one handwriting, as an image or a document.

        Args:
            text: The text.
            options: See `glyphvae.client.options.TextPicture`.

        Raises:
            Problem: As `POST /render-text` answers.
        """
        return self.send(calls.render_text(text, **options))

    def generate(self, label: Labels = (), **options: Unpack[Drawing]) -> Glyphs:
        """Generate glyphs as an array.

        Args:
            label: A character or its number, or a list of these; empty for `labels`, and for an unconditional model.
            options: See `glyphvae.client.options.Drawing`.

        Raises:
            Problem: As `POST /generate` answers.
        """
        return self.send(calls.generate(label, **options))

    def generate_picture(self, label: Labels = (), **options: Unpack[DrawingPicture]) -> Picture:
        """Generate a glyph, or an image grid of several glyphs, as an image; otherwise like `generate`."""
        return self.send(calls.generate_picture(label, **options))

    def encode(self, images: "Images", **options: Unpack[Encoding]) -> Encodings:
        """Encode images to latents, under a given label or the most likely one.

        Args:
            images: A file as bytes, as a path or opened, a Pillow image, an array of one or more, or a list of these.
            options: See `glyphvae.client.options.Encoding`.

        Raises:
            Problem: As `POST /encode` answers.
        """
        return self.send(calls.encode(images, **options))

    def reconstruct(self, images: "Images", **options: Unpack[Previewed]) -> Reconstructions:
        """Encode and decode images, with reconstruction error, KL and ELBO in nats; otherwise like `encode`."""
        return self.send(calls.reconstruct(images, **options))

    def read(self, images: "Images", **options: Unpack[ReadingLines]) -> ReadText:
        """Read lines of separated characters: text, words and characters, each with its place.

        Args:
            images: As for `encode`.
            options: See `glyphvae.client.options.ReadingLines`.

        Raises:
            Problem: As `POST /read` answers.
        """
        return self.send(calls.read(images, **options))

    def hand(self, images: "Images", label: Labels = (), **options: Unpack[ReadingHand]) -> Hand:
        """Find the hand that wrote letters, for the parameter `hand` of other methods.

        Args:
            images: One letter each, as for `encode`, or lines of letters with `sheet` or `text`.
            label: What the images show, one character for each or one for all; empty to have it found.
            options: See `glyphvae.client.options.ReadingHand`.

        Raises:
            Problem: As `POST /hand` answers.
        """
        return self.send(calls.hand(images, label, **options))

    def font(self, **options: Unpack[FontOptions]) -> Font:
        """Make a font of one hand.

        Args:
            options: See `glyphvae.client.options.FontOptions`.

        Raises:
            Problem: As `POST /font` answers.
        """
        return self.send(calls.font(**options))

    def send(self, call: Call[Answer]) -> Answer:
        """Make any call of an operation from `glyphvae.client.calls`, such as `calls.traverse(1, "J")`.

        Raises:
            NotFound: The call is one that only a server answers, such as `calls.models()`.
            Problem: As the endpoint answers.
        """
        # The request is the client's, down to the bytes, so that it means the same here and there.
        request = httpx.Request(**call.request.arguments())
        operation = self._operations.get(request.url.path)
        if operation is None:
            raise NotFound(f"There is nothing at {request.url.path!r} without a server.")
        headers = RequestHeaders([(name.lower(), value) for name, value in request.headers.raw])
        head = RequestHead(request.method, request.url.path, request.url.query, headers)
        with self._lock:
            result = run_now(operation.run(operation.plan(head), Body(request.read(), headers.content_type)))
            pieces = map(run_now, result.more or ())
            content = b"".join([result.content, *iter(lambda: next(pieces, b""), b"")])  # an empty piece is the last
        return call.result(Response(200, dict(_decoded(result)), content))


def _decoded(result: Result) -> list[tuple[str, str]]:
    pairs: RawHeaders = [*result.headers.pairs, *result.extra, (b"content-type", result.media.encode())]
    return [(name.decode(), value.decode()) for name, value in pairs]
