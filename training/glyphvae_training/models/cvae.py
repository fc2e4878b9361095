"""The conditional variational autoencoder.

Sohn, Lee & Yan, "Learning Structured Output Representation using Deep Conditional Generative Models" (NeurIPS 2015),
section 3, with the image generated from the label: encoder q(z|x, c), decoder p(x|z, c), prior p(z) = N(0, I) for every
label, as in the paper "Introduction to Variational AutoEncoder", figure 4.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor, nn

from glyphvae_training.models.decoders import DecoderName, build_decoder
from glyphvae_training.models.encoders import EncoderName, build_encoder


@dataclass(frozen=True)
class CVAEConfig:
    """Configuration of a conditional VAE.

    Attributes:
        latent_size: Latents, the paper's x1 to x6.
        label_count: Labels.
        encoder: See `glyphvae_training.models.encoders`.
        decoder: See `glyphvae_training.models.decoders`.
    """

    latent_size: int = 6
    label_count: int = 36
    encoder: EncoderName = "dense"
    decoder: DecoderName = "residual"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as they stand in runs and manifests."""
        return asdict(self)


class CVAE(nn.Module):
    """A conditional VAE over 28×28 pixels."""

    kind: Literal["cvae"] = "cvae"

    def __init__(self, config: CVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder, config.latent_size, config.label_count)
        self.decoder = build_decoder(config.decoder, config.latent_size, config.label_count)

    def encode(self, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar` of q(z|x, c), each (n, latent), of pixels (n, 28, 28) in [0, 1] and labels."""
        mu, logvar = self.encoder(x, label)
        return mu, logvar

    def decode(self, z: Tensor, label: Tensor) -> Tensor:
        """Return log odds of ink (n, 28, 28) under p(x|z, c), of latents (n, latent) and labels (n,) int64."""
        logits: Tensor = self.decoder(z, label)
        return logits
