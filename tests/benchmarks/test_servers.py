"""The compared servers that run in this environment, on the known model or on an untrained one."""

import io
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import onnxruntime as ort
import pytest
import torch
from fastapi import FastAPI
from PIL import Image

from benchmarks.server import Subject
from benchmarks.servers import fastapi_app
from benchmarks.servers.glyphs import DECODER, EXACT, Glyphs, png
from benchmarks.servers.weights import load_model
from glyphvae_training.models.cvae import CVAEConfig
from glyphvae_training.models.pen import PenConfig
from tests.benchmarks.examples import MODEL, export_untrained

PEN = PenConfig(3, 3, 36, strokes=2, control_points=5, segments=6, width=16, couplings=2)


@pytest.mark.parametrize("create", [fastapi_app.empty, fastapi_app.onnxruntime, fastapi_app.pytorch])
async def test_every_server_answers_a_png(
    create: Callable[[], FastAPI], subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DECODER, str(subject.served))
    monkeypatch.setenv(EXACT, str(subject.decoder))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create()), base_url="http://reference") as client:
        answer = await client.post("/generate?label=19")
        refused = await client.post("/generate?label=J")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "PNG"
    assert refused.status_code == 422


def test_glyphs_are_new_and_of_the_labels(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DECODER, str(subject.served))
    glyphs = Glyphs()
    first, second = glyphs.draw([1, 2, 3]), glyphs.draw([1, 2, 3])
    assert first.shape == (3, 28, 28)
    assert first.dtype == np.uint8
    assert (first != second).any()


def test_ink_is_black_in_the_png() -> None:
    glyph = np.zeros((28, 28), dtype=np.uint8)
    glyph[3, 4] = 255
    with Image.open(io.BytesIO(png(glyph))) as image:
        assert image.getpixel((4, 3)) == 0
        assert image.getpixel((0, 0)) == 255


@pytest.mark.parametrize("config", [MODEL, PEN])
def test_the_exported_weights_give_the_same_pixels_in_torch(tmp_path: Path, config: CVAEConfig | PenConfig) -> None:
    export_untrained(tmp_path, config)
    subject = Subject(tmp_path)
    model = load_model(subject.decoder)
    z = np.random.default_rng(0).standard_normal((5, model.config.latent_size), dtype=np.float32)
    label = np.arange(5)
    with torch.inference_mode():
        logits = model.decode(torch.from_numpy(z), torch.from_numpy(label))
    session = ort.InferenceSession(subject.decoder.read_bytes(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["logits"], {"z": z, "label": label})
    np.testing.assert_allclose(logits.numpy(), expected, atol=1e-4)
