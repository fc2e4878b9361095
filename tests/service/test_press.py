"""Glyphs of concurrent requests in one batch."""

import asyncio

import numpy as np
import pytest

from service.batching import MAX_ROWS
from service.context import Context
from service.latents import draw_latents
from service.press import Press
from service.telemetry import Telemetry

DRAWN = (None,) * 6


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def press(context: Context, telemetry: Telemetry) -> Press:
    return Press(context.engine.get("cvae"), telemetry)


def grey(seed: int, label: int, temperature: float = 1.0) -> int:
    """What the known model writes."""
    return int(np.rint(100 + 10 * draw_latents(seed, 1, DRAWN, temperature)[0, 0] + label))


async def test_concurrent_glyphs_are_one_batch_and_each_its_own(press: Press, telemetry: Telemetry) -> None:
    glyphs = await asyncio.gather(
        press.glyph(19, 1, (), 1.0), press.glyph(3, 2, (2.0, *DRAWN[1:]), 1.0), press.glyph(0, 3, DRAWN, 0.5)
    )
    assert [int(glyph[0, 0]) for glyph in glyphs] == [grey(1, 19), 123, grey(3, 0, 0.5)]
    assert all(glyph.shape == (28, 28) for glyph in glyphs)
    assert telemetry.batches["cvae"].total == 3
    assert sum(telemetry.batches["cvae"].counts) == 1


async def test_more_than_a_batch_takes_several_turns(press: Press, telemetry: Telemetry) -> None:
    glyphs = await asyncio.gather(*(press.glyph(1, seed, (), 1.0) for seed in range(MAX_ROWS + 5)))
    assert [int(glyph[0, 0]) for glyph in glyphs] == [grey(seed, 1) for seed in range(MAX_ROWS + 5)]
    assert sum(telemetry.batches["cvae"].counts) == 2


async def test_nothing_is_drawn_for_those_who_left(press: Press, telemetry: Telemetry) -> None:
    leaving = asyncio.create_task(press.glyph(1, 1, (), 1.0))
    staying = asyncio.create_task(press.glyph(1, 2, (), 1.0))
    await asyncio.sleep(0)
    leaving.cancel()
    assert int((await staying)[0, 0]) == grey(2, 1)
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert telemetry.batches["cvae"].total == 1


async def test_the_model_does_not_run_where_all_have_left(press: Press, telemetry: Telemetry) -> None:
    leaving = asyncio.create_task(press.glyph(1, 1, (), 1.0))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await asyncio.sleep(0)
    assert "cvae" not in telemetry.batches


async def test_an_error_reaches_everybody_and_the_next_turn_works(press: Press) -> None:
    failed = await asyncio.gather(press.glyph(99, 1, (), 1.0), press.glyph(1, 2, (), 1.0), return_exceptions=True)
    assert [type(error).__name__ for error in failed] == ["NotReady", "NotReady"]
    assert int((await press.glyph(1, 2, (), 1.0))[0, 0]) == grey(2, 1)


def test_glyphs_at_once_are_the_same(press: Press) -> None:
    glyphs = press.glyphs(5, [7, 8], 1.0)
    assert glyphs[:, 0, 0].tolist() == [grey(7, 5), grey(8, 5)]
