import asyncio
from collections.abc import Sequence

from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.turns import Turns


class Waiter:
    def __init__(self, number: int) -> None:
        self.number = number
        self.left = False

    def has_left(self) -> bool:
        return self.left


async def test_a_turn_takes_so_many_and_leaves_out_who_has_left() -> None:
    turns: list[list[int]] = []
    telemetry = Telemetry()
    waiting: Turns[Waiter] = Turns(lambda some: turns.append([one.number for one in some]), telemetry, most=3)
    waiters = [Waiter(number) for number in range(7)]
    for waiter in waiters:
        waiting.add(waiter)
    waiters[1].left = True
    assert (len(waiting), waiting.oldest) == (7, waiters[0])
    await asyncio.sleep(0.01)
    assert turns == [[0, 2], [3, 4, 5], [6]]
    assert (len(waiting), waiting.oldest) == (0, None)
    assert telemetry.refused["gone"] == 1


async def test_who_is_put_back_comes_first_on_the_next_turn() -> None:
    turns: list[list[int]] = []

    def work(some: Sequence[Waiter]) -> None:
        turns.append([some[0].number])
        if some[1:]:
            waiting.put_back(some[1:])

    waiting: Turns[Waiter] = Turns(work, Telemetry(), most=2)
    for number in range(5):
        waiting.add(Waiter(number))
    await asyncio.sleep(0.01)
    assert turns == [[0], [1], [2], [3], [4]]
