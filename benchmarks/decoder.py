"""The shipped decoder against a fixed reference, in ONNX Runtime on one thread of one core."""

import io
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.cores import on_cores, two_cores
from benchmarks.rounds import ratios
from benchmarks.stage import Subject, console
from glyphvae_training.export.exported import session
from glyphvae_training.measures.timing import Call, decoder_call, interleaved

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# Where models are held to a latency, and the name under which the reference takes its turn among them.
MODELS_BATCH = 32
REFERENCE = "reference"
LATENT_SIZE = 6
LABELS = 36


class ReferenceDecoder(nn.Module):
    """The usual decoder of convolutional autoencoders: two dense layers, two transposed convolutions.

    It has 0.85 M parameters and stays as it is whatever the project trains, so that ratios to it compare over time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(LATENT_SIZE + LABELS, 256)
        self.maps = nn.Linear(256, 64 * 7 * 7)
        self.up = nn.ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1)
        self.last = nn.ConvTranspose2d(32, 1, kernel_size=4, stride=2, padding=1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """`z` float32 (n, 6) and `label` int64 (n,) to pixels uint8 (n, 28, 28)."""
        one_hot = functional.one_hot(label, LABELS).float()  # (n, 36)
        h = functional.relu(self.first(torch.cat([z, one_hot], dim=1)))  # (n, 256)
        h = functional.relu(self.maps(h)).view(-1, 64, 7, 7)  # (n, 64, 7, 7)
        h = functional.relu(self.up(h))  # (n, 32, 14, 14)
        logits = self.last(h).squeeze(1)  # (n, 28, 28)
        return (torch.sigmoid(logits) * 255).round().to(torch.uint8)


@cache
def reference_graph() -> bytes:
    """The reference as ONNX with the service's signature; its weights are random, which costs as much."""
    # It reports, for every graph, that it cannot export operators of torchvision, which is not used.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch", min=1)
    buffer = io.BytesIO()
    program = torch.onnx.export(
        ReferenceDecoder().eval(),
        (torch.zeros(2, LATENT_SIZE), torch.zeros(2, dtype=torch.int64)),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["z", "label"],
        output_names=["pixels"],
        dynamic_shapes=({0: batch}, {0: torch.export.Dim.AUTO}),
    )
    assert program is not None  # noqa: S101 (no file was asked for)
    onnx.save(program.model_proto, buffer)
    return buffer.getvalue()


def measure(subject: Subject, rounds: int, seconds: float) -> dict[str, Any]:
    """Microseconds per image of each at every batch, and of each conditional model at one, taking turns.

    Args:
        subject: What is measured.
        rounds: How often each has its turn.
        seconds: About how long a turn is.
    """
    with on_cores(two_cores()[0]):
        return {"batches": _by_batch(subject, rounds, seconds), "models": _by_model(subject, rounds, seconds)}


def _by_batch(subject: Subject, rounds: int, seconds: float) -> list[dict[str, Any]]:
    shipped, exact = (session(path.read_bytes()) for path in (subject.served, subject.decoder))
    reference = session(reference_graph())
    latent_size = shipped.get_inputs()[0].shape[1]
    rng = np.random.default_rng(0)
    figures = []
    for batch in BATCHES:
        calls = {
            "shipped": decoder_call(shipped, latent_size, batch, rng),
            "exact": decoder_call(exact, latent_size, batch, rng),
            "reference": decoder_call(reference, LATENT_SIZE, batch, rng),
        }
        microseconds = _microseconds(calls, batch, rounds, seconds)
        figures.append(
            {
                "batch": batch,
                "microseconds": microseconds,
                "ratios": ratios(microseconds["shipped"], microseconds["reference"]),
            }
        )
        console.print(f"measured batch {batch}")
    return figures


def _by_model(subject: Subject, rounds: int, seconds: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    calls = {REFERENCE: decoder_call(session(reference_graph()), LATENT_SIZE, MODELS_BATCH, rng)}
    for name, path in subject.conditional.items():
        decoder = session(path.read_bytes())
        calls[name] = decoder_call(decoder, decoder.get_inputs()[0].shape[1], MODELS_BATCH, rng)
    microseconds = _microseconds(calls, MODELS_BATCH, rounds, seconds)
    reference = microseconds.pop(REFERENCE)
    return [
        {"model": name, "batch": MODELS_BATCH, "microseconds": own, "ratios": ratios(own, reference)}
        for name, own in microseconds.items()
    ]


def _microseconds(calls: Mapping[str, Call], batch: int, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Per image, of each call in each round."""
    taken = interleaved(calls, rounds=rounds, seconds=seconds)
    return {name: [float(1e6 * one / batch) for one in values] for name, values in taken.items()}
