import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import get_ident

import numpy as np
import onnxruntime as ort
import pytest

from glyphvae.errors import StartError
from glyphvae.models import gpu_session
from glyphvae.models.gpu_session import on_gpu_thread
from glyphvae.models.providers import PROVIDERS, Gpu, Runtime, choose_runtime, first_line
from tests.known_model import decoder
from tests.service.processes import python

HAS_CUDA = PROVIDERS["cuda"] in ort.get_available_providers()
HAS_GPU = Path("/dev/nvidiactl").exists()
without_cuda = pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime is built with CUDA")
with_gpu = pytest.mark.skipif(not (HAS_CUDA and HAS_GPU), reason="needs onnxruntime-gpu and an NVIDIA GPU")

ROWS = {"z": np.zeros((2, 6), dtype=np.float32), "label": np.array([0, 19])}


def test_a_session_runs_the_model() -> None:
    session = Runtime("cpu", 1).session(decoder(), "model.onnx")
    (pixels,) = session.run(["pixels"], ROWS)
    assert pixels[:, 0, 0].tolist() == [100, 119]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_set_whatever_the_host_has(threads: int) -> None:
    options = Runtime("cpu", threads).session(decoder(), "model.onnx").get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (b"", "ONNX Runtime refuses the model: "),
        (b"nonsense", "not a complete ONNX file"),
        (decoder()[:-20], "not a complete ONNX file"),
    ],
)
def test_an_invalid_model_is_named_in_one_line(model: bytes, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError) as caught:
        Runtime("cpu", 1).session(model, "folder/model.onnx")
    assert str(caught.value).startswith(f"folder/model.onnx: {says}")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_the_cpu_is_taken_where_it_is_asked_for() -> None:
    assert choose_runtime("cpu", 3, decoder(), "model.onnx") == Runtime("cpu", 3)


@without_cuda
def test_the_cpu_is_taken_where_there_is_no_cuda() -> None:
    assert choose_runtime("auto", 1, decoder(), "model.onnx") == Runtime("cpu", 1)


@without_cuda
def test_cuda_where_it_cannot_work_is_refused_with_the_reason() -> None:
    with pytest.raises(StartError) as caught:
        choose_runtime("cuda", 1, decoder(), "model.onnx")
    message = str(caught.value)
    assert message.startswith("device 'cuda' does not work: ")
    assert "built without CUDA (install 'glyphvae[gpu]' instead of 'glyphvae[cpu]')" in message


@pytest.fixture
def broken_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ONNX Runtime promise CUDA and fail to keep the promise, as `onnxruntime-gpu` does without its libraries.

    Where ONNX Runtime is built without CUDA, the promise is ours; all that follows from it is its own.
    """
    if HAS_CUDA and HAS_GPU:
        pytest.skip("CUDA works here")
    monkeypatch.setattr(ort, "get_available_providers", lambda: [PROVIDERS["cuda"], PROVIDERS["cpu"]])


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available")
@pytest.mark.usefixtures("broken_cuda")
def test_broken_cuda_is_refused_with_the_reason(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartError) as caught:
        choose_runtime("cuda", 1, decoder(), "model.onnx")
    message = str(caught.value)
    assert message.startswith("device 'cuda' does not work: the CUDA libraries do not load (")
    assert message.endswith(": cannot open shared object file: No such file or directory)")
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available")
@pytest.mark.usefixtures("broken_cuda")
def test_broken_cuda_is_passed_over_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    runtime = choose_runtime("auto", 2, decoder(), "model.onnx")
    assert runtime == Runtime("cpu", 2)
    (record,) = caplog.records
    assert record.getMessage().startswith("falling back to the CPU: device 'cuda' does not work: ")
    (pixels,) = runtime.session(decoder(), "model.onnx").run(["pixels"], ROWS)
    assert pixels[:, 0, 0].tolist() == [100, 119]


@pytest.mark.gpu
@with_gpu
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_cuda_runs_the_model(device: str) -> None:
    runtime = choose_runtime("auto" if device == "auto" else "cuda", 1, decoder(), "model.onnx")
    assert runtime.device == "cuda"
    (pixels,) = runtime.session(decoder(), "model.onnx").run(["pixels"], ROWS)
    assert pixels[:, 0, 0].tolist() == [100, 119]


def test_without_a_runtime_the_extras_are_named() -> None:
    program = "import sys; sys.modules['onnxruntime'] = None; import glyphvae.commands.main"
    done = python("-c", program)
    assert done.returncode == 1
    assert done.stderr == (
        "glyphvae: ONNX Runtime is not installed. Choose one extra: pip install 'glyphvae[cpu]', "
        "or 'glyphvae[gpu]' on a machine with an NVIDIA GPU.\n"
    )


def test_only_the_first_line_of_an_error_is_shown() -> None:
    assert first_line(ValueError("what\nwhere")) == "what"


@pytest.fixture(autouse=True, scope="module")
def _gpu_thread() -> Iterator[None]:
    """Use a thread of these tests' own; coverage does not measure one that an `untraced` test started."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as thread:
        patch.setattr(gpu_session, "_GPU_THREAD", thread)
        yield


