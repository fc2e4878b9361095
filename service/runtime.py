"""ONNX Runtime: which execution provider runs the models, and sessions on it."""

import ctypes
import logging
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from service.errors import StartError

try:
    import onnxruntime as ort
except ModuleNotFoundError:
    raise SystemExit(
        "glyphvae: ONNX Runtime is not installed. Choose one extra: "
        "pip install 'glyphvae[cpu]', or 'glyphvae[gpu]' on a machine with an NVIDIA GPU."
    ) from None

logger = logging.getLogger("glyphvae")

Device = Literal["cpu", "cuda"]
# What ONNX Runtime logs as an error it also raises, and the service says it once, in its own words.
SILENT = 4
ort.set_default_logger_severity(SILENT)

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class Runtime:
    """How sessions are made.

    Attributes:
        device: Where models run.
        threads: Intra-op threads of each session.
    """

    device: Device
    threads: int

    def session(self, model: bytes, file: str) -> Any:  # noqa: ANN401 (ONNX Runtime has no types)
        """A session over a serialised ONNX model.

        Args:
            model: The file's content.
            file: Its name, for the error.

        Raises:
            StartError: ONNX Runtime refuses the model, or cannot run it on the device.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        # Spinning workers would keep a core busy while the service is idle.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = SILENT
        # Without the CPU behind it, a node that CUDA lacks would stop the session.
        wanted = list(dict.fromkeys([PROVIDERS[self.device], PROVIDERS["cpu"]]))
        if wanted[0] not in ort.get_available_providers():
            raise StartError(f"device {self.device!r} was asked for but cannot work: {_why_cuda_fails()}")
        try:
            session = ort.InferenceSession(model, options, providers=wanted)
        except Exception as error:  # noqa: BLE001 (ONNX Runtime raises a family of untyped exceptions)
            raise StartError(f"{file}: ONNX Runtime refuses it: {first_line(error)}") from None
        if session.get_providers()[0] != wanted[0]:
            raise StartError(f"device {self.device!r} was asked for but cannot work: {_why_cuda_fails()}")
        return session


def choose_runtime(device: Literal["auto", "cpu", "cuda"], threads: int, model: bytes, file: str) -> Runtime:
    """The runtime for the `device` setting; `auto` is CUDA if a model starts on it, else the CPU.

    Args:
        device: The setting.
        threads: Intra-op threads of each session.
        model: Any of the models, serialised ONNX.
        file: Its name, for the error.

    Raises:
        StartError: `cuda` was asked for and cannot work; the message says why.
    """
    if device == "cpu":
        return Runtime("cpu", threads)
    if PROVIDERS["cuda"] in ort.get_available_providers():
        with redirect_stdout(StringIO()):  # it prints what it misses, which is said better below
            ort.preload_dlls()
    elif device == "auto":
        return Runtime("cpu", threads)
    cuda = Runtime("cuda", threads)
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
        return f"its CUDA libraries do not load ({first_line(error)})"
    return "its CUDA libraries load, but no CUDA device answers (see `nvidia-smi`)"


def first_line(error: BaseException | None) -> str:
    """What `error` says, without the stack that ONNX Runtime puts behind it."""
    return str(error).partition("\n")[0]
