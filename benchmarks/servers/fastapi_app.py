"""FastAPI around a constant, around ONNX Runtime and around PyTorch in eager mode: the usual first versions."""

import os
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Response

from benchmarks.servers.bare import png_of


def _application(content: Callable[[int], bytes]) -> FastAPI:
    app = FastAPI()

    @app.post("/generate")
    async def generate(label: int) -> Response:
        """Respond with a glyph as a PNG."""
        return Response(content(label), media_type="image/png")

    return app


def empty() -> FastAPI:
    """Return the empty route: a query parameter is parsed, and nothing computed."""
    constant = png_of(400)
    return _application(lambda _: constant)


def onnxruntime() -> FastAPI:
    """Return FastAPI, ONNX Runtime and Pillow."""
    from benchmarks.servers.glyphs import Glyphs, png  # noqa: PLC0415 (the empty route does without)

    glyphs = Glyphs()
    return _application(lambda label: png(glyphs.draw([label])[0]))


def pytorch() -> FastAPI:
    """Return FastAPI, PyTorch in eager mode and Pillow, with the weights of the shipped decoder."""
    import torch  # noqa: PLC0415 (the other two do without)

    from benchmarks.servers.glyphs import EXACT, png  # noqa: PLC0415
    from benchmarks.servers.weights import load_model  # noqa: PLC0415

    torch.set_num_threads(1)
    model = load_model(Path(os.environ[EXACT]))

    @torch.inference_mode()
    def content(label: int) -> bytes:
        logits = model.decode(torch.randn(1, model.config.latent_size), torch.tensor([label]))
        return png((torch.sigmoid(logits) * 255).round().to(torch.uint8)[0].numpy())

    return _application(content)
