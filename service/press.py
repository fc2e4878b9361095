"""Single glyphs for requests that arrive together, decoded in one batch.

What `Batcher` does for any rows, for the commonest case alone: latents are drawn straight into the batch, and nothing
but the pixels goes back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from service.batching import MAX_ROWS
from service.engine import Floats, Labels, Model, Pixels
from service.latents import fill_latents
from service.telemetry import Telemetry

if TYPE_CHECKING:
    from service.tracing import Asked


@dataclass(frozen=True, slots=True)
class _Call:
    label: int
    seed: int
    given: Sequence[float | None]
    temperature: float
    answer: "asyncio.Future[Pixels]"
    asked: "Asked | None"


class Press:
    """Draws glyphs of one model, those of one turn of the event loop together.

    Args:
        model: The model.
        telemetry: Where its runs are counted.
    """

    def __init__(self, model: Model, telemetry: Telemetry) -> None:
        self._model = model
        self._telemetry = telemetry
        self._waiting: list[_Call] = []

    async def glyph(self, label: int, seed: int, given: Sequence[float | None], temperature: float) -> Pixels:
        """One glyph (28, 28).

        Args:
            label: Which, 0 for an unconditional model.
            seed: Of its latents.
            given: One entry a latent, None where it is drawn; empty where all are.
            temperature: Of the drawn ones.

        Raises:
            NotReady: The model does not run.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Pixels] = loop.create_future()
        self._waiting.append(_Call(label, seed, given, temperature, answer, self._asked()))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await answer

    def glyphs(self, label: int, seeds: Sequence[int], temperature: float) -> Pixels:
        """Glyphs (n, 28, 28) of one label, at once."""
        z = np.empty((len(seeds), self._model.manifest.latent_size), np.float32)
        for row, seed in zip(z, seeds, strict=True):
            fill_latents(row, seed, (), temperature)
        return self._run(z, np.full(len(seeds), label), [self._asked()])

    def _asked(self) -> "Asked | None":
        return self._telemetry.tracing.asked() if self._telemetry.tracing else None

    def _flush(self) -> None:
        # Nobody waits for a call that is done: its client has gone.
        batch = [call for call in self._waiting[:MAX_ROWS] if not call.answer.done()]
        del self._waiting[:MAX_ROWS]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        if not batch:
            return
        z = np.empty((len(batch), self._model.manifest.latent_size), np.float32)
        try:
            for row, call in zip(z, batch, strict=True):
                fill_latents(row, call.seed, call.given, call.temperature)
            pixels = self._run(z, np.array([call.label for call in batch], np.int64), [call.asked for call in batch])
        except Exception as error:  # noqa: BLE001 (every caller gets the error; the loop must go on)
            for call in batch:
                call.answer.set_exception(error)
            return
        for call, glyph in zip(batch, pixels, strict=True):
            call.answer.set_result(glyph)

    def _run(self, z: Floats, labels: Labels, asked: "Sequence[Asked | None]") -> Pixels:
        began = perf_counter()
        pixels = self._model.decode_now(z, labels)
        self._telemetry.ran(self._model.manifest.name, len(z), perf_counter() - began)
        if self._telemetry.tracing:
            self._telemetry.tracing.batch(self._model.manifest.name, len(z), asked, began)
        return pixels
