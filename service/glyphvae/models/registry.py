"""Models of a repository: verified files, sessions that are built when needed, and programs that call them."""

import logging
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae.errors import NotReady, StartError, UnknownModel
from glyphvae.models.elbo import kl_divergence, read_evidence, reconstruction_error
from glyphvae.models.likeness import Likeness, Percentiles
from glyphvae.models.manifest import Manifest, Part, read_manifest, read_verified
from glyphvae.models.providers import Device, Gpu, Runtime, choose_runtime
from glyphvae.models.sessions import STROKES, Sessions
from glyphvae.models.signatures import read_key
from glyphvae.scheduling.steps import Call, Graph, Program, Rows, Wait
from glyphvae.scheduling.worker_pool import WorkerPool
from glyphvae.settings import MEBIBYTE, SHIPPED_MODELS, Settings
from glyphvae.vectors.strokes import Strokes
from glyphvae.wording import quoted

logger = logging.getLogger("glyphvae")

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Pixels = NDArray[np.uint8]

ALL = "all"
# Glyphs that a decoder paints from strokes at a time: it takes 0.2 MB for each.
PAINTED = 64

# Bytes of large results that have not been written yet; more are not computed meanwhile.
RESULTS = 32 * MEBIBYTE


class Model:
    """A model that is served.

    Its methods but `check` are programs, see `glyphvae.scheduling.steps`: their results come from `yield from`, or from
    `run_now`.

    Args:
        manifest: Its facts.
        sessions: Run its graphs.
        pool: Runs large calls.

    Attributes:
        title: Name and version, as responses state them.
        draws_strokes: Whether it decodes to strokes, too.
        encoded: Percentiles of encoded images, None if they are not known.
        reconstructed: Those of reconstructed images.
    """

    def __init__(self, manifest: Manifest, sessions: Sessions, pool: WorkerPool) -> None:
        self.manifest = manifest
        self.sessions = sessions
        self.title = f"{manifest.name}/{manifest.version}"
        self.draws_strokes = manifest.strokes is not None
        likeness = Likeness.of(manifest.metrics) if manifest.classifier is not None else None
        self.encoded = None if likeness is None else Percentiles(likeness.encoded, manifest.labels)
        self.reconstructed = None if likeness is None else Percentiles(likeness.reconstructed, manifest.labels)
        runs = _Runs(sessions, bool(manifest.labels), painted=self.draws_strokes)

        def graph(part: Part, first: str, *outputs: str) -> Graph:
            return Graph(partial(runs.run, part, first, outputs), pool, manifest.name)

        self.decoder = graph("decoder", "z", "pixels")
        self.stroke_decoder = graph("strokes", "z", *STROKES)
        self._decoder_logits = graph("decoder", "z", "pixels", "logits")
        self._encoder = graph("encoder", "pixels", "mu", "logvar")
        self._classifier = graph("classifier", "pixels", "logits")
        self._reader = Graph(runs.read, pool, manifest.name)
        self._reconstructor = Graph(runs.reconstruct, pool, manifest.name)
        self._reading_reconstructor = Graph(runs.read_and_reconstruct, pool, manifest.name)

    @cached_property
    def identity(self) -> str:
        """All facts of it, its files by their hashes."""
        return self.manifest.model_dump_json()

    @property
    def device(self) -> Device:
        """The device that it runs on."""
        return self.sessions.device

    @property
    def loaded(self) -> bool:
        """True once its sessions are built; before, the first call waits for them."""
        return self.sessions.loaded

    def decode(self, z: Floats, labels: Labels) -> Program[Pixels]:
        """Decode latents.

        Args:
            z: (n, latent) float32.
            labels: (n,) int64; an unconditional model ignores them.

        Returns:
            (n, 28, 28) uint8, paper 0, ink 255.
        """
        (pixels,) = yield from self._call(self.decoder, z, labels)
        return pixels

    def decode_logits(self, z: Floats, labels: Labels) -> Program[tuple[Pixels, Floats]]:
        """Decode latents as `decode` does, to pixels and to the log odds of ink, (n, 28, 28) float32."""
        pixels, logits = yield from self._call(self._decoder_logits, z, labels)
        return pixels, logits

    def strokes(self, z: Floats, labels: Labels) -> Program[Strokes]:
        """Decode latents as `decode` does, to strokes; needs a graph of strokes in the manifest."""
        return Strokes(*(yield from self._call(self.stroke_decoder, z, labels)))

    def encode(self, pixels: Pixels, labels: Labels) -> Program[tuple[Floats, Floats]]:
        """Encode glyphs (n, 28, 28) to `mu` and `logvar` of q(z|x, label), each (n, latent) float32."""
        mu, logvar = yield from self._call(self._encoder, pixels, labels)
        return mu, logvar

    def classify(self, pixels: Pixels) -> Program[Floats]:
        """Compute log p(label|x) up to a constant of each glyph, (n, labels); needs a classifier in the manifest."""
        (logits,) = yield from self._call(self._classifier, pixels)
        return logits

    def read(self, pixels: Pixels, possible: NDArray[np.bool_]) -> Program[tuple[Labels, Floats, Floats]]:
        """Find the label of each glyph by the classifier.

        Args:
            pixels: (n, 28, 28).
            possible: (n, labels), whether a glyph may have a label.

        Returns:
            (n,) int64; p(label|x), (n, labels) float32; and the logit of that label, (n,) float32.
        """
        labels, posterior, evidence = yield from self._call(self._reader, pixels, possible)
        return labels, posterior, evidence

    def reconstruct(self, pixels: Pixels, labels: Labels) -> Program[tuple[Floats, Floats, Pixels, Floats, Floats]]:
        """Encode glyphs, and decode the posterior means.

        Returns:
            `mu` and `logvar` as of `encode`, the pixels as of `decode`, reconstruction error and KL, both (n,) float32
            in nats.
        """
        mu, logvar, decoded, error, kl = yield from self._call(self._reconstructor, pixels, labels)
        return mu, logvar, decoded, error, kl

    def read_and_reconstruct(self, pixels: Pixels, possible: NDArray[np.bool_]) -> Program[Rows]:
        """Find labels as `read` does, and reconstruct glyphs under them; returns what both do, one after the other."""
        return self._call(self._reading_reconstructor, pixels, possible)

    def ready(self) -> Program[None]:
        """Wait until the sessions are built.

        Raises:
            NotReady: They cannot be built now.
        """
        if not self.loaded:
            yield Wait(self.sessions.start_building)

    def _call(self, graph: Graph, *rows: NDArray[np.generic]) -> Program[Rows]:
        if not self.loaded:
            yield from self.ready()
        result: Rows = yield Call(graph, rows)
        return result

    def check(self) -> None:
        """Run one glyph through the model if it is loaded.

        Raises:
            NotReady: It does not run, or an operator has unloaded it.
        """
        if self.sessions.unloaded:
            raise NotReady(f"{self.manifest.name}: the model is unloaded.")
        if self.loaded:
            self.sessions.run_once()


