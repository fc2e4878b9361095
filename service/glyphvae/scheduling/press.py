"""Single glyphs for requests that arrive together, decoded in one batch.

What `Batcher` does for any rows, for the commonest case alone: latents are drawn straight into the batch, and each
glyph is handed to whoever asked, without a task that waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from glyphvae.models.latents import fill_latents
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.turns import Turns, send_or_log

if TYPE_CHECKING:
    from glyphvae.observability.tracing import Asked


class Caller(Protocol):
    """Whoever asked for a glyph."""

    def has_left(self) -> bool:
        """Whether it no longer wants one."""

    def give(self, glyph: Pixels, batch: int) -> None:
        """Its glyph (28, 28), which was drawn with `batch - 1` others."""

    def fail(self, error: Exception) -> None:
        """There is none; it must not raise."""


@dataclass(frozen=True, slots=True)
class _Call:
    label: int
    seed: int
    given: Sequence[float | None]
    temperature: float
    caller: Caller
    asked: "Asked | None"

    def has_left(self) -> bool:
        """Whether the caller has."""
        return self.caller.has_left()


class Press:
    """Draws glyphs of one model, those of one turn of the event loop together.

    Args:
        model: The model.
        telemetry: Where its runs are counted.

    Attributes:
        telemetry: Likewise.
    """

    def __init__(self, model: Model, telemetry: Telemetry) -> None:
        self._model = model
        self.telemetry = telemetry
        self._turns = Turns(self._answer, telemetry)

    def ask(self, label: int, seed: int, given: Sequence[float | None], temperature: float, caller: Caller) -> None:
        """Have one glyph drawn on the event loop's next turn.

        Args:
            label: Which, 0 for an unconditional model.
            seed: Of its latents.
            given: One entry a latent, None where it is drawn; empty where all are.
            temperature: Of the drawn ones.
            caller: Gets it, or `NotReady` where the model does not run.
        """
        self._turns.add(_Call(label, seed, given, temperature, caller, self._asked()))

    def glyphs(self, label: int, seeds: Sequence[int], temperature: float) -> Pixels:
        """Glyphs (n, 28, 28) of one label, at once."""
        z = np.empty((len(seeds), self._model.manifest.latent_size), np.float32)
        for row, seed in zip(z, seeds, strict=True):
            fill_latents(row, seed, (), temperature)
        return self._run(z, np.full(len(seeds), label), [self._asked()])

    def _asked(self) -> "Asked | None":
        return self.telemetry.tracing.asked() if self.telemetry.tracing else None

    def _answer(self, batch: Sequence[_Call]) -> None:
        try:
            pixels = self._draw(batch)
        except Exception as error:  # noqa: BLE001 (every caller gets the error; the loop must go on)
            for call in batch:
                call.caller.fail(error)
            return
        for call, glyph in zip(batch, pixels, strict=True):
            send_or_log(call.caller.give, glyph, len(batch))

    def _draw(self, batch: Sequence[_Call]) -> Pixels:
        z = np.empty((len(batch), self._model.manifest.latent_size), np.float32)
        for row, call in zip(z, batch, strict=True):
            fill_latents(row, call.seed, call.given, call.temperature)
        return self._run(z, np.array([call.label for call in batch], np.int64), [call.asked for call in batch])

    def _run(self, z: Floats, labels: Labels, asked: "Sequence[Asked | None]") -> Pixels:
        began = perf_counter()
        pixels = self._model.decode_now(z, labels)
        self.telemetry.ran(self._model.manifest.name, len(z), perf_counter() - began)
        if self.telemetry.tracing:
            self.telemetry.tracing.batch(self._model.manifest.name, len(z), asked, began)
        return pixels
