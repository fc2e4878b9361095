"""Decoders p(x|z) and p(x|z, c): latents, and a label if there is one, to the log odds of ink.

They differ in what a picture costs on a CPU. `dense` is three matrix products; `residual` adds width and skip
connections; `upsample` ends in one transposed convolution; `conv` mirrors the paper's encoder. docs/decoders.md
compares these. `resnet` is residual convolutions, for likelihoods; `unpooling` is the mirror of the `pooling` encoder
(`glyphvae_training.models.pooling`).
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.models.conditioning import ConditionedLinear
from glyphvae_training.models.convolutions import ResidualConvolutions
from glyphvae_training.models.pooling import UnpoolingDecoder

DecoderName = Literal["dense", "residual", "upsample", "conv", "resnet", "unpooling"]

SIDE = 28


class DenseDecoder(nn.Module):
    """Three layers: latent → 256 → 512 → 784.

    Args:
        latent_size: Latents.
        label_count: Labels, 0 for an unconditional model.
    """

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        self.first = ConditionedLinear(latent_size, 256, label_count)
        self.hidden = nn.Linear(256, 512)
        self.last = nn.Linear(512, SIDE * SIDE)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Return logits (n, 28, 28) of latents (n, latent)."""
        h = functional.relu(self.first(z, label))  # (n, 256)
        h = functional.relu(self.hidden(h))  # (n, 512)
        logits: Tensor = self.last(h).unflatten(1, (SIDE, SIDE))  # (n, 28, 28)
        return logits


class ResidualDecoder(nn.Module):
    """Matrix products only, as `DenseDecoder`, but 512 wide with two residual blocks.

    Args:
        latent_size: Latents.
        label_count: Labels, 0 for an unconditional model.
        width: Of all layers but the last.
    """

    BLOCKS = 2

    def __init__(self, latent_size: int, label_count: int, width: int = 512) -> None:
        super().__init__()
        self.first = ConditionedLinear(latent_size, width, label_count)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(self.BLOCKS))
        self.last = nn.Linear(width, SIDE * SIDE)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Return logits (n, 28, 28) of latents (n, latent)."""
        h = functional.relu(self.first(z, label))  # (n, 512)
        for block in self.blocks:
            h = h + functional.relu(block(h))  # (n, 512)
        logits: Tensor = self.last(h).unflatten(1, (SIDE, SIDE))  # (n, 28, 28)
        return logits


class UpsampleDecoder(nn.Module):
    """Two dense layers to 8 feature maps of 14×14, then one transposed convolution."""

    CHANNELS = 8

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        self.first = ConditionedLinear(latent_size, 256, label_count)
        self.maps = nn.Linear(256, self.CHANNELS * 14 * 14)
        self.last = nn.ConvTranspose2d(self.CHANNELS, 1, kernel_size=4, stride=2, padding=1)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Return logits (n, 28, 28) of latents (n, latent)."""
        h = functional.relu(self.first(z, label))  # (n, 256)
        h = functional.relu(self.maps(h)).view(-1, self.CHANNELS, 14, 14)  # (n, 8, 14, 14)
        logits: Tensor = self.last(h).squeeze(1)  # (n, 28, 28)
        return logits


class ConvDecoder(nn.Module):
    """The mirror of the paper's encoder: a dense layer, then two transposed convolutions of 3×3."""

    CHANNELS = 32

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        self.first = ConditionedLinear(latent_size, self.CHANNELS * 7 * 7, label_count)
        self.middle = nn.ConvTranspose2d(self.CHANNELS, self.CHANNELS, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(self.CHANNELS)
        self.last = nn.ConvTranspose2d(self.CHANNELS, 1, 3, stride=2, padding=1, output_padding=1)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Return logits (n, 28, 28) of latents (n, latent)."""
        h = functional.relu(self.first(z, label)).view(-1, self.CHANNELS, 7, 7)  # (n, 32, 7, 7)
        h = functional.relu(self.norm(self.middle(h)))  # (n, 32, 14, 14)
        logits: Tensor = self.last(h).squeeze(1)  # (n, 28, 28)
        return logits


class ResNetDecoder(nn.Module):
    """The mirror of the `resnet` encoder; pixels are shuffled out of maps of a quarter of their number.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network" (arXiv:1609.05158): no convolution runs at 28×28, which costs four times one at 14×14.

    Args:
        latent_size: Latents.
        label_count: Labels, 0 for an unconditional model.
    """

    CHANNELS = (32, 64)
    BLOCKS = (1, 2)
    WRITTEN = 16
    WIDTH = 256

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        fine, coarse = self.CHANNELS
        self.first = ConditionedLinear(latent_size, self.WIDTH, label_count)
        self.maps = nn.Linear(self.WIDTH, self.WRITTEN * 7 * 7)
        self.body = nn.Sequential(
            nn.Conv2d(self.WRITTEN, coarse, 1),  # (n, 64, 7, 7)
            *(ResidualConvolutions(coarse) for _ in range(self.BLOCKS[1])),
            nn.SiLU(),
            nn.Conv2d(coarse, 4 * fine, 1),
            nn.PixelShuffle(2),  # (n, 32, 14, 14)
            *(ResidualConvolutions(fine) for _ in range(self.BLOCKS[0])),
            nn.SiLU(),
            nn.Conv2d(fine, 4, 3, padding=1),
            nn.PixelShuffle(2),  # (n, 1, 28, 28)
        )

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Return logits (n, 28, 28) of latents (n, latent)."""
        h = functional.silu(self.first(z, label))  # (n, 256)
        h = self.maps(h).unflatten(1, (self.WRITTEN, 7, 7))  # (n, 16, 7, 7)
        logits: Tensor = self.body(h).squeeze(1)  # (n, 28, 28)
        return logits


Decoder = DenseDecoder | ResidualDecoder | UpsampleDecoder | ConvDecoder | ResNetDecoder | UnpoolingDecoder

_DECODERS: dict[DecoderName, type[Decoder]] = {
    "dense": DenseDecoder,
    "residual": ResidualDecoder,
    "upsample": UpsampleDecoder,
    "conv": ConvDecoder,
    "resnet": ResNetDecoder,
    "unpooling": UnpoolingDecoder,
}


def build_decoder(name: DecoderName, latent_size: int, label_count: int) -> Decoder:
    """Build the decoder called `name`."""
    return _DECODERS[name](latent_size, label_count)