class _Runs:
    """The functions of a model's graphs, apart from the model: a model that its functions refer to outlives its use.

    Args:
        sessions: Run its graphs.
        conditional: Whether it takes labels.
        painted: Whether its decoder paints strokes.
    """

    def __init__(self, sessions: Sessions, conditional: bool, *, painted: bool) -> None:
        self._sessions = sessions
        self._conditional = conditional
        self._painted = painted

    def run(self, part: Part, first: str, outputs: Sequence[str], rows: Rows) -> Rows:
        # A classifier takes no labels, and an unconditional model ignores them.
        names = (first, "label") if self._conditional else (first,)
        count = len(rows[0])
        step = PAINTED if self._painted and part == "decoder" else max(1, count)
        parts = [
            self._sessions.run(part, outputs, dict(zip(names, (x[start : start + step] for x in rows), strict=False)))
            for start in range(0, max(1, count), step)
        ]
        return parts[0] if len(parts) == 1 else tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def read(self, rows: Rows) -> Rows:
        pixels, possible = rows
        (evidence,) = self.run("classifier", "pixels", ["logits"], (pixels,))
        evidence = np.where(possible, evidence, np.float32(-np.inf))
        return *read_evidence(evidence), evidence.max(axis=1)

    def reconstruct(self, rows: Rows) -> Rows:
        pixels, labels = rows
        mu, logvar = self.run("encoder", "pixels", ["mu", "logvar"], rows)
        decoded, logits = self.run("decoder", "z", ["pixels", "logits"], (mu, labels))
        return mu, logvar, decoded, reconstruction_error(pixels, logits), kl_divergence(mu, logvar)

    def read_and_reconstruct(self, rows: Rows) -> Rows:
        labels, posterior, evidence = self.read(rows)
        return labels, posterior, evidence, *self.reconstruct((rows[0], labels))


