import asyncio

import pytest

from glyphvae.scheduling.immediate import result_now


async def waits_for(seconds: float | None) -> str:
    if seconds is not None:
        await asyncio.sleep(seconds)
    return "done"


def test_a_coroutine_that_waits_for_nothing_is_run() -> None:
    assert result_now(waits_for(None)) == "done"


def test_a_coroutine_that_waits_is_refused() -> None:
    with pytest.raises(RuntimeError, match="waits for something"):
        result_now(waits_for(0))
