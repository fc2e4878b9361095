"""Latents from the prior, decoded, as a PNG by Pillow: the work of every compared server for one response.

It runs in environments that hold little more than NumPy, ONNX Runtime and perhaps Pillow.
"""

import io
import os
from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

# Variables with the paths of the decoder as the service runs it, and in float32.
DECODER, EXACT = "GLYPHVAE_BENCH_DECODER", "GLYPHVAE_BENCH_EXACT_DECODER"


class Glyphs:
    """The shipped conditional decoder in ONNX Runtime, on one thread."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(os.environ[DECODER], options, providers=["CPUExecutionProvider"])
        self._latent_size = self._session.get_inputs()[0].shape[1]
        self._rng = np.random.default_rng()

    def draw(self, labels: Sequence[int]) -> NDArray[np.uint8]:
        """Decode a new glyph of each label, uint8 (n, 28, 28), paper 0, ink 255."""
        z = self._rng.standard_normal((len(labels), self._latent_size), dtype=np.float32)
        pixels: NDArray[np.uint8]
        (pixels,) = self._session.run(["pixels"], {"z": z, "label": np.asarray(labels, dtype=np.int64)})
        return pixels


def png(glyph: NDArray[np.uint8]) -> bytes:
    """Encode a glyph (28, 28) as a PNG, black on white."""
    from PIL import Image  # noqa: PLC0415 (not in every environment that draws)

    buffer = io.BytesIO()
    Image.fromarray(255 - glyph).save(buffer, format="PNG")
    return buffer.getvalue()
