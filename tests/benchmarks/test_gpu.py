"""The parts that run anywhere are compared with the CPU provider; the tests that need a GPU are marked."""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from benchmarks import gpu
from benchmarks.decoder import reference_graph
from benchmarks.gpu import bound, crossover, half, inputs, make_session, multiplications, plain
from benchmarks.processes import BenchmarkError
from benchmarks.server import Subject
from tests.benchmarks.examples import MODEL

HAS_GPU = gpu.CUDA in ort.get_available_providers() and torch.cuda.is_available()
needs_gpu = [pytest.mark.gpu, pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU with onnxruntime-gpu is at hand")]


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_without_a_gpu_the_measurement_says_what_is_missing(subject: Subject) -> None:
    with pytest.raises(BenchmarkError, match=r"built without CUDA|no NVIDIA GPU"):
        gpu.measure(subject, 0.1)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_bound_inputs_and_outputs_give_the_same_pixels(device: str, subject: Subject) -> None:
    feed = inputs(MODEL.latent_size, 7)
    expected = plain(make_session(subject.decoder.read_bytes(), "cpu"), feed)()
    call = bound(make_session(subject.decoder.read_bytes(), device), feed, device)
    for _ in range(3):
        assert np.abs(call().astype(int) - expected).max() <= (0 if device == "cpu" else 1)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_half_precision_moves_no_pixel_by_more_than_two_grey_levels(device: str, subject: Subject) -> None:
    feed = inputs(MODEL.latent_size, 7)
    expected = plain(make_session(subject.decoder.read_bytes(), "cpu"), feed)()
    found = plain(make_session(half(subject.decoder.read_bytes()), device), feed)()
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_what_stays_on_the_device_is_not_copied(subject: Subject) -> None:
    feed = inputs(MODEL.latent_size, 7)
    assert bound(make_session(subject.decoder.read_bytes(), "cpu"), feed, "cpu", copies=False)().size == 0


def test_the_arithmetic_is_that_of_the_matrix_products(subject: Subject) -> None:
    # latents to 256, 256 to 512, 512 to 784; the label is looked up
    assert multiplications(onnx.load(subject.decoder)) == 6 * 256 + 256 * 512 + 512 * 784


def test_the_arithmetic_of_convolutions_is_not_guessed() -> None:
    with pytest.raises(BenchmarkError, match="ConvTranspose"):
        multiplications(onnx.load_from_string(reference_graph()))


def images(batch: int, cpu: float, cuda: float, device: float = 1e9) -> list[dict[str, Any]]:
    rates = {
        "ONNX Runtime, CPU, 1 thread": cpu,
        "ONNX Runtime, CUDA, bound": cuda,
        "ONNX Runtime, CUDA, fp16, graph, device": device,
    }
    return [{"variant": name, "batch": batch, "images_per_second": rate} for name, rate in rates.items()]


def test_the_crossover_is_where_the_gpu_overtakes_for_good_copies_counted() -> None:
    figures = [*images(1, 10, 1), *images(4, 10, 20), *images(16, 10, 9), *images(64, 10, 40), *images(256, 10, 90)]
    assert crossover(figures) == 64
    assert crossover(images(1, 10, 20)) == 1
    assert crossover(images(1, 10, 1)) is None


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU with onnxruntime-gpu is at hand")
def test_every_variant_decodes_the_same_on_the_gpu(subject: Subject) -> None:
    feed = inputs(MODEL.latent_size, 16)
    expected = plain(make_session(subject.decoder.read_bytes(), "cpu"), feed)()
    for name, make in gpu.variants(subject, feed).items():
        run = make()
        run()
        run()
        pixels = run()  # by now compiled, or captured and replayed
        if "device" not in name:
            assert np.abs(pixels.astype(int) - expected).max() <= 3, name


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU with onnxruntime-gpu is at hand")
def test_the_limits_are_above_what_is_reached(subject: Subject) -> None:
    limits = gpu.limits(subject)
    assert limits["arithmetic_fp16"] > limits["arithmetic_fp32"] > 0
    assert limits["bus"] > 1e6
