"""Glyphs a second out of one NVIDIA GPU: ONNX Runtime plain, bound, in CUDA graphs and in half precision.

Beside them ONNX Runtime on one CPU thread and torch.compile, and the two limits: arithmetic, and bytes over the bus.
Latents and labels start on the host and 8-bit pixels end there, unless a figure says `device`.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnxruntime.transformers.float16 import convert_float_to_float16

from benchmarks import wrk
from benchmarks.calls import GENERATE, samples
from benchmarks.processes import BenchmarkError
from benchmarks.server import Server, Subject, console
from benchmarks.servers.weights import load_model
from glyphvae_training.export.storage import expanded

BATCHES = tuple(4**power for power in range(9))  # 1 to 65,536
GLYPH_BYTES = 28 * 28
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

Run = Callable[[], NDArray[np.uint8]]
Arrays = dict[str, NDArray[Any]]


def inputs(latent_size: int, batch: int) -> Arrays:
    """Draw latents and labels of a batch."""
    rng = np.random.default_rng(0)
    return {"z": rng.standard_normal((batch, latent_size), dtype=np.float32), "label": np.arange(batch) % 36}


def make_session(model: bytes, device: str, *, graphs: bool = False) -> ort.InferenceSession:
    """Make a session on `cpu`, one thread, or on `cuda`.

    Args:
        model: Serialised ONNX.
        device: Where it runs.
        graphs: Capture its first run of each shape as a CUDA graph, and replay that.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    cuda = (CUDA, {"enable_cuda_graph": "1" if graphs else "0", "use_tf32": "1"})
    return ort.InferenceSession(model, options, providers=[CPU] if device == "cpu" else [cuda, CPU])


def half(model: bytes) -> bytes:
    """Convert the decoder to half precision inside, with the same inputs and outputs."""
    exact = expanded(onnx.load_from_string(model))
    converted: bytes = convert_float_to_float16(exact, keep_io_types=True).SerializeToString()
    return converted


def plain(session: ort.InferenceSession, feed: Arrays) -> Run:
    """Return the usual call: arrays in, arrays out; ONNX Runtime allocates and copies every time."""
    return lambda: session.run(["pixels"], feed)[0]


def bound(session: ort.InferenceSession, feed: Arrays, device: str, *, copies: bool = True) -> Run:
    """Return a call with inputs and output at fixed addresses on the device.

    It copies in, runs, and copies 8-bit pixels out.

    Args:
        session: On `device`.
        feed: Inputs of the batch that all calls have.
        device: `cpu` or `cuda`.
        copies: False leaves everything on the device, and pixels empty.
    """
    binding = session.io_binding()
    values = {name: ort.OrtValue.ortvalue_from_numpy(array, device, 0) for name, array in feed.items()}
    for name, value in values.items():
        binding.bind_ortvalue_input(name, value)
    pixels = ort.OrtValue.ortvalue_from_shape_and_type([len(feed["z"]), 28, 28], np.uint8, device, 0)
    binding.bind_ortvalue_output("pixels", pixels)

    def run() -> NDArray[np.uint8]:
        for name, array in feed.items() if copies else ():
            values[name].update_inplace(array)
        session.run_with_iobinding(binding)
        found: NDArray[np.uint8] = pixels.numpy() if copies else np.empty((0, 28, 28), np.uint8)
        return found

    return run