class Registry:
    """All models of a repository.

    Args:
        models: By name, in the order of the names, not empty.
        default: The name of the one used where a request names none.
        pool: Runs their large calls, counted in rows.

    Attributes:
        kept: What others keep for these models, by who keeps it, so that it goes when they go.
    """

    def __init__(self, models: Mapping[str, Model], default: str, pool: WorkerPool) -> None:
        self.kept: dict[object, OrderedDict[Hashable, Any]] = {}
        self.pool = pool
        self.models = models
        self.default = default
        self._series = {name: _series(model, list(models.values())) for name, model in models.items()}
        candidates = [default] if len(self._series[default]) > 1 else [default, *models]
        self._default_series = max(candidates, key=lambda name: len(self._series[name]))  # the first of equal length

    def get(self, name: str | None, beta: float | None = None) -> Model:
        """Return a model.

        Args:
            name: Its name, or with `beta` that of a model of its series. None for the default model; if its series has
                one beta only, `beta` chooses from the series of the repository that has most, the first by name.
            beta: Weight of the KL; None for the model called `name` itself.

        Raises:
            UnknownModel: There is none of that name.
            ValueError: The series has no model of that beta; the message lists those it has.
        """
        model = self.models.get(name or self.default)
        if model is None:
            raise self._unknown(name or "")
        if beta is None:
            return model
        member = name or self._default_series
        series = self._series[member]
        if beta not in series:
            allowed = ", ".join(map(_written, series))
            raise ValueError(f"{_written(beta)} is not a β of the series of {member}; allowed are: {allowed}")
        return series[beta]

    def _unknown(self, name: str) -> UnknownModel:
        """Return the error for a name that no model has, which names the successor of one that has gone."""
        successors = [other for other, model in self.models.items() if name in model.manifest.replaces]
        replaced = f"; it was replaced by {', '.join(successors)}" if successors else ""
        return UnknownModel(f"There is no model {quoted(name)}{replaced}; served are: {', '.join(self.models)}.")

    @property
    def loaded(self) -> dict[str, Model]:
        """The models whose sessions are built, by name."""
        return {name: model for name, model in self.models.items() if model.loaded}

    @property
    def unloaded(self) -> set[str]:
        """Names of the models that an operator has unloaded."""
        return {name for name, model in self.models.items() if model.sessions.unloaded}

    def replaced(self, model: Model) -> "Registry":
        """Return a registry with `model` in the place of the one of its name, or beside the others."""
        models = {**self.models, model.manifest.name: model}
        return Registry({name: models[name] for name in sorted(models)}, self.default, self.pool)

    def check(self) -> None:
        """Run every loaded model once.

        Raises:
            NotReady: One does not run; the message names it.
        """
        for model in self.loaded.values():
            model.check()


