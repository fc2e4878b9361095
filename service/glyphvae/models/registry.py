"""The models of a repository: verified files, sessions that are built when needed, and batched calls to them."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from glyphvae.errors import NotReady, StartError, UnknownModel
from glyphvae.models.manifest import Manifest, read_manifest, read_verified
from glyphvae.models.providers import Device, Gpu, Runtime, choose_runtime
from glyphvae.models.sessions import Sessions
from glyphvae.models.signatures import read_key
from glyphvae.observability.access_log import current_work
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.batching import Batcher, Rows
from glyphvae.scheduling.worker_pool import Lane
from glyphvae.settings import Settings
from glyphvae.wording import quoted

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Pixels = NDArray[np.uint8]

ALL = "all"


class Model:
    """One model.

    Args:
        manifest: Its facts.
        sessions: What runs it.
        worker: Runs large calls.
    """

    def __init__(self, manifest: Manifest, sessions: Sessions, worker: Lane) -> None:
        self.manifest = manifest
        self.sessions = sessions
        self._decode = Batcher(self._run_decoder, worker, manifest.name)
        self._decode_logits = Batcher(self._run_decoder_logits, worker, manifest.name)
        self._encode = Batcher(self._run_encoder, worker, manifest.name)
        self._classify = Batcher(self._run_classifier, worker, manifest.name)

    @property
    def title(self) -> str:
        """Name and version, as answers state them."""
        return f"{self.manifest.name}/{self.manifest.version}"

    @property
    def device(self) -> Device:
        """Where it runs."""
        return self.sessions.device

    @property
    def loaded(self) -> bool:
        """Whether it runs at once; else the first call waits until it is built."""
        return self.sessions.loaded

    @property
    def backlog(self) -> int:
        """Rows of small calls that wait for the next batches."""
        return sum(batcher.queued for batcher in self._batchers)

    def report_to(self, telemetry: Telemetry) -> None:
        """Count waits and runs there."""
        for batcher in self._batchers:
            batcher.telemetry = telemetry

    @property
    def _batchers(self) -> tuple[Batcher, ...]:
        return self._decode, self._decode_logits, self._encode, self._classify

    async def decode(self, z: Floats, labels: Labels) -> Pixels:
        """Glyphs (n, 28, 28) of latents (n, latent) under labels (n,); an unconditional model ignores the labels."""
        (pixels,) = await self._call(self._decode, z, labels)
        return pixels

    def decode_now(self, z: Floats, labels: Labels) -> Pixels:
        """As `decode`, at once and in this thread.

        Raises:
            NotReady: The model is not loaded yet, or fails.
        """
        (pixels,) = self._run_decoder((z, labels))
        return pixels

    async def decode_logits(self, z: Floats, labels: Labels) -> tuple[Pixels, Floats]:
        """As `decode`, with the log odds of ink beside the pixels, (n, 28, 28) float32."""
        pixels, logits = await self._call(self._decode_logits, z, labels)
        return pixels, logits

    async def encode(self, pixels: Pixels, labels: Labels) -> tuple[Floats, Floats]:
        """`mu` and `logvar` of q(z|x, label), each (n, latent) float32, of glyphs (n, 28, 28)."""
        mu, logvar = await self._call(self._encode, pixels, labels)
        return mu, logvar

    async def classify(self, pixels: Pixels) -> Floats:
        """Log p(label|x) but for a constant of each glyph, (n, labels); only where the manifest has a classifier."""
        (logits,) = await self._call(self._classify, pixels)
        return logits

    def decode_logits_now(self, z: Floats, labels: Labels) -> tuple[Pixels, Floats]:
        """As `decode_logits`, at once and in this thread; raises as `decode_now` does."""
        pixels, logits = self._run_decoder_logits((z, labels))
        return pixels, logits

    def encode_now(self, pixels: Pixels, labels: Labels) -> tuple[Floats, Floats]:
        """As `encode`, at once and in this thread; raises as `decode_now` does."""
        mu, logvar = self._run_encoder((pixels, labels))
        return mu, logvar

    def classify_now(self, pixels: Pixels) -> Floats:
        """As `classify`, at once and in this thread; raises as `decode_now` does."""
        (logits,) = self._run_classifier((pixels,))
        return logits

    async def _call(self, batcher: Batcher, *rows: NDArray[np.generic]) -> Rows:
        if work := current_work():
            work.rows += len(rows[0])
        if not self.loaded:
            await self.sessions.ready()
        return await batcher(*rows)

    def _run_encoder(self, rows: Rows) -> Rows:
        return self.sessions.encode(["mu", "logvar"], self._feed("pixels", rows))

    def _run_classifier(self, rows: Rows) -> Rows:
        return self.sessions.classify(["logits"], {"pixels": rows[0]})

    def _run_decoder(self, rows: Rows) -> Rows:
        return self.sessions.decode(["pixels"], self._feed("z", rows))

    def _run_decoder_logits(self, rows: Rows) -> Rows:
        return self.sessions.decode(["pixels", "logits"], self._feed("z", rows))

    def _feed(self, name: str, rows: Rows) -> dict[str, NDArray[np.generic]]:
        first, labels = rows
        return {name: first, "label": labels} if self.manifest.labels else {name: first}

    def check(self) -> None:
        """Run it once, if it is loaded; one that is not is verified and waits to be asked for.

        Raises:
            NotReady: It does not run.
        """
        if self.loaded:
            self.sessions.run_once()

    def not_ready(self) -> NotReady:
        """The answer where the model fails."""
        return self.sessions.not_ready("the model did not run")


class Engine:
    """All models of a repository.

    Args:
        models: By name, not empty.
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

    @property
    def loaded(self) -> dict[str, Model]:
        """The models that run at once."""
        return {name: model for name, model in self.models.items() if model.loaded}

    def check(self) -> None:
        """Run every loaded model once.

        Raises:
            NotReady: One does not run; the message names it.
        """
        for model in self.models.values():
            model.check()


