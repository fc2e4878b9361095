"""ONNX Runtime sessions, and the choice of their execution provider."""

import ctypes
import logging
import re
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from glyphvae.errors import StartError
from glyphvae.models.onnx_check import check_graph

try:
    import onnxruntime as ort
except ModuleNotFoundError:
    raise SystemExit(
        "glyphvae: ONNX Runtime is not installed. Choose one extra: "
        "pip install 'glyphvae[cpu]', or 'glyphvae[gpu]' on a machine with an NVIDIA GPU."
    ) from None

logger = logging.getLogger("glyphvae")

Device = Literal["cpu", "cuda"]
# ONNX Runtime raises what it logs as an error, and the service reports the exception, so its log is off.
SILENT = 4
ort.set_default_logger_severity(SILENT)

# What CUDA says, in the middle of the C++ types that ONNX Runtime puts around it.
_CUDA_FAILURE = re.compile(r"CUDA failure \d+: [^;\n]*[^;\s]")

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


@dataclass(frozen=True)
class Gpu:
    """Options for running models on a GPU.

    Attributes:
        graphs: Capture the kernels of a run as a CUDA graph and replay it.
        from_rows: Smallest batch that runs on the GPU, in rows; None to measure the best value at startup.
        tensorrt: Let TensorRT compile the models, in half precision where that is faster.
    """

    graphs: bool = True
    from_rows: int | None = None
    tensorrt: bool = False


@dataclass(frozen=True)
class Runtime:
    """Options for creating sessions.

    Attributes:
        device: The device that runs the models.
        threads: Intra-op threads of each session.
        gpu: GPU options, used if the device is one.
    """

    device: Device
    threads: int
    gpu: Gpu = field(default_factory=Gpu)

    def session(self, model: bytes, file: str, *, pool: bool = True) -> Any:  # noqa: ANN401 (ONNX Runtime has no types)
        """Create a session for a serialised ONNX model; on a GPU, one that runs small batches on the CPU.

        Args:
            model: The file's content.
            file: The file's name, for error messages.
            pool: Keep the CPU memory of a run, a megabyte or more, for the next one.

        Raises:
            StartError: The content check or ONNX Runtime refuses the model, or it cannot run on the device.
        """
        check_graph(model, file)
        if self.device == "cpu":
            return self._plain_session(model, file, pool=pool)
        # Imported here, because only a GPU needs it.
        from glyphvae.models.gpu_session import GpuSession, SplitSession, crossover, on_gpu_thread  # noqa: PLC0415

        plain = on_gpu_thread(partial(self._plain_session, model, file, pool=pool))
        large = GpuSession(plain, self.device, graphs=self.gpu.graphs)
        small = Runtime("cpu", self.threads).session(model, file, pool=pool)
        outputs = [plain.get_outputs()[0].name]
        try:
            rows = self.gpu.from_rows or crossover(small, large, plain.get_inputs(), outputs)
        except Exception as error:  # noqa: BLE001 (as above)
            raise StartError(f"{file}: does not run on {self.device}: {first_line(error)}") from None
        logger.info("%s: batches of %d rows or more run on %s", file, rows, self.device)
        return SplitSession(small, large, rows)

    def _plain_session(self, model: bytes, file: str, *, pool: bool) -> Any:  # noqa: ANN401 (ONNX Runtime has no types)
        """Create a plain ONNX Runtime session.

        Args:
            model: The file's content.
            file: The file's name, for error messages.
            pool: See `session`.

        Raises:
            StartError: ONNX Runtime refuses the model, or cannot run it on the device.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = pool
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        # Spinning workers would keep a core busy while the service is idle.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = SILENT
        wanted = self.providers()
        first = next(iter(wanted))
        if first not in ort.get_available_providers():
            raise StartError(f"device {self.device!r} does not work: {_why_cuda_fails()}")
        try:
            # By default ONNX Runtime prints why a provider does not start, and creates a session on the CPU instead.
            session = ort.InferenceSession(model, options, providers=list(wanted.items()), enable_fallback=0)
        except Exception as error:  # noqa: BLE001 (ONNX Runtime raises a family of untyped exceptions)
            if failure := _CUDA_FAILURE.search(str(error)):
                raise StartError(f"device {self.device!r} does not work: {failure[0]}") from None
            raise StartError(f"{file}: ONNX Runtime refuses the model: {first_line(error)}") from None
        if session.get_providers()[0] != first:
            raise StartError(f"device {self.device!r} does not work: {_why_cuda_fails()}")
        return session

    def providers(self) -> dict[str, dict[str, str]]:
        """Return the options of each execution provider, in order of preference for each node."""
        wanted: dict[str, dict[str, str]] = {}
        graphs = str(int(self.gpu.graphs))
        if self.gpu.tensorrt:
            wanted[PROVIDERS["tensorrt"]] = {"trt_cuda_graph_enable": graphs, "trt_fp16_enable": "1"}
        if self.device == "cuda":
            wanted[PROVIDERS["cuda"]] = {
                "enable_cuda_graph": graphs,
                # TF32 products have a mantissa of 10 bits, which changes pixels by more than rounding does.
                "use_tf32": "0",
                # The default, EXHAUSTIVE, searches longer at the first run of each batch size: 0.3 to 1.3 s in
                # https://github.com/PaddlePaddle/PaddleX/pull/5057, where the heuristic took 2 ms and ran as fast.
                "cudnn_conv_algo_search": "HEURISTIC",
                # Buffers have a few fixed sizes. Doubling would take memory that models and processes share.
                "arena_extend_strategy": "kSameAsRequested",
            }
        return wanted | {PROVIDERS["cpu"]: {}}  # also the fallback for nodes that CUDA does not implement


def choose_runtime(
    device: Literal["auto", "cpu", "cuda"], threads: int, model: bytes, file: str, gpu: Gpu | None = None
) -> Runtime:
    """Choose the runtime for the `device` setting; `auto` is CUDA if a model starts on it, else the CPU.

    Args:
        device: The setting.
        threads: Intra-op threads of each session.
        model: Any of the models, as serialised ONNX.
        file: The model's file name, for error messages.
        gpu: GPU options.

    Raises:
        StartError: The setting is `cuda` and CUDA does not work; the message says why.
    """
    if device == "cpu":
        return Runtime("cpu", threads)
    if PROVIDERS["cuda"] in ort.get_available_providers():
        with redirect_stdout(StringIO()):  # it prints missing libraries, which the error below names
            ort.preload_dlls()
    elif device == "auto":
        return Runtime("cpu", threads)
    cuda = Runtime("cuda", threads, gpu or Gpu())
    try:
        cuda.session(model, file)
    except StartError as error:
        if device == "cuda":
            raise
        logger.warning("falling back to the CPU: %s", error)
        return Runtime("cpu", threads)
    return cuda


def _why_cuda_fails() -> str:
    if PROVIDERS["cuda"] not in ort.get_available_providers():
        return "this ONNX Runtime is built without CUDA (install 'glyphvae[gpu]' instead of 'glyphvae[cpu]')"
    libraries = Path(ort.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(libraries / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(libraries / "libonnxruntime_providers_cuda.so"))
    except OSError as error:
        return f"the CUDA libraries do not load ({first_line(error)})"
    return "the CUDA libraries load, but there is no usable CUDA device (see `nvidia-smi`)"


def first_line(error: BaseException | None) -> str:
    """Return the message of `error` without the stack trace that ONNX Runtime appends."""
    return str(error).partition("\n")[0]
