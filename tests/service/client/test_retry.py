import random

import httpx
import pytest

from glyphvae.client.errors import DeadlineExceededError, NoResponseError
from glyphvae.client.retry import Attempts, Retry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def attempts(timeout: float | None = None, **retry: float) -> tuple[Attempts, Clock]:
    clock = Clock()
    return Attempts(Retry(**retry), timeout, clock), clock  # type: ignore[arg-type]


def test_waits_grow_up_to_the_longest_and_are_a_random_share_of_it() -> None:
    retry = Retry(first=1.0, longest=5.0, generator=random.Random(0))  # noqa: S311 (jitter is no secret)
    for tried, most in enumerate([1.0, 2.0, 4.0, 5.0, 5.0]):
        waits = [retry.wait(tried, None) for _ in range(200)]
        assert 0 <= min(waits) < 0.1 * most
        assert 0.9 * most < max(waits) <= most


def test_a_wait_is_never_shorter_than_what_the_service_asks_for() -> None:
    retry = Retry(first=1.0)
    assert all(7.0 <= retry.wait(0, 7.0) <= 8.0 for _ in range(100))


@pytest.mark.parametrize("status", [200, 404, 422, 500, 504])
def test_other_answers_stand(status: int) -> None:
    made, _ = attempts()
    assert made.after_response(status, "1") is None


def test_a_refusal_stands_where_the_wait_would_take_too_long() -> None:
    made, _ = attempts(timeout=5.0)
    assert made.after_response(503, "5") is None
    again, _ = attempts(timeout=5.2, first=0.1)
    assert 5.0 <= (again.after_response(503, "5") or 0) <= 5.1


def test_a_failed_connection_is_tried_again_until_the_attempts_are_used_up() -> None:
    made, _ = attempts(attempts=2, first=0.0)
    assert made.after_failure(httpx.ConnectError("refused")) == 0.0
    with pytest.raises(NoResponseError, match="refused"):
        made.after_failure(httpx.ConnectError("refused"))


def test_a_connection_that_takes_too_long_is_tried_again_and_an_answer_is_not() -> None:
    made, _ = attempts(first=0.0)
    assert made.after_failure(httpx.ConnectTimeout("")) == 0.0
    with pytest.raises(DeadlineExceededError):
        made.after_failure(httpx.ReadTimeout(""))


def test_an_address_of_another_kind_is_not_tried_again() -> None:
    made, _ = attempts()
    with pytest.raises(NoResponseError, match="ftp"):
        made.after_failure(httpx.UnsupportedProtocol("ftp is not spoken"))


def test_the_time_left_shrinks_to_an_error() -> None:
    made, clock = attempts(timeout=3.0)
    assert made.remaining() == 3.0
    clock.now = 2.0
    assert made.remaining() == 1.0
    clock.now = 3.0
    with pytest.raises(DeadlineExceededError, match=r"no response within 3\.0 s"):
        made.remaining()


def test_a_retry_that_would_come_too_late_is_not_waited_for() -> None:
    made, _ = attempts(timeout=1e-9, first=0.5)
    with pytest.raises(DeadlineExceededError):
        made.after_failure(httpx.ConnectError("refused"))


def test_without_a_timeout_there_is_no_end() -> None:
    made, clock = attempts()
    clock.now = 1e9
    assert made.remaining() is None
    assert made.after_failure(httpx.ConnectError("refused")) <= 0.1
