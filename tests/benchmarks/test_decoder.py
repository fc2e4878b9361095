import numpy as np
import pytest

from benchmarks import decoder
from benchmarks.decoder import LABELS, LATENT_SIZE, ReferenceDecoder, measure, reference_graph
from benchmarks.server import DEFAULT_MODEL, Subject
from glyphvae_training.export.exported import session
from tests.benchmarks.examples import needs_two_cores


def test_the_reference_has_the_size_it_is_known_by() -> None:
    assert sum(weight.numel() for weight in ReferenceDecoder().parameters()) == 850_273


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_reference_decodes_any_batch(batch: int) -> None:
    (pixels,) = session(reference_graph()).run(
        ["pixels"],
        {"z": np.zeros((batch, LATENT_SIZE), dtype=np.float32), "label": np.arange(batch) % LABELS},
    )
    assert pixels.shape == (batch, 28, 28)
    assert pixels.dtype == np.uint8


@needs_two_cores
def test_both_decoders_take_turns(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "BATCHES", (1, 8))
    figures = measure(subject, rounds=2, seconds=0.001)
    assert [figure["batch"] for figure in figures["batches"]] == [1, 8]
    for figure in figures["batches"]:
        own, reference = figure["microseconds"]["shipped"], figure["microseconds"]["reference"]
        assert figure["ratios"] == [a / b for a, b in zip(own, reference, strict=True)]
        assert len(own) == 2
        assert min(own + reference) > 0
    assert [figure["model"] for figure in figures["models"]] == [DEFAULT_MODEL]
    for figure in figures["models"]:
        assert len(figure["microseconds"]) == len(figure["ratios"]) == 2
        assert min(figure["microseconds"] + figure["ratios"]) > 0
