"""The processor time of the event loop."""

import asyncio
from time import thread_time

from glyphvae.observability.loop_time import INTERVAL, QUIET_INTERVAL, LoopTime
from glyphvae.observability.telemetry import Histogram
from tests.service.support import PATIENCE

SPENT = 0.05


def spend(seconds: float) -> None:
    """Take processor time, however busy the machine is."""
    until = thread_time() + seconds
    while thread_time() < until:
        pass


async def looked(histogram: Histogram) -> None:
    """Wait for the next look."""
    before = sum(histogram.counts)
    async with asyncio.timeout(PATIENCE):
        while sum(histogram.counts) == before:  # noqa: ASYNC110 (a timer has no event)
            await asyncio.sleep(0.001)


async def test_a_long_iteration_is_seen_as_a_whole() -> None:
    # What is spent between two looks is all of a long iteration, wherever in it a look was due.
    histogram = Histogram((SPENT,))
    loop_time = LoopTime(histogram)
    for share in (0.0, 0.3, 0.6, 0.9):
        await looked(histogram)
        await asyncio.sleep(share * INTERVAL)
        before = histogram.counts[1]
        spend(SPENT)
        await looked(histogram)
        assert histogram.counts[1] == before + 1
    loop_time.stop()


async def test_short_iterations_are_not_taken_for_a_long_one() -> None:
    histogram = Histogram((SPENT,))
    loop_time = LoopTime(histogram)
    for _ in range(10):
        spend(SPENT / 5)
        await looked(histogram)
    loop_time.stop()
    assert histogram.counts[1] == 0
    assert histogram.total >= 2 * SPENT


async def test_it_stops() -> None:
    histogram = Histogram((SPENT,))
    LoopTime(histogram).stop()
    await asyncio.sleep(2 * INTERVAL)
    assert histogram.counts == [0, 0]


async def test_a_quiet_loop_is_seldom_looked_at() -> None:
    histogram = Histogram((SPENT,))
    loop_time = LoopTime(histogram)
    await looked(histogram)
    await looked(histogram)  # one that found nothing
    before, since = sum(histogram.counts), asyncio.get_running_loop().time()
    await asyncio.sleep(5 * QUIET_INTERVAL)
    looks = sum(histogram.counts) - before
    loop_time.stop()
    assert looks <= (asyncio.get_running_loop().time() - since) / QUIET_INTERVAL + 1