def compiled(subject: Subject, feed: Arrays) -> Run:
    """Return a call of torch.compile with CUDA graphs, in half precision, as a reference."""
    model = load_model(subject.decoder).cuda()
    z, label = (torch.from_numpy(feed[name]).pin_memory() for name in ("z", "label"))

    @torch.compile(mode="max-autotune-no-cudagraphs" if len(feed["z"]) > 16384 else "reduce-overhead")
    def decode(z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return (torch.sigmoid(model.decode(z, label)) * 255).round().to(torch.uint8)

    def run() -> NDArray[np.uint8]:
        with torch.inference_mode(), torch.autocast("cuda", dtype=torch.float16):
            pixels: NDArray[np.uint8] = decode(z.cuda(non_blocking=True), label.cuda(non_blocking=True)).cpu().numpy()
        return pixels

    return run


def variants(subject: Subject, feed: Arrays) -> dict[str, Callable[[], Run]]:
    """Return everything that is measured, by name; each is made only when it is called."""
    model = subject.decoder.read_bytes()

    def on_gpu(content: bytes, *, graphs: bool = False, copies: bool = True) -> Run:
        return bound(make_session(content, "cuda", graphs=graphs), feed, "cuda", copies=copies)

    return {
        "ONNX Runtime, CPU, 1 thread": lambda: plain(make_session(model, "cpu"), feed),
        "ONNX Runtime, CUDA": lambda: plain(make_session(model, "cuda"), feed),
        "ONNX Runtime, CUDA, bound": lambda: on_gpu(model),
        "ONNX Runtime, CUDA, graph": lambda: on_gpu(model, graphs=True),
        "ONNX Runtime, CUDA, fp16": lambda: on_gpu(half(model)),
        "ONNX Runtime, CUDA, fp16, graph": lambda: on_gpu(half(model), graphs=True),
        "ONNX Runtime, CUDA, fp16, graph, device": lambda: on_gpu(half(model), graphs=True, copies=False),
        "torch.compile, fp16": lambda: compiled(subject, feed),
    }


def measure(subject: Subject, seconds: float = 1.0) -> dict[str, Any]:
    """Measure images a second on an NVIDIA GPU by variant and batch, and glyphs a second over HTTP.

    Args:
        subject: The service.
        seconds: Duration of each measurement.

    Raises:
        BenchmarkError: No GPU is present, or ONNX Runtime or PyTorch cannot use it; the message says which.
    """
    if CUDA not in ort.get_available_providers():
        raise BenchmarkError("this ONNX Runtime is built without CUDA: `make bench-gpu` installs one that is not")
    if not torch.cuda.is_available():
        raise BenchmarkError("no NVIDIA GPU is at hand, or its driver is too old for this PyTorch")
    latent_size = make_session(subject.decoder.read_bytes(), "cpu").get_inputs()[0].shape[1]
    figures = []
    for batch in BATCHES:
        for name, make in variants(subject, inputs(latent_size, batch)).items():
            rate = batch / _median_seconds(make(), seconds)
            figures.append({"variant": name, "batch": batch, "images_per_second": rate})
        console.print(f"measured batch {batch}")
    facts = {"device": torch.cuda.get_device_name(), "limits": limits(subject), "images": figures}
    return {**facts, "crossover_batch": crossover(figures), "http": over_http(subject)}


def over_http(subject: Subject, seconds: int = 3) -> list[dict[str, Any]]:
    """Measure glyphs a second over HTTP by the number of server processes; a quarter of the cores drives the load."""
    wrk.executable()
    cores = sorted(os.sched_getaffinity(0))
    own, load_cores = cores[: -len(cores) // 4], cores[-len(cores) // 4 :]
    figures = []
    for workers in (count for count in sorted({1, 2, 4, 8, len(own)}) if count <= len(own)):
        with Server(subject.service("--device", "cuda", "--workers", str(workers)), own) as server:
            for call, glyphs in ((GENERATE, 1), (samples(1024), 1024)):
                wrk.load(server.port, call, 64, 1, *load_cores)
                load = wrk.load(server.port, call, 64, seconds, *load_cores)
                facts = {"workers": workers, "call": call.name, "errors": load.errors, "p99_ms": load.p99_ms}
                figures.append({**facts, "glyphs_per_second": glyphs * load.rate})
    return figures


def _median_seconds(run: Run, seconds: float) -> float:
    for _ in range(3):  # the first runs compile, capture and allocate
        run()
    torch.cuda.synchronize()
    taken: list[float] = []
    while len(taken) < 10 or sum(taken) < seconds:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def limits(subject: Subject) -> dict[str, float]:
    """Return images a second if only arithmetic, or only the copy of 8-bit pixels to the host, took time."""
    flop, side, size = 2 * multiplications(expanded(onnx.load(subject.decoder))), 8192, 1 << 28
    found = {}
    for name, dtype in (("arithmetic_fp32", torch.float32), ("arithmetic_fp16", torch.float16)):
        a, b = (torch.randn(side, side, device="cuda", dtype=dtype) for _ in range(2))
        found[name] = 2 * side**3 / _event_seconds(partial(torch.mm, a, b)) / flop
    on_device = torch.empty(size, dtype=torch.uint8, device="cuda")
    on_host = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    return {**found, "bus": size / _event_seconds(lambda: on_host.copy_(on_device, non_blocking=True)) / GLYPH_BYTES}


def multiplications(model: onnx.ModelProto) -> int:
    """Count the multiplications for one image in the matrix products of a dense decoder.

    Raises:
        BenchmarkError: The decoder has other products, whose cost depends on more than their weights.
    """
    sizes = {weight.name: int(np.prod(weight.dims)) for weight in model.graph.initializer}
    for node in model.graph.node:
        if "Conv" in node.op_type:
            raise BenchmarkError(f"the arithmetic limit is for dense decoders; this one has {node.op_type}")
    products = [node for node in model.graph.node if node.op_type in {"Gemm", "MatMul"}]
    return sum(sizes.get(name, 0) for node in products for name in node.input[:2])


def _event_seconds(work: Callable[[], object], repeats: int = 20) -> float:
    """Return the seconds of one piece of work, timed by the device."""
    work()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1000 / repeats


def crossover(figures: Sequence[dict[str, Any]]) -> int | None:
    """Return the smallest measured batch from which on the best bound GPU variant stays faster than the CPU."""
    best: dict[int, dict[bool, float]] = {}
    for figure in figures:
        on_cpu = "CPU" in figure["variant"]
        if on_cpu or not ("torch" in figure["variant"] or "device" in figure["variant"]):
            row = best.setdefault(figure["batch"], {True: 0.0, False: 0.0})
            row[on_cpu] = max(row[on_cpu], figure["images_per_second"])
    faster = list(takewhile(lambda batch: best[batch][False] > best[batch][True], sorted(best, reverse=True)))
    return faster[-1] if faster else None
