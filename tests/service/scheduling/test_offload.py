import threading

import pytest

from glyphvae.scheduling.offload import offload


def thread_of(*arguments: object, **options: object) -> tuple[int, object]:
    return threading.get_ident(), (arguments, options)


@pytest.mark.parametrize(("size", "leaves"), [(99, False), (100, False), (101, True)])
async def test_long_work_leaves_the_event_loops_thread(size: int, leaves: bool) -> None:
    thread, received = await offload(size, 100, thread_of, 1, 2, three=3)
    assert (thread != threading.get_ident()) is leaves
    assert received == ((1, 2), {"three": 3})


@pytest.mark.parametrize("size", [0, 1])
async def test_errors_come_back(size: int) -> None:
    with pytest.raises(ValueError, match="four"):
        await offload(size, 0, int, "four")
