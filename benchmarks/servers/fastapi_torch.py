"""FastAPI, PyTorch in eager mode and Pillow: what people write first, with the shipped decoder's weights."""

import os
from pathlib import Path

import torch
from fastapi import FastAPI, Response

from benchmarks.servers.glyphs import DECODER, png
from benchmarks.servers.weights import load_model

app = FastAPI()
torch.set_num_threads(1)
model = load_model(Path(os.environ[DECODER]))


@app.post("/generate")
async def generate(label: int) -> Response:
    """A new glyph as a PNG."""
    with torch.inference_mode():
        logits = model.decode(torch.randn(1, model.config.latent_size), torch.tensor([label]))
        pixels = (torch.sigmoid(logits) * 255).round().to(torch.uint8)
    return Response(png(pixels[0].numpy()), media_type="image/png")
