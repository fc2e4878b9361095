from concurrent.futures import Future

import numpy as np
import pytest

from glyphvae.errors import DeadlineExceeded
from glyphvae.scheduling.cost import NOTHING
from glyphvae.scheduling.deadline import Deadline, current
from glyphvae.scheduling.steps import MAX_ROWS, Call, Graph, Offload, Program, Rows, Wait, inline, run_now
from glyphvae.scheduling.worker_pool import WorkerPool


class Doubler:
    """A graph that doubles its first argument, and notes how many rows each run had."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.graph = Graph(self.run, WorkerPool("rows", 1), "cvae")

    def run(self, rows: Rows) -> Rows:
        self.runs.append(len(rows[0]))
        return 2 * rows[0], rows[1]


def rows(start: int, n: int) -> Rows:
    return np.arange(start, start + n), np.zeros(n, np.int64)


def program(doubler: Doubler) -> Program[list[object]]:
    done: Future[None] = Future()
    done.set_result(None)
    return [
        (yield Call(doubler.graph, rows(5, 2)))[0].tolist(),
        (yield Offload(NOTHING, int, ("12", 8))),
        (yield Wait(lambda: done)),
        (yield from inline(int, "7")),
    ]


def test_a_program_runs_without_a_scheduler() -> None:
    assert run_now(program(Doubler())) == [[10, 12], 10, None, 7]


def test_a_graph_runs_calls_as_one_batch() -> None:
    doubler = Doubler()
    results = doubler.graph.run([rows(0, 2), rows(10, 3)], lambda graph, joined: graph.function(joined))
    assert [[array.tolist() for array in result] for result in results] == [[[0, 2], [0, 0]], [[20, 22, 24], [0, 0, 0]]]
    assert doubler.runs == [5]


def test_many_rows_run_in_slices() -> None:
    doubler = Doubler()
    result = Call(doubler.graph, rows(3, 2 * MAX_ROWS + 5)).now()
    assert result[0].tolist() == list(range(6, 6 + 2 * (2 * MAX_ROWS + 5), 2))
    assert doubler.runs == [MAX_ROWS, MAX_ROWS, 5]


def test_no_rows_have_a_result_without_rows() -> None:
    doubler = Doubler()
    assert [array.tolist() for array in doubler.graph.run_in_slices(rows(3, 0))] == [[], []]
    assert doubler.runs == [0]


def test_a_time_limit_is_kept_between_slices() -> None:
    doubler = Doubler()
    token = current.set(Deadline(-1, lambda: False))
    with pytest.raises(DeadlineExceeded):
        doubler.graph.run_in_slices(rows(0, 3))
    current.reset(token)
    assert doubler.runs == []
