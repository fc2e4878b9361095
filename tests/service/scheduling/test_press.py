"""Glyphs of concurrent requests in one batch."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.models.latents import draw_latents
from glyphvae.models.registry import Pixels
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.batching import MAX_ROWS
from glyphvae.scheduling.press import Press

DRAWN = (None,) * 6


@dataclass
class Asking:
    """Waits for a glyph, and takes it unless it is `broken`."""

    answer: "asyncio.Future[tuple[Pixels, int]]" = field(default_factory=asyncio.Future)
    left: bool = False
    broken: bool = False

    def has_left(self) -> bool:
        return self.left

    def give(self, glyph: Pixels, batch: int) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.answer.set_result((glyph, batch))

    def fail(self, error: Exception) -> None:
        self.answer.set_exception(error)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def press(context: Context, telemetry: Telemetry) -> Press:
    model = context.engine.get("cvae")
    model.report_to(telemetry)
    return Press(model, telemetry)


def grey(seed: int, label: int, temperature: float = 1.0) -> int:
    """What the known model writes."""
    return int(np.rint(100 + 10 * draw_latents(seed, 1, DRAWN, temperature)[0, 0] + label))


def ask(press: Press, label: int, seed: int, given: tuple[float | None, ...] = (), temperature: float = 1.0) -> Asking:
    asking = Asking()
    press.ask(label, seed, given, temperature, asking)
    return asking


async def test_concurrent_glyphs_are_one_batch_and_each_its_own(press: Press, telemetry: Telemetry) -> None:
    asked = [ask(press, 19, 1), ask(press, 3, 2, (2.0, *DRAWN[1:])), ask(press, 0, 3, DRAWN, 0.5)]
    glyphs = [await asking.answer for asking in asked]
    assert [int(glyph[0, 0]) for glyph, _ in glyphs] == [grey(1, 19), 123, grey(3, 0, 0.5)]
    assert all(glyph.shape == (28, 28) and batch == 3 for glyph, batch in glyphs)
    assert telemetry.batches["cvae"].total == 3
    assert sum(telemetry.batches["cvae"].counts) == 1


async def test_more_than_a_batch_takes_several_turns(press: Press, telemetry: Telemetry) -> None:
    asked = [ask(press, 1, seed) for seed in range(MAX_ROWS + 5)]
    glyphs = [await asking.answer for asking in asked]
    assert [int(glyph[0, 0]) for glyph, _ in glyphs] == [grey(seed, 1) for seed in range(MAX_ROWS + 5)]
    assert [batch for _, batch in glyphs] == [MAX_ROWS] * MAX_ROWS + [5] * 5
    assert sum(telemetry.batches["cvae"].counts) == 2


async def test_nothing_is_drawn_for_those_who_left(press: Press, telemetry: Telemetry) -> None:
    leaving, staying = ask(press, 1, 1), ask(press, 1, 2)
    leaving.left = True
    glyph, batch = await staying.answer
    assert (int(glyph[0, 0]), batch) == (grey(2, 1), 1)
    assert not leaving.answer.done()
    assert telemetry.batches["cvae"].total == 1
    assert telemetry.refused == {"gone": 1}


async def test_the_model_does_not_run_where_all_have_left(press: Press, telemetry: Telemetry) -> None:
    ask(press, 1, 1).left = True
    await asyncio.sleep(0)
    assert telemetry.refused == {"gone": 1}
    assert "cvae" not in telemetry.batches


async def test_an_error_reaches_everybody_and_the_next_turn_works(press: Press) -> None:
    asked = [ask(press, 99, 1), ask(press, 1, 2)]
    failed = await asyncio.gather(*(asking.answer for asking in asked), return_exceptions=True)
    assert [type(error).__name__ for error in failed] == ["NotReady", "NotReady"]
    glyph, _ = await ask(press, 1, 2).answer
    assert int(glyph[0, 0]) == grey(2, 1)


async def test_whoever_cannot_take_a_glyph_keeps_none_from_the_others(
    press: Press, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [ask(press, label, 1) for label in range(3)]
    asked[1].broken = True
    await asyncio.sleep(0)
    assert [asking.answer.done() for asking in asked] == [True, False, True]
    assert "an answer was not sent" in caplog.text


def test_glyphs_at_once_are_the_same(press: Press) -> None:
    glyphs = press.glyphs(5, [7, 8], 1.0)
    assert glyphs[:, 0, 0].tolist() == [grey(7, 5), grey(8, 5)]
