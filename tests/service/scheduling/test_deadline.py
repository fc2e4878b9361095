import asyncio
import contextvars

import pytest

from glyphvae.errors import DeadlineExceeded
from glyphvae.scheduling.deadline import ClientGoneError, Ticket, checkpoint, current
from glyphvae.scheduling.worker_pool import Lane


def ticket(seconds: float = 60, gone: bool = False) -> Ticket:
    return Ticket(seconds, Lane("bytes", 1), lambda: gone)


def test_a_request_in_time_goes_on() -> None:
    one = ticket()
    one.check()
    assert 59 < one.remaining <= 60
    assert one.refused is None


def test_after_the_deadline_it_is_refused() -> None:
    one = ticket(seconds=-1)
    with pytest.raises(DeadlineExceeded, match="No answer within -1 seconds"):
        one.check()
    assert one.refused == "deadline"


def test_the_client_s_own_time_does_not_count() -> None:
    one = ticket(seconds=-1)
    one.pause(2)
    one.check()
    assert 0 < one.remaining <= 1


def test_each_piece_of_an_answer_has_the_full_time() -> None:
    one = ticket()
    one.pause(-1000)
    one.renew()
    one.check()
    assert one.remaining > 59


@pytest.mark.parametrize("dropped", [False, True])
def test_nothing_is_done_for_nobody(dropped: bool) -> None:
    one = ticket(gone=not dropped)
    if dropped:
        one.drop()
    with pytest.raises(ClientGoneError):
        one.check()
    assert one.refused == "gone"


def test_an_answer_that_came_too_late_stays_counted_as_late() -> None:
    one = ticket()
    one.expired()
    one.drop()
    with pytest.raises(ClientGoneError):
        one.check()
    assert one.refused == "deadline"


def test_a_full_queue_says_when_to_come_back() -> None:
    one = ticket()
    assert one.busy("full").headers == {"Retry-After": "1"}
    assert one.refused == "busy"


async def test_work_finds_the_ticket_of_its_request() -> None:
    checkpoint()
    context = contextvars.copy_context()
    context.run(current.set, ticket(gone=True))
    with pytest.raises(ClientGoneError):
        context.run(checkpoint)
    with pytest.raises(ClientGoneError):
        await asyncio.get_running_loop().create_task(asyncio.to_thread(checkpoint), context=context)