@pytest.fixture
def pretended_cuda(broken_cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 (the promise, see there)
    """Let sessions for CUDA run on the CPU; all that follows from it is the service's own."""
    plain = Runtime._plain_session
    monkeypatch.setattr(
        Runtime, "_plain_session", lambda _, *args, **options: plain(Runtime("cpu", 1), *args, **options)
    )


@pytest.mark.usefixtures("pretended_cuda")
def test_small_batches_stay_on_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "glyphvae"):
        runtime = choose_runtime("auto", 1, decoder(), "model.onnx", Gpu(from_rows=64))
    assert runtime == Runtime("cuda", 1, Gpu(from_rows=64))
    assert caplog.messages == ["model.onnx: batches of 64 rows or more run on cuda"]
    (pixels,) = runtime.session(decoder(), "model.onnx").run(["pixels"], ROWS)
    assert pixels[:, 0, 0].tolist() == [100, 119]


class Created(ort.InferenceSession):  # type: ignore[misc]  # ONNX Runtime has no types
    """A session on the CPU that claims the providers it was asked for, and records them and its thread."""

    asked: dict[str, dict[str, str]]
    thread: int

    def __init__(
        self,
        model: bytes,
        options: ort.SessionOptions,
        providers: list[tuple[str, dict[str, str]]],
        enable_fallback: int,
    ) -> None:
        assert not enable_fallback
        super().__init__(model, options, providers=[PROVIDERS["cpu"]])
        if len(providers) > 1:
            Created.asked, Created.thread = dict(providers), get_ident()
            self.get_providers = lambda: list(self.asked)


@pytest.mark.usefixtures("broken_cuda")
@pytest.mark.parametrize(("graphs", "entry"), [(True, "1"), (False, "0")])
def test_a_session_on_cuda_has_these_options_and_is_created_in_the_gpu_thread(
    graphs: bool, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "InferenceSession", Created)
    Runtime("cuda", 1, Gpu(graphs=graphs, from_rows=64)).session(decoder(), "model.onnx")
    assert list(Created.asked) == [PROVIDERS["cuda"], PROVIDERS["cpu"]]
    assert Created.asked[PROVIDERS["cuda"]] == {
        "enable_cuda_graph": entry,
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }
    assert on_gpu_thread(get_ident) == Created.thread != get_ident()


@pytest.mark.usefixtures("broken_cuda")
def test_a_device_that_does_not_start_is_refused_with_what_cuda_says(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def create(*_: object, **__: object) -> None:
        raise RuntimeError(
            "cuda_call.cc:154 std::conditional_t<THRW, void, Status> CudaCall(ERRTYPE) [with ERRTYPE = cudaError] CUDA "
            "failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=host ; \n\n"
        )

    monkeypatch.setattr(ort, "InferenceSession", create)
    with pytest.raises(StartError) as caught:
        choose_runtime("cuda", 1, decoder(), "model.onnx")
    reason = "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"
    assert str(caught.value) == f"device 'cuda' does not work: {reason}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("broken_cuda")
def test_tensorrt_goes_before_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(ort, "InferenceSession", Created)
    Runtime("cuda", 1, Gpu(from_rows=64, tensorrt=True)).session(decoder(), "model.onnx")
    assert list(Created.asked) == [PROVIDERS["tensorrt"], PROVIDERS["cuda"], PROVIDERS["cpu"]]
    assert Created.asked[PROVIDERS["tensorrt"]] == {"trt_cuda_graph_enable": "1", "trt_fp16_enable": "1"}


@pytest.mark.usefixtures("pretended_cuda")
def test_a_model_that_does_not_run_on_the_device_is_named() -> None:
    with pytest.raises(StartError, match=r"^model\.onnx: does not run on cuda: "):
        choose_runtime("cuda", 1, decoder(), "model.onnx")


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available")
@pytest.mark.usefixtures("broken_cuda")
def test_libraries_without_a_device_are_told_from_missing_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: None)
    with pytest.raises(StartError, match="the CUDA libraries load, but there is no usable CUDA device"):
        choose_runtime("cuda", 1, decoder(), "model.onnx")
