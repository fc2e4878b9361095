"""Decoders p(x|z) and p(x|z, c): latents, and a label if there is one, to the log odds of ink.

They differ in what a picture costs on a CPU. `dense` is three matrix products; `residual` adds width and skip
connections; `upsample` ends in one transposed convolution; `conv` mirrors the paper's encoder. docs/decoders.md
compares them.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from training.conditioning import ConditionedLinear

DecoderName = Literal["dense", "residual", "upsample", "conv"]

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
        """Logits (n, 28, 28) of latents (n, latent)."""
        h = functional.relu(self.first(z, label))  # (n, 256)
        h = functional.relu(self.hidden(h))  # (n, 512)
        logits: Tensor = self.last(h).unflatten(1, (SIDE, SIDE))  # (n, 28, 28)
        return logits


class ResidualDecoder(nn.Module):
    """Matrix products only, as `DenseDecoder`, but 512 wide with two residual blocks."""

    WIDTH = 512
    BLOCKS = 2

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        self.first = ConditionedLinear(latent_size, self.WIDTH, label_count)
        self.blocks = nn.ModuleList(nn.Linear(self.WIDTH, self.WIDTH) for _ in range(self.BLOCKS))
        self.last = nn.Linear(self.WIDTH, SIDE * SIDE)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Logits (n, 28, 28) of latents (n, latent)."""
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
        """Logits (n, 28, 28) of latents (n, latent)."""
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
        """Logits (n, 28, 28) of latents (n, latent)."""
        h = functional.relu(self.first(z, label)).view(-1, self.CHANNELS, 7, 7)  # (n, 32, 7, 7)
        h = functional.relu(self.norm(self.middle(h)))  # (n, 32, 14, 14)
        logits: Tensor = self.last(h).squeeze(1)  # (n, 28, 28)
        return logits


Decoder = DenseDecoder | ResidualDecoder | UpsampleDecoder | ConvDecoder

_DECODERS: dict[DecoderName, type[Decoder]] = {
    "dense": DenseDecoder,
    "residual": ResidualDecoder,
    "upsample": UpsampleDecoder,
    "conv": ConvDecoder,
}


def build_decoder(name: DecoderName, latent_size: int, label_count: int) -> Decoder:
    """The decoder called `name`."""
    return _DECODERS[name](latent_size, label_count)
