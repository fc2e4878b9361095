"""The loaded models: verified files, ONNX Runtime sessions, and batched calls to them."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.batching import Batcher, Rows
from service.errors import NotReady, StartError, UnknownModel
from service.lane import Lane
from service.manifest import Manifest, read_manifest, read_verified
from service.runtime import Runtime, choose_runtime, first_line
from service.settings import Settings
from service.telemetry import Telemetry
from service.wording import quoted

logger = logging.getLogger("glyphvae")

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Pixels = NDArray[np.uint8]

# Where a model fails for a moment, as a GPU out of memory does, it is worth asking again.
RETRY = {"Retry-After": "5"}


class Model:
    """One model, ready to run.

    Args:
        manifest: Its facts.
        encoder: Its encoder, serialised ONNX.
        decoder: Its decoder, serialised ONNX.
        runtime: Where it runs.
        worker: Runs large calls.

    Raises:
        StartError: A file does not load, or one inference through it fails.
    """

    def __init__(self, manifest: Manifest, encoder: bytes, decoder: bytes, runtime: Runtime, worker: Lane) -> None:
        self.manifest = manifest
        self.device = runtime.device
        self._encoder = runtime.session(encoder, manifest.encoder.file)
        self._decoder = runtime.session(decoder, manifest.decoder.file)
        self._decode = Batcher(self._run_decoder, worker, manifest.name)
        self._decode_logits = Batcher(self._run_decoder_logits, worker, manifest.name)
        self._encode = Batcher(self._run_encoder, worker, manifest.name)
        self.run_once()

    @property
    def title(self) -> str:
        """Name and version, as answers state them."""
        return f"{self.manifest.name}/{self.manifest.version}"

    @property
    def backlog(self) -> int:
        """Rows of small calls that wait for the next batches."""
        return self._decode.queued + self._decode_logits.queued + self._encode.queued

    def report_to(self, telemetry: Telemetry) -> None:
        """Count waits and runs there."""
        for batcher in (self._decode, self._decode_logits, self._encode):
            batcher.telemetry = telemetry

    async def decode(self, z: Floats, labels: Labels) -> Pixels:
        """Glyphs (n, 28, 28) of latents (n, latent) under labels (n,); an unconditional model ignores the labels."""
        (pixels,) = await self._decode(z, labels)
        return pixels

    def decode_now(self, z: Floats, labels: Labels) -> Pixels:
        """As `decode`, at once and in this thread."""
        (pixels,) = self._run_decoder((z, labels))
        return pixels

    async def decode_logits(self, z: Floats, labels: Labels) -> tuple[Pixels, Floats]:
        """As `decode`, with the log odds of ink beside the pixels, (n, 28, 28) float32."""
        pixels, logits = await self._decode_logits(z, labels)
        return pixels, logits

    async def encode(self, pixels: Pixels, labels: Labels) -> tuple[Floats, Floats]:
        """`mu` and `logvar` of q(z|x, label), each (n, latent) float32, of glyphs (n, 28, 28)."""
        mu, logvar = await self._encode(pixels, labels)
        return mu, logvar

    def run_once(self) -> None:
        """Send one blank glyph through encoder and decoder.

        Raises:
            StartError: They do not run, or answer in another shape or type than the manifest promises.
        """
        size = self.manifest.latent_size
        label = np.zeros(1, dtype=np.int64)
        try:
            mu, logvar = self._run_encoder((np.zeros((1, 28, 28), dtype=np.uint8), label))
            pixels, logits = self._run_decoder_logits((mu, label))
        except NotReady as problem:
            raise StartError(f"model {self.manifest.name!r} does not run: {first_line(problem.__cause__)}") from None
        answers = {"mu": mu, "logvar": logvar, "pixels": pixels, "logits": logits}
        promised = {"mu": (1, size), "logvar": (1, size), "pixels": (1, 28, 28), "logits": (1, 28, 28)}
        for name, array in answers.items():
            dtype = np.uint8 if name == "pixels" else np.float32
            if array.shape != promised[name] or array.dtype != dtype:
                got, wanted = f"{array.dtype} {array.shape}", f"{np.dtype(dtype)} {promised[name]}"
                raise StartError(f"model {self.manifest.name!r}: {name} is {got}, its manifest promises {wanted}")

    def _run_encoder(self, rows: Rows) -> Rows:
        return self._run(self._encoder, ["mu", "logvar"], "pixels", rows)

    def _run_decoder(self, rows: Rows) -> Rows:
        return self._run(self._decoder, ["pixels"], "z", rows)

    def _run_decoder_logits(self, rows: Rows) -> Rows:
        return self._run(self._decoder, ["pixels", "logits"], "z", rows)

    def _run(self, session: Any, outputs: list[str], name: str, rows: Rows) -> Rows:  # noqa: ANN401 (see Runtime)
        first, labels = rows
        feed = {name: first, "label": labels} if self.manifest.labels else {name: first}
        try:
            return tuple(session.run(outputs, feed))
        except Exception as error:
            raise self.not_ready() from error

    def not_ready(self) -> NotReady:
        """The answer where the model fails; what ONNX Runtime says of it is for the log."""
        return NotReady(f"{self.manifest.name}: the model did not run.", headers=RETRY)


class Engine:
    """All models of a repository.

    Args:
        models: Loaded models by name, not empty.
        default: The name of the one used where a request names none.
        worker: Runs their large calls, counted in rows.
    """

    def __init__(self, models: Mapping[str, Model], default: str, worker: Lane) -> None:
        self.worker = worker
        self.models = models
        self.default = default

    def get(self, name: str | None) -> Model:
        """The model called `name`, or the default one.

        Raises:
            UnknownModel: There is none of that name.
        """
        try:
            return self.models[name or self.default]
        except KeyError:
            raise UnknownModel(
                f"There is no model {quoted(name or '')}; served are: {', '.join(self.models)}."
            ) from None

    @property
    def backlog(self) -> int:
        """Rows of small calls that wait for the next batches of any model."""
        return sum(model.backlog for model in self.models.values())

    def report_to(self, telemetry: Telemetry) -> None:
        """Count waits and runs there."""
        for model in self.models.values():
            model.report_to(telemetry)

    def check(self) -> None:
        """Run every model once.

        Raises:
            NotReady: One does not run; the message names it.
        """
        for model in self.models.values():
            try:
                model.run_once()
            except StartError as error:
                raise model.not_ready() from error


def load_engine(settings: Settings) -> Engine:
    """Read, verify and load every model of the repository, and run each once.

    Raises:
        StartError: The repository has no models, a file is wrong, missing or truncated, or the device cannot work.
    """
    manifests = [read_manifest(path) for path in sorted(settings.models.glob("*.json"))]
    names = [manifest.name for manifest in manifests]
    if not names:
        raise StartError(f"{settings.models}: no models here (expected NAME.json beside NAME-decoder/)")
    if settings.default_model not in names:
        detail = f"there is no model {settings.default_model!r} in {settings.models}, only {', '.join(names)}"
        raise StartError(f"setting GLYPHVAE_DEFAULT_MODEL: {detail}")
    worker = Lane("rows", settings.max_queued_rows)
    runtime: Runtime | None = None
    models = {}
    for manifest in manifests:
        exact = read_verified(settings.models, manifest.decoder)
        runtime = runtime or choose_runtime(settings.device, settings.threads, exact, manifest.decoder.file)
        file = manifest.decoder_for(runtime.device, settings.precision)
        decoder = exact if file == manifest.decoder else read_verified(settings.models, file)
        encoder = read_verified(settings.models, manifest.encoder)
        models[manifest.name] = Model(manifest, encoder, decoder, runtime, worker)
        logger.info("loaded %s version %d on %s", manifest.name, manifest.version, runtime.device)
    return Engine(models, settings.default_model, worker)
