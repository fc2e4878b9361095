"""Models by the name of their kind, as runs store them."""

from collections.abc import Mapping
from typing import Any, Literal

from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.pen import Pen, PenConfig
from glyphvae_training.models.vae import VAE, VAEConfig

ModelKind = Literal["vae", "cvae", "pen"]
Model = VAE | CVAE | Pen


def build_model(kind: ModelKind, config: Mapping[str, Any]) -> Model:
    """Build a model with fresh weights.

    Args:
        kind: "vae", "cvae" or "pen".
        config: The fields of its frozen config; those left out have their defaults.

    Raises:
        TypeError: A field is unknown.
    """
    if kind == "pen":
        return Pen(PenConfig(**config))
    return VAE(VAEConfig(**config)) if kind == "vae" else CVAE(CVAEConfig(**config))
