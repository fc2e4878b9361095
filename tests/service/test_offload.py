import threading

import pytest

from service.offload import offload


def thread_of(*arguments: object, **options: object) -> tuple[int, object]:
    return threading.get_ident(), (arguments, options)


@pytest.mark.parametrize("when", [False, True])
async def test_long_work_leaves_the_event_loops_thread(when: bool) -> None:
    thread, received = await offload(when, thread_of, 1, 2, three=3)
    assert (thread != threading.get_ident()) is when
    assert received == ((1, 2), {"three": 3})


@pytest.mark.parametrize("when", [False, True])
async def test_errors_come_back(when: bool) -> None:
    with pytest.raises(ValueError, match="four"):
        await offload(when, int, "four")
