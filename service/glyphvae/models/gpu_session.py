"""GPU sessions with inputs and outputs bound to fixed device memory, for a few batch sizes.

A run allocates nothing: rows are padded to the next batch size and copied in, and only the requested outputs are copied
out, pixels as 8 bits. CUDA graphs need fixed addresses too; a graph replays all kernels of a run with one launch
(https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#using-cuda-graphs-preview).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Any, Protocol, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Result = TypeVar("Result")

# Sessions are created and run in this thread only. ONNX Runtime keeps a CUDA graph for the thread that captured it,
# allows no runs of other threads beside it, and captures in CUDA's global mode, in which CUDA refuses the allocations
# of all other threads, those of other sessions included.
_GPU_THREAD = ThreadPoolExecutor(1, thread_name_prefix="glyphvae-gpu")

# Batch sizes, each with its own buffers and graph. Padding to four or eight times the rows costs a GPU next to nothing
# up to thousands of rows, because it is far from fully used.
SIZES = (1, 8, 64, 512, 2048, 4096, 16384)
# Batch sizes timed at startup, to find the smallest one for which the GPU is faster.
TIMED = (1, 8, 64, 512)
ROUNDS = 5
# Larger than any batch.
NEVER = 1 << 62

_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
}


def on_gpu_thread(call: Callable[[], Result]) -> Result:
    """Run `call` in the only thread that uses the GPU, and return its result or raise its error."""
    return _GPU_THREAD.submit(call).result()


class Session(Protocol):
    """The part of ONNX Runtime's session interface that the service uses."""

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> Sequence[NDArray[Any]]:
        """Run the model and return the named outputs, (n, …) each, for inputs (n, …)."""


class GpuSession:
    """A session whose inputs and outputs are bound to device memory.

    Args:
        session: An ONNX Runtime session; the first axis of all inputs and outputs is the batch, the others are fixed.
        device: `cuda`, or `cpu` to test the class without a GPU.
        graphs: Capture runs as CUDA graphs; the session must have been created with that option.
    """

    def __init__(self, session: Any, device: str, *, graphs: bool) -> None:  # noqa: ANN401 (ONNX Runtime has no types)
        self._session = session
        self._device = device
        self._graphs = graphs
        self._buffers: dict[tuple[int, tuple[str, ...]], _Buffers] = {}

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> list[NDArray[Any]]:
        """Run the model; thread-safe, and one call after another, because only one thread uses the GPU."""
        return on_gpu_thread(partial(self._run, outputs, feed))

    def _run(self, outputs: Sequence[str], feed: Arrays) -> list[NDArray[Any]]:
        rows = len(next(iter(feed.values())))
        parts = []
        for start in range(0, rows, SIZES[-1]):
            part = {name: array[start : start + SIZES[-1]] for name, array in feed.items()}
            count = min(SIZES[-1], rows - start)
            parts.append(self._buffers_for(count, tuple(outputs)).run(part, count))
        return parts[0] if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _buffers_for(self, rows: int, outputs: tuple[str, ...]) -> "_Buffers":
        size = next(size for size in SIZES if size >= rows)
        if (size, outputs) not in self._buffers:
            graph = len(self._buffers) + 1 if self._graphs else None
            self._buffers[size, outputs] = _Buffers(self._session, self._device, size, outputs, graph)
        return self._buffers[size, outputs]


class _Buffers:
    """The device buffers for one batch size and one set of outputs."""

    def __init__(self, session: Any, device: str, size: int, outputs: tuple[str, ...], graph: int | None) -> None:  # noqa: ANN401
        self._session = session
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
        """Run the model on `rows` rows and return its outputs."""
        for name, array in feed.items():
            # The rest of the buffer keeps an earlier batch's rows, which serve as padding.
            self._host[name][:rows] = array
            self._inputs[name].update_inplace(self._host[name])
        self._session.run_with_iobinding(self._binding, self._options)
        # Copied even if the device is the CPU, because the next batch overwrites the buffers.
        return [value.numpy()[:rows].copy() for value in self._outputs]


class SplitSession:
    """A session that runs small batches on the CPU and large ones on a GPU.

    Args:
        small: The session for batches of fewer rows.
        large: The session for all other batches.
        rows: Smallest batch that `large` runs, in rows.
    """

    def __init__(self, small: Session, large: Session, rows: int) -> None:
        self._small = small
        self._large = large
        self.rows = rows

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> Sequence[NDArray[Any]]:
        """Run the model on the device for this batch size."""
        rows = len(next(iter(feed.values())))
        return (self._large if rows >= self.rows else self._small).run(outputs, feed)


def crossover(
    small: Session,
    large: Session,
    inputs: Sequence[Any],
    outputs: Sequence[str],
    clock: Callable[[], float] = perf_counter,
) -> int:
    """Measure the smallest batch for which `large` is faster, in rows; `NEVER` if there is none.

    Args:
        small: The session for small batches.
        large: The session for large batches.
        inputs: ONNX Runtime's description of the inputs.
        outputs: Names of the outputs to compute.
        clock: Returns the time in seconds.
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
    for _ in range(ROUNDS + 2):  # the first two allocate buffers and capture graphs
        began = clock()
        session.run(outputs, feed)
        taken.append(clock() - began)
    return sorted(taken[2:])[ROUNDS // 2]
