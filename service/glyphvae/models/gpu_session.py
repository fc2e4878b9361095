"""Sessions on a GPU: inputs and outputs lie at fixed places on the device, in a few sizes of batch.

Nothing is allocated or looked up in a run: rows are padded to the next size, copied in, and what was asked for is
copied out, 8-bit pixels and no wider. Fixed places are also what a CUDA graph needs, which replays all kernels of a run
with one launch (https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#using-cuda-graphs-preview).
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

# Each size holds its own buffers, and its own graph. Padding to four or eight times the rows costs a GPU next to
# nothing while it is far from full, which it is up to thousands of rows.
SIZES = (1, 8, 64, 512, 2048, 4096, 16384)
# Timed at the start, to find from how many rows on the GPU is faster.
TIMED = (1, 8, 64, 512)
ROUNDS = 5
# A size no batch has.
NEVER = 1 << 62

_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
}


class Session(Protocol):
    """What ONNX Runtime's sessions do, as far as the service needs it."""

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> Sequence[NDArray[Any]]:
        """The named outputs, (n, …) each, of inputs (n, …)."""


class BoundSession:
    """A session whose inputs and outputs are bound to memory of the device.

    Args:
        session: ONNX Runtime's; the first axis of all inputs and outputs is the batch, the others are fixed.
        device: `cuda`, or `cpu` where that is to be tried without a GPU.
        graphs: Whether runs are captured as CUDA graphs; the session must have been made for that.
    """

    def __init__(self, session: Any, device: str, *, graphs: bool) -> None:  # noqa: ANN401 (ONNX Runtime has no types)
        self._session = session
        self._device = device
        self._graphs = graphs
        self._slots: dict[tuple[int, tuple[str, ...]], _Slot] = {}
        self._lock = Lock()

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> list[NDArray[Any]]:
        """As `Session.run`; threads may call it at once, and wait for each other only in batches of one size."""
        rows = len(next(iter(feed.values())))
        parts = []
        for start in range(0, rows, SIZES[-1]):
            part = {name: array[start : start + SIZES[-1]] for name, array in feed.items()}
            count = min(SIZES[-1], rows - start)
            parts.append(self._slot(count, tuple(outputs)).run(part, count))
        return parts[0] if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _slot(self, rows: int, outputs: tuple[str, ...]) -> "_Slot":
        size = next(size for size in SIZES if size >= rows)
        with self._lock:
            if (size, outputs) not in self._slots:
                graph = len(self._slots) + 1 if self._graphs else None
                self._slots[size, outputs] = _Slot(self._session, self._device, size, outputs, graph)
            return self._slots[size, outputs]


class _Slot:
    """The buffers of one size of batch and one set of outputs."""

    def __init__(self, session: Any, device: str, size: int, outputs: tuple[str, ...], graph: int | None) -> None:  # noqa: ANN401
        self._session = session
        self._lock = Lock()
        self._binding = session.io_binding()
        self._options = ort.RunOptions()
        if graph is not None:
            self._options.add_run_config_entry("gpu_graph_id", str(graph))
        self._host = {item.name: np.zeros((size, *item.shape[1:]), _DTYPES[item.type]) for item in session.get_inputs()}
        self._inputs = {name: ort.OrtValue.ortvalue_from_numpy(array, device, 0) for name, array in self._host.items()}
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        self._outputs = []
        described = {item.name: item for item in session.get_outputs()}
        for name in outputs:
            item = described[name]
            value = ort.OrtValue.ortvalue_from_shape_and_type([size, *item.shape[1:]], _DTYPES[item.type], device, 0)
            self._binding.bind_ortvalue_output(name, value)
            self._outputs.append(value)

    def run(self, feed: Arrays, rows: int) -> list[NDArray[Any]]:
        """The outputs of `rows` rows."""
        with self._lock:
            for name, array in feed.items():
                # What an earlier batch left behind the rows is padding as good as any.
                self._host[name][:rows] = array
                self._inputs[name].update_inplace(self._host[name])
            self._session.run_with_iobinding(self._binding, self._options)
            # Copies, also where the device is the CPU: the next batch is written to the same place.
            return [value.numpy()[:rows].copy() for value in self._outputs]


class SplitSession:
    """Small batches on the CPU, large ones on a GPU.

    Args:
        small: Runs batches of fewer rows.
        large: Runs the others.
        rows: From how many on.
    """

    def __init__(self, small: Session, large: Session, rows: int) -> None:
        self._small = small
        self._large = large
        self.rows = rows

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> Sequence[NDArray[Any]]:
        """As `Session.run`."""
        rows = len(next(iter(feed.values())))
        return (self._large if rows >= self.rows else self._small).run(outputs, feed)


def crossover(
    small: Session,
    large: Session,
    inputs: Sequence[Any],
    outputs: Sequence[str],
    clock: Callable[[], float] = perf_counter,
) -> int:
    """The number of rows from which on `large` is faster, as measured now; `NEVER` if it is not.

    Args:
        small: Runs few rows faster, perhaps.
        large: Runs many rows faster, perhaps.
        inputs: ONNX Runtime's description of the inputs.
        outputs: What is asked for.
        clock: Tells seconds.
    """
    found = NEVER
    for rows in reversed(TIMED):
        feed = {item.name: np.zeros((rows, *item.shape[1:]), _DTYPES[item.type]) for item in inputs}
        if _seconds(large, outputs, feed, clock) >= _seconds(small, outputs, feed, clock):
            break
        found = rows
    return found


def _seconds(session: Session, outputs: Sequence[str], feed: Arrays, clock: Callable[[], float]) -> float:
    taken = []
    for _ in range(ROUNDS + 2):  # the first runs allocate, and capture
        began = clock()
        session.run(outputs, feed)
        taken.append(clock() - began)
    return sorted(taken[2:])[ROUNDS // 2]
