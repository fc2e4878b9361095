"""The shipped decoder against a fixed reference, in ONNX Runtime on one thread of one core."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.processes import on_cores, two_cores
from benchmarks.rounds import ratios
from benchmarks.server import Subject, console
from glyphvae_training.export.exported import session
from glyphvae_training.measures.timing import Call, decoder_call, interleaved

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# Seconds of a turn: long against the clock's resolution, short against what else the machine does.
SECONDS = 0.01
# The batch at which all models are compared.
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
        """Decode `z` float32 (n, 6) and `label` int64 (n,) to pixels uint8 (n, 28, 28)."""
        one_hot = functional.one_hot(label, LABELS).float()  # (n, 36)
        h = functional.relu(self.first(torch.cat([z, one_hot], dim=1)))  # (n, 256)
        h = functional.relu(self.maps(h)).view(-1, 64, 7, 7)  # (n, 64, 7, 7)
        h = functional.relu(self.up(h))  # (n, 32, 14, 14)
        logits = self.last(h).squeeze(1)  # (n, 28, 28)
        return (torch.sigmoid(logits) * 255).round().to(torch.uint8)


@cache
def reference_graph() -> bytes:
    """Export the reference with the service's signature; its weights are random, which costs as much."""
    # It reports, for every graph, that it cannot export operators of torchvision, which is not used.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch", min=1)
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
    exported: bytes = program.model_proto.SerializeToString()
    return exported


def measure(subject: Subject, rounds: int = 60, seconds: float = SECONDS) -> dict[str, Any]:
    """Measure the shipped decoder against the reference decoder.

    Args:
        subject: The service.
        rounds: Turns of each decoder.
        seconds: About the duration of a turn.
    """
    with on_cores(two_cores()[0]):
        return {"batches": _by_batch(subject, rounds, seconds), "models": _by_model(subject, rounds, seconds)}


def _decoding(decoder: ort.InferenceSession, batch: int) -> Call:
    return decoder_call(decoder, decoder.get_inputs()[0].shape[1], batch, np.random.default_rng(0))


def _by_batch(subject: Subject, rounds: int, seconds: float) -> list[dict[str, Any]]:
    models = {"shipped": subject.served.read_bytes(), "exact": subject.decoder.read_bytes()}
    decoders = {name: session(model) for name, model in {**models, REFERENCE: reference_graph()}.items()}
    figures = []
    for batch in BATCHES:
        calls = {name: _decoding(decoder, batch) for name, decoder in decoders.items()}
        own = _microseconds(calls, batch, rounds, seconds)
        figures.append({"batch": batch, "microseconds": own, "ratios": ratios(own["shipped"], own[REFERENCE])})
        console.print(f"measured batch {batch}")
    return figures


def _by_model(subject: Subject, rounds: int, seconds: float) -> list[dict[str, Any]]:
    models = {REFERENCE: reference_graph()} | {name: path.read_bytes() for name, path in subject.conditional.items()}
    calls = {name: _decoding(session(model), MODELS_BATCH) for name, model in models.items()}
    microseconds = _microseconds(calls, MODELS_BATCH, rounds, seconds)
    reference = microseconds.pop(REFERENCE)
    return [
        {"model": name, "batch": MODELS_BATCH, "microseconds": own, "ratios": ratios(own, reference)}
        for name, own in microseconds.items()
    ]


def _microseconds(calls: Mapping[str, Call], batch: int, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the time per image of each call in each round."""
    taken = interleaved(calls, rounds=rounds, seconds=seconds)
    return {name: [float(1e6 * one / batch) for one in values] for name, values in taken.items()}
