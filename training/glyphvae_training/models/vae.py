"""The variational autoencoder.

Kingma & Welling, "Auto-Encoding Variational Bayes" (arXiv:1312.6114): encoder q(z|x) = N(mu(x), sigma(x)^2) (equation
9) and decoder p(x|z), a Bernoulli over pixels (appendix C.1); prior p(z) = N(0, I). The two convolution layers of the
encoder are those of the paper "Introduction to Variational AutoEncoder". With a flow between noise and latents the
prior of what the decoder reads is learned (`glyphvae_training.models.flow`).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor, nn

from glyphvae_training.models.decoders import DecoderName, build_decoder
from glyphvae_training.models.encoders import EncoderName, build_encoder
from glyphvae_training.models.flow import Flow


@dataclass(frozen=True)
class VAEConfig:
    """Configuration of a VAE.

    Attributes:
        latent_size: Latents.
        encoder: See `glyphvae_training.models.encoders`.
        decoder: See `glyphvae_training.models.decoders`.
        couplings: Of the flow between noise and latents; 0 for none.
    """

    latent_size: int = 2
    encoder: EncoderName = "paper"
    decoder: DecoderName = "conv"
    couplings: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as they stand in runs and manifests."""
        return asdict(self)


class VAE(nn.Module):
    """An unconditional VAE over 28×28 pixels."""

    kind: Literal["vae"] = "vae"

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder, config.latent_size, label_count=0)
        self.decoder = build_decoder(config.decoder, config.latent_size, label_count=0)
        self.flow = Flow(config.latent_size, 0, config.couplings) if config.couplings else None

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar` of q(z|x), each (n, latent), of pixels (n, 28, 28) in [0, 1]."""
        mu, logvar = self.encoder(x, None)
        if self.flow is not None:
            return self.flow.posterior(mu, logvar, None)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Return log odds of ink (n, 28, 28) under p(x|z), of latents (n, latent)."""
        logits: Tensor = self.decoder(z if self.flow is None else self.flow(z, None), None)
        return logits
