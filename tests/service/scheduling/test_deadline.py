import pytest

from glyphvae.errors import DeadlineExceeded
from glyphvae.scheduling.deadline import ClientGoneError, Deadline, beat, checkpoint, current


def deadline(seconds: float = 60, gone: bool = False) -> Deadline:
    return Deadline(seconds, lambda: gone)


def test_a_request_in_time_goes_on() -> None:
    one = deadline()
    one.check()
    assert 0 < one.remaining <= 60
    assert one.refused is None


def test_after_the_time_limit_it_is_refused() -> None:
    one = deadline(seconds=-1)
    with pytest.raises(DeadlineExceeded, match="No response within -1 seconds") as caught:
        one.check()
    assert caught.value.headers == {"Retry-After": "1"}
    assert one.refused == "deadline"


def test_each_piece_of_a_response_has_the_full_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr("glyphvae.scheduling.deadline.monotonic", lambda: moment)
    one = deadline()
    moment += 61
    assert one.remaining == -1
    one.renew()
    one.check()
    assert one.remaining == 60


@pytest.mark.parametrize("dropped", [False, True])
def test_nothing_is_done_that_nobody_waits_for(dropped: bool) -> None:
    one = deadline(gone=not dropped)
    if dropped:
        one.cancel()
    with pytest.raises(ClientGoneError):
        one.check()
    assert one.refused == "gone"


def test_a_response_that_came_too_late_stays_counted_as_late() -> None:
    one = deadline()
    one.expired()
    one.cancel()
    with pytest.raises(ClientGoneError):
        one.check()
    assert one.refused == "deadline"


def test_a_full_queue_says_when_to_come_back() -> None:
    one = deadline()
    assert one.busy("full").headers == {"Retry-After": "1"}
    assert one.refused == "busy"


def test_work_in_a_thread_finds_the_deadline_of_its_request() -> None:
    checkpoint()
    token = current.set(deadline(gone=True))
    with pytest.raises(ClientGoneError):
        checkpoint()
    current.reset(token)


def test_a_checkpoint_records_progress_even_where_the_response_is_not_wanted() -> None:
    beats: list[int] = []
    token, beating = current.set(deadline(gone=True)), beat.set(lambda: beats.append(1))
    with pytest.raises(ClientGoneError):
        checkpoint()
    current.reset(token)
    checkpoint()
    beat.reset(beating)
    checkpoint()
    assert len(beats) == 2
