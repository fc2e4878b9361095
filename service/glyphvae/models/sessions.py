"""ONNX Runtime sessions of one model: built when they are first needed, and built again when a GPU fails."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from threading import Lock
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae.errors import NotReady, StartError
from glyphvae.models.manifest import File, Manifest, Part, read_verified
from glyphvae.models.providers import Device, Runtime, first_line
from glyphvae.models.statistics import Statistics
from glyphvae.settings import Settings
from glyphvae.vectors.raster import prepare
from glyphvae.vectors.strokes import DEGREE

logger = logging.getLogger("glyphvae")

# Outputs of the graph of strokes.
STROKES = ("control", "radius", "presence", "proportions")
Rows = tuple[NDArray[Any], ...]

# Where a model fails for a moment, as a GPU out of memory does, it is worth asking again, and building again.
RETRY_SECONDS = 5
RETRY = {"Retry-After": str(RETRY_SECONDS)}


class Sessions:
    """Encoder and decoder of one model, and the classifier and the graph of strokes that it may have.

    Args:
        manifest: Which files they are.
        settings: Where the files are, how precise they shall be, and what to do when a GPU fails.
        runtime: Where they run.
        builder: The one thread that builds, for all models.

    Attributes:
        loaded: Whether the sessions are built.
        unloaded: Whether an operator wants them not to be built until the model is loaded again.
        statistics: What each graph has computed.
    """

    def __init__(self, manifest: Manifest, settings: Settings, runtime: Runtime, builder: Executor) -> None:
        self.loaded = False
        self.unloaded = False
        self.statistics: defaultdict[Part, Statistics] = defaultdict(Statistics)
        self._manifest = manifest
        self._settings = settings
        self._wanted = runtime
        self._runtime = runtime
        self._builder = builder
        self._sessions: Mapping[Part, Any] = {}
        self._lock = Lock()
        self._building: Future[None] | None = None
        self._failed_at = -float(RETRY_SECONDS)

    @property
    def device(self) -> Device:
        """The device that they run on, or will."""
        return self._runtime.device

    @property
    def degraded(self) -> bool:
        """True where they run on the CPU because the GPU failed."""
        return self._runtime is not self._wanted

    @property
    def settings(self) -> Settings:
        """The settings that they are loaded by."""
        return self._settings

    def anew(self, manifest: Manifest) -> "Sessions":
        """Return sessions of a model that run where these were meant to, not built yet."""
        return Sessions(manifest, self._settings, self._wanted, self._builder)

    def verify(self) -> None:
        """Read and check every file, and keep none.

        Raises:
            StartError: One is not what the manifest says.
        """
        for file in vars(self._manifest).values():
            if isinstance(file, File):
                read_verified(self._settings.models, file)

    def build(self) -> None:
        """Build the sessions, in this thread.

        Raises:
            StartError: A file is not what the manifest says, or does not load, or one inference through it fails.
        """
        self._build_on(self._runtime)
        logger.info("loaded %s version %d on %s", self._manifest.name, self._manifest.version, self.device)

    def _build_on(self, runtime: Runtime) -> None:
        facts, wanted = self._manifest, (runtime.device, self._settings.precision)
        files: dict[Part, File] = {"encoder": facts.encoder_for(*wanted), "decoder": facts.decoder_for(*wanted)}
        if facts.classifier:
            files["classifier"] = facts.classifier
        if facts.strokes:
            files["strokes"] = facts.strokes
            prepare()
        sessions: dict[Part, Any] = {}
        for part, file in files.items():
            device = Runtime("cpu", runtime.threads) if part == "classifier" else runtime
            content = read_verified(self._settings.models, file)
            # The other parts are asked for less often, and run as fast without a pool.
            sessions[part] = device.session(content, file.file, pool=part in {"decoder", "strokes"})
        check(facts, sessions)
        self._sessions, self._runtime = sessions, runtime
        self.loaded = True  # last, because it tells the event loop that all are there

    def start_building(self) -> "Future[None]":
        """Have the builder make them, unless it is at it, and return its future.

        Raises:
            NotReady: The model is unloaded, or failed a moment ago; the future raises it too where it fails now.
        """
        if self.unloaded:
            raise NotReady(f"{self._manifest.name}: the model is unloaded.")
        with self._lock:
            if self._building is None or self._building.done():
                if monotonic() - self._failed_at < RETRY_SECONDS:
                    raise self._not_ready("the model did not load")
                self._building = self._builder.submit(self._build_or_log)
            return self._building

    def _build_or_log(self) -> None:
        try:
            if not self.loaded:
                self.build()
        except StartError as error:
            self._failed_at = monotonic()
            logger.error("%s", error)  # noqa: TRY400 (one line; its trace says nothing more)
            raise self._not_ready("the model did not load") from error

    def run(self, part: Part, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> Rows:
        """Run one of the sessions, which must be loaded.

        Raises:
            NotReady: It fails.
        """
        try:
            began = perf_counter()
            rows = tuple(self._sessions[part].run(outputs, feed))
        except Exception as error:
            self._recover_later()
            raise self._not_ready("the model did not run") from error
        self.statistics[part].ran(len(rows[0]), perf_counter() - began)
        return rows

    def run_once(self) -> None:
        """Run one blank glyph through all sessions, which must be loaded.

        Raises:
            NotReady: They do not run, or answer in another shape or type than the manifest promises.
        """
        try:
            check(self._manifest, self._sessions)
        except StartError as error:
            self._recover_later()
            raise self._not_ready("the model did not run") from error

    def _not_ready(self, what: str) -> NotReady:
        """Return the error for a model that fails; what ONNX Runtime says of it is for the log."""
        return NotReady(f"{self._manifest.name}: {what}.", headers=RETRY)

    def _recover_later(self) -> None:
        """Try again after a GPU failed, and build again if that fails too, one attempt at a time."""
        if self.device == "cpu":
            return  # what fails there fails because of what it was asked
        with self._lock:
            idle = self._building is None or self._building.done()
            if idle and monotonic() - self._failed_at >= RETRY_SECONDS:
                self._building = self._builder.submit(self._recover)

    def _recover(self) -> None:
        self._failed_at = monotonic()
        fallback = [Runtime("cpu", self._wanted.threads)] if self._settings.gpu_fault == "cpu" else []
        try:
            check(self._manifest, self._sessions)
        except StartError as error:
            logger.error("%s; building it anew", error)  # noqa: TRY400
        else:
            return  # short of memory for a moment
        for runtime in [self._wanted, *fallback]:
            try:
                self._build_on(runtime)
            except StartError as error:
                logger.error("%s", error)  # noqa: TRY400
            else:
                logger.warning("%s runs again, on %s", self._manifest.name, runtime.device)
                return


def check(manifest: Manifest, sessions: Mapping[Part, Any]) -> None:
    """Run one blank glyph through all sessions of a model.

    Raises:
        StartError: They do not run, or answer in another shape or type than the manifest promises.
    """
    size = manifest.latent_size
    image = {"pixels": np.zeros((1, 28, 28), dtype=np.uint8)}
    label = {"label": np.zeros(1, dtype=np.int64)} if manifest.labels else {}
    try:
        mu, logvar = sessions["encoder"].run(["mu", "logvar"], image | label)
        pixels, logits = sessions["decoder"].run(["pixels", "logits"], {"z": mu} | label)
        scores = sessions["classifier"].run(["logits"], image) if "classifier" in sessions else []
        strokes = sessions["strokes"].run(STROKES, {"z": mu} | label) if "strokes" in sessions else []
    except Exception as error:
        raise StartError(f"model {manifest.name!r} does not run: {first_line(error)}") from error
    answers = [
        ("mu", mu, (1, size)),
        ("logvar", logvar, (1, size)),
        ("pixels", pixels, (1, 28, 28)),
        ("logits", logits, (1, 28, 28)),
        *(("logits of the classifier", array, (1, len(manifest.labels))) for array in scores),
        *(zip(STROKES, strokes, _shapes_of_strokes(*strokes[:2]), strict=True) if strokes else ()),
    ]
    for name, array, shape in answers:
        dtype = np.uint8 if name == "pixels" else np.float32
        if array.shape != shape or array.dtype != dtype:
            got, wanted = f"{array.dtype} {array.shape}", f"{np.dtype(dtype)} {shape}"
            raise StartError(f"model {manifest.name!r}: {name} is {got}, its manifest promises {wanted}")


def _shapes_of_strokes(control: NDArray[Any], radius: NDArray[Any]) -> list[tuple[int, ...]]:
    """Return the shapes of all outputs for one glyph, with as many strokes, control points and knots as there are."""
    strokes, points = (*control.shape, 1, 1)[1:3]
    return [(1, strokes, max(points, DEGREE + 1), 2), (1, strokes, (*radius.shape, 1, 1)[2]), (1, strokes), (1, 4)]
