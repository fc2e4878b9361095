"""Bound sessions, on the CPU where there is no GPU: the buffers are the same."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from glyphvae.models.gpu_session import NEVER, SIZES, TIMED, Arrays, GpuSession, SplitSession, crossover
from glyphvae.models.providers import Gpu, Runtime
from tests.known_model import LATENT_SIZE, decoder, encoder
from tests.service.models.test_providers import with_gpu
from tests.service.support import Clock


def feed(rows: int, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {"z": rng.standard_normal((rows, LATENT_SIZE), dtype=np.float32), "label": np.arange(rows) % 36}


def bound(model: bytes, *, graphs: bool = False) -> GpuSession:
    return GpuSession(Runtime("cpu", 1).session(model, "model.onnx"), "cpu", graphs=graphs)


def expected(arrays: Arrays) -> NDArray[np.uint8]:
    first = np.rint(100 + np.float32(10) * arrays["z"][:, 0] + arrays["label"]).astype(np.uint8)
    return np.broadcast_to(first[:, None, None], (len(first), 28, 28))


@pytest.mark.parametrize("rows", [1, 2, 8, 9, 500, SIZES[-1], SIZES[-1] + 3])
def test_rows_are_padded_and_cut_to_size(rows: int) -> None:
    arrays = feed(rows)
    # The CPU ignores that a graph is to be captured.
    (pixels,) = bound(decoder(), graphs=rows % 2 == 0).run(["pixels"], arrays)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, expected(arrays))


def test_an_answer_outlives_the_next_run() -> None:
    session = bound(decoder())
    (first,) = session.run(["pixels"], feed(5, seed=1))
    kept = first.copy()
    session.run(["pixels"], feed(5, seed=2))
    assert np.array_equal(first, kept)


def test_only_what_is_asked_for_comes_back() -> None:
    session = bound(decoder())
    assert [array.dtype for array in session.run(["pixels", "logits"], feed(3))] == [np.uint8, np.float32]
    assert len(session.run(["logits"], feed(3))) == 1


def test_encoders_are_bound_too() -> None:
    arrays = {"pixels": np.full((3, 28, 28), 119, np.uint8), "label": np.array([19, 9, 19])}
    mu, logvar = bound(encoder()).run(["mu", "logvar"], arrays)
    assert mu[:, 0].tolist() == pytest.approx([0, 1, 0])
    assert logvar.shape == (3, LATENT_SIZE)


def test_threads_get_their_own_rows() -> None:
    session = bound(decoder())
    feeds = [feed(1 + seed % 20, seed) for seed in range(200)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda arrays: session.run(["pixels"], arrays)[0], feeds))
    for arrays, pixels in zip(feeds, answers, strict=True):
        assert np.array_equal(pixels, expected(arrays))


class Recorded:
    """A session on the CPU that records the thread and the CUDA graph of each of its runs."""

    def __init__(self) -> None:
        self.session = Runtime("cpu", 1).session(decoder(), "model.onnx")
        self.threads: set[int] = set()
        self.graphs: list[str] = []
        self.get_inputs, self.get_outputs = self.session.get_inputs, self.session.get_outputs

    def io_binding(self) -> Any:  # noqa: ANN401 (ONNX Runtime has no types)
        self.threads.add(get_ident())
        return self.session.io_binding()

    def run_with_iobinding(self, binding: Any, options: ort.RunOptions) -> None:  # noqa: ANN401
        self.threads.add(get_ident())
        self.graphs.append(options.get_run_config_entry("gpu_graph_id"))
        self.session.run_with_iobinding(binding, options)


def test_one_thread_runs_all_sessions() -> None:
    recorded = [Recorded(), Recorded()]
    sessions = [GpuSession(one, "cpu", graphs=True) for one in recorded]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: sessions[index % 2].run(["pixels"], feed(1 + index)), range(100)))
        callers = set(pool.map(lambda _: get_ident(), range(100)))
    (thread,) = recorded[0].threads | recorded[1].threads
    assert thread not in callers | {get_ident()}


def test_each_size_and_set_of_outputs_has_its_own_graph() -> None:
    recorded = Recorded()
    session = GpuSession(recorded, "cpu", graphs=True)
    for rows, outputs in ((1, ["pixels"]), (5, ["pixels"]), (8, ["pixels"]), (8, ["logits"]), (1, ["pixels"])):
        session.run(outputs, feed(rows))
    assert recorded.graphs == ["1", "2", "2", "3", "1"]


class Named:
    """A session that returns its name."""

    def __init__(self, name: int) -> None:
        self.name = name

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> list[NDArray[Any]]:
        return [np.full(len(feed["z"]), self.name) for _ in outputs]


@pytest.mark.parametrize(("rows", "name"), [(1, 1), (63, 1), (64, 2), (500, 2)])
def test_large_batches_go_to_the_gpu(rows: int, name: int) -> None:
    (answer,) = SplitSession(Named(1), Named(2), 64).run(["pixels"], feed(rows))
    assert answer.tolist() == [name] * rows


class Working:
    """A session that takes so many seconds for a run, and so many more for a row."""

    def __init__(self, clock: Clock, run: float, row: float) -> None:
        self.clock = clock
        self.seconds = (run, row)

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> list[NDArray[Any]]:
        rows = len(feed["z"])
        self.clock.now += self.seconds[0] + self.seconds[1] * rows
        return [np.zeros(rows) for _ in outputs]


@pytest.mark.parametrize(
    ("run", "row", "found"), [(0, 0, TIMED[0]), (100, 0, 512), (50, 0.1, 64), (1000, 0, NEVER), (0, 1, NEVER)]
)
def test_the_crossover_is_where_the_gpu_becomes_faster(run: float, row: float, found: int) -> None:
    inputs = Runtime("cpu", 1).session(decoder(), "model.onnx").get_inputs()
    clock = Clock()
    assert crossover(Working(clock, 0, 1), Working(clock, run, row), inputs, ["pixels"], clock) == found


@pytest.mark.gpu
@with_gpu
@pytest.mark.parametrize("graphs", [False, True])
def test_a_gpu_gives_the_same_pixels(graphs: bool) -> None:
    session = Runtime("cuda", 1, Gpu(graphs=graphs, from_rows=1)).session(decoder(), "model.onnx")
    for seed in range(5):
        arrays = feed(300, seed)
        assert np.array_equal(session.run(["pixels"], arrays)[0], expected(arrays))