def _series(model: Model, models: Sequence[Model]) -> dict[float, Model]:
    """Return the models that differ from `model` in beta alone, itself included, by beta in rising order."""
    own = model.manifest.series
    others = [other for other in models if own is not None and other.manifest.series == own]
    # Of several with one beta the last is kept: the model itself, or else the first by name.
    ordered = sorted([*reversed(others), model], key=lambda member: member.manifest.beta)
    return {member.manifest.beta: member for member in ordered}


def _written(beta: float) -> str:
    return repr(beta).removesuffix(".0")


def load_registry(
    settings: Settings,
    runtime: Runtime | None = None,
    also: Collection[str] = (),
    unloaded: Collection[str] = (),
) -> Registry:
    """Read and verify every model of the repository, and build and run those that shall be ready from the start.

    Args:
        settings: Where they are, and which are wanted: the default model, and those of `preload`.
        runtime: Where they run; None to choose by the settings.
        also: Others to build, if they exist.
        unloaded: Models not to build, but for the default one.

    Raises:
        StartError: The repository has no models or cannot be read, a file is wrong, missing or truncated, or the device
            cannot work.
    """
    if _is_empty(settings.models):  # a new volume
        logger.info("%s is empty; the shipped models are served", settings.models)
        settings = settings.model_copy(update={"models": SHIPPED_MODELS})
    key = read_key(settings.models_key) if settings.models_key else None
    paths = sorted(settings.models.glob("*.json"), key=lambda path: path.stem)
    manifests = {path.stem: read_manifest(path, key) for path in paths}
    if not manifests and not settings.models.exists():
        raise StartError(f"{settings.models}: there is no such folder")
    if not manifests:
        raise StartError(f"{settings.models}: no models here (expected NAME.json beside NAME-decoder/)")
    default = _default(settings, manifests)
    wanted = _wanted(settings, default, manifests) | (set(also) & set(manifests))
    if runtime is None:
        decoder = manifests[default].decoder
        content = read_verified(settings.models, decoder)
        gpu = Gpu(settings.gpu_graphs == "on", settings.gpu_rows or None, settings.tensorrt == "on")
        runtime = choose_runtime(settings.device, settings.threads, content, decoder.file, gpu)
    pool = WorkerPool("rows", settings.max_queued_rows, memory=RESULTS)
    builder = ThreadPoolExecutor(1, thread_name_prefix="glyphvae-build")
    models = {}
    for name, manifest in manifests.items():
        sessions = Sessions(manifest, settings, runtime, builder)
        sessions.verify()
        sessions.unloaded = name in unloaded and name != default
        if name in wanted and not sessions.unloaded:
            sessions.build()
        models[name] = Model(manifest, sessions, pool)
    return Registry(models, default, pool)


def _is_empty(folder: Path) -> bool:
    try:
        return folder.is_dir() and not any(folder.iterdir())
    except OSError as error:
        raise StartError(f"{folder}: cannot be read: {error.strerror}") from None


def _default(settings: Settings, manifests: Mapping[str, Manifest]) -> str:
    """Return the name of the default model: the only one there is, unless another is configured."""
    if len(manifests) == 1 and "default_model" not in settings.model_fields_set:
        return next(iter(manifests))
    return settings.default_model


def _wanted(settings: Settings, default: str, manifests: Mapping[str, Manifest]) -> set[str]:
    """Return the names of the models to build at the start."""
    named = {name.strip() for name in settings.preload.split(",")} - {""}
    preload = set(manifests) if settings.preload == ALL else named
    asked = [("DEFAULT_MODEL", default), *(("PRELOAD", name) for name in sorted(preload))]
    for setting, name in asked:
        if name not in manifests:
            there = f"in {settings.models}, only {', '.join(manifests)}"
            raise StartError(f"setting GLYPHVAE_{setting}: there is no model {name!r} {there}")
    return preload | {default}
