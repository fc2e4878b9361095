"""The application over the known models, for targets that send it requests."""

import tempfile
from functools import cache
from pathlib import Path

from glyphvae.api.context import Context
from glyphvae.application import Application, create_app
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from tests.known_model import classifier, write_model

# Longer than any input takes, on any machine.
PATIENCE = 3600


@cache
def context() -> Context:
    """Return settings and models: limits keep every response small."""
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), "cvae", files={"classifier": classifier()})
        write_model(Path(folder), "vae", conditional=False)
        settings = Settings(
            models=Path(folder),
            default_model="cvae",
            preload="all",
            device="cpu",
            max_samples=6,
            max_dataset=6,
            max_output_pixels=30_000,
            max_images=6,
            max_image_pixels=4_000,
            max_total_pixels=4_000,
            max_text_length=40,
            request_timeout=PATIENCE,
        )
        return Context(settings, load_registry(settings))


@cache
def application() -> Application:
    """Return the application over them."""
    return create_app(context())