def load_engine(settings: Settings, runtime: Runtime | None = None, also: Collection[str] = ()) -> Engine:
    """Read and verify every model of the repository, and build and run those that shall be ready from the start.

    Args:
        settings: Where they are, and which are wanted: the default model, and those of `preload`.
        runtime: Where they run; None to choose by the settings.
        also: Others to build, if they exist.

    Raises:
        StartError: The repository has no models, a file is wrong, missing or truncated, or the device cannot work.
    """
    key = read_key(settings.models_key) if settings.models_key else None
    manifests = {path.stem: read_manifest(path, key) for path in sorted(settings.models.glob("*.json"))}
    if not manifests:
        raise StartError(f"{settings.models}: no models here (expected NAME.json beside NAME-decoder/)")
    wanted = _wanted(settings, manifests) | (set(also) & set(manifests))
    if runtime is None:
        decoder = manifests[settings.default_model].decoder
        content = read_verified(settings.models, decoder)
        gpu = Gpu(settings.gpu_graphs == "on", settings.gpu_rows or None, settings.tensorrt == "on")
        runtime = choose_runtime(settings.device, settings.threads, content, decoder.file, gpu)
    worker = Lane("rows", settings.max_queued_rows)
    builder = ThreadPoolExecutor(1, thread_name_prefix="glyphvae-build")
    models = {}
    for name, manifest in manifests.items():
        sessions = Sessions(manifest, settings, runtime, builder)
        sessions.verify()
        if name in wanted:
            sessions.build()
        models[name] = Model(manifest, sessions, worker)
    return Engine(models, settings.default_model, worker)


def _wanted(settings: Settings, manifests: Mapping[str, Manifest]) -> set[str]:
    """The models to build at the start."""
    there = f"in {settings.models}, only {', '.join(manifests)}"
    if settings.default_model not in manifests:
        detail = f"there is no model {settings.default_model!r} {there}"
        raise StartError(f"setting GLYPHVAE_DEFAULT_MODEL: {detail}")
    if settings.preload == ALL:
        return set(manifests)
    names = {name.strip() for name in settings.preload.split(",")} - {""}
    for name in sorted(names - set(manifests)):
        raise StartError(f"setting GLYPHVAE_PRELOAD: there is no model {name!r} {there}")
    return names | {settings.default_model}
