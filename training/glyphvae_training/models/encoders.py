"""Encoders q(z|x) and q(z|x, c): pixels, and a label if there is one, to the mean and log variance of the latents.

Kingma & Welling, arXiv:1312.6114, equation 9 and appendix C.2. `paper` is the encoder of the paper "Introduction to
Variational AutoEncoder"; `dense` is three matrix products, several times faster to train on a CPU; `narrow` is the same
at a third of the size, for studies that ship many models; `resnet` is residual convolutions, for likelihoods;
`pooling` is that of the paper's conditional VAE (`glyphvae_training.models.pooling`). `PenEncoder` is that of the pen.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.models.conditioning import ConditionedLinear
from glyphvae_training.models.convolutions import ResidualConvolutions
from glyphvae_training.models.pooling import PoolingEncoder

EncoderName = Literal["paper", "dense", "narrow", "resnet", "pooling"]

SIDE = 28


class DenseEncoder(nn.Module):
    """Three layers: 784 → 512 → 512 → mu and logvar.

    Args:
        latent_size: Latents.
        label_count: Labels, 0 for an unconditional model.
        width: Of both layers in between.
    """

    def __init__(self, latent_size: int, label_count: int, width: int = 512) -> None:
        super().__init__()
        self.first = ConditionedLinear(SIDE * SIDE, width, label_count)
        self.hidden = ConditionedLinear(width, width, label_count)
        self.last = nn.Linear(width, 2 * latent_size)

    def forward(self, x: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, each (n, latent), of pixels (n, 28, 28) in [0, 1]."""
        h = functional.relu(self.first(x.flatten(1), label))  # (n, 512)
        h = functional.relu(self.hidden(h, label))  # (n, 512)
        mu, logvar = self.last(h).chunk(2, dim=1)  # (n, latent) each
        return mu, logvar


class NarrowEncoder(DenseEncoder):
    """`DenseEncoder` with layers of 192: 0.8 MB instead of 2.8 MB."""

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__(latent_size, label_count, 192)


class PenEncoder(nn.Module):
    """Two convolutions with a stride of 2, then two dense layers, the second with a shortcut, and mu and logvar.

    Activations are never negative, so that the dense layers can be computed in unsigned integers.

    Args:
        latent_size: Latents.
        label_count: Labels.
        width: Of the dense layers.
    """

    CHANNELS = 16

    def __init__(self, latent_size: int, label_count: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, self.CHANNELS, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(self.CHANNELS, self.CHANNELS, 3, stride=2, padding=1)
        self.first = ConditionedLinear(self.CHANNELS * 7 * 7, width, label_count)
        self.hidden = ConditionedLinear(width, width, label_count)
        self.last = nn.Linear(width, 2 * latent_size)

    def forward(self, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, each (n, latent), of pixels (n, 28, 28) in [0, 1] and labels (n,) int64."""
        h = functional.relu(self.conv1(x.unsqueeze(1)))  # (n, channels, 14, 14)
        h = functional.relu(self.conv2(h))  # (n, channels, 7, 7)
        h = functional.relu(self.first(h.flatten(1), label))  # (n, width)
        h = h + functional.relu(self.hidden(h, label))  # (n, width)
        mu, logvar = self.last(h).chunk(2, dim=1)  # (n, latent) each
        return mu, logvar


class PaperEncoder(nn.Module):
    """The paper's two convolutions, 32 filters of 3×3 with batch normalisation and ReLU, then a dense layer.

    A stride of 2 halves the side twice, 28 to 14 to 7. The label joins behind the convolutions, before a layer with a
    non-linearity: in the last layer it could only shift the mean of a class.

    Args:
        latent_size: Latents.
        label_count: Labels, 0 for an unconditional model.
    """

    CHANNELS = 32
    WIDTH = 256

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        # Batch normalisation brings its own bias.
        self.conv1 = nn.Conv2d(1, self.CHANNELS, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(self.CHANNELS)
        self.conv2 = nn.Conv2d(self.CHANNELS, self.CHANNELS, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(self.CHANNELS)
        self.hidden = ConditionedLinear(self.CHANNELS * 7 * 7, self.WIDTH, label_count)
        self.last = nn.Linear(self.WIDTH, 2 * latent_size)

    def forward(self, x: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, each (n, latent), of pixels (n, 28, 28) in [0, 1]."""
        h = functional.relu(self.norm1(self.conv1(x.unsqueeze(1))))  # (n, 32, 14, 14)
        h = functional.relu(self.norm2(self.conv2(h)))  # (n, 32, 7, 7)
        h = functional.relu(self.hidden(h.flatten(1), label))  # (n, 256)
        mu, logvar = self.last(h).chunk(2, dim=1)  # (n, latent) each
        return mu, logvar


class ResNetEncoder(nn.Module):
    """Residual convolutions at 14×14 and 7×7, then a dense layer.

    Args:
        latent_size: Latents.
        label_count: Labels, 0 for an unconditional model.
    """

    CHANNELS = (32, 64)
    BLOCKS = (1, 2)
    # Maps that the dense layer reads: all 64 would make it the largest part of the model.
    READ = 16
    WIDTH = 256

    def __init__(self, latent_size: int, label_count: int) -> None:
        super().__init__()
        fine, coarse = self.CHANNELS
        self.body = nn.Sequential(
            nn.Conv2d(1, fine, 4, stride=2, padding=1),  # (n, 32, 14, 14)
            *(ResidualConvolutions(fine) for _ in range(self.BLOCKS[0])),
            nn.SiLU(),
            nn.Conv2d(fine, coarse, 4, stride=2, padding=1),  # (n, 64, 7, 7)
            *(ResidualConvolutions(coarse) for _ in range(self.BLOCKS[1])),
            nn.SiLU(),
            nn.Conv2d(coarse, self.READ, 1),  # (n, 16, 7, 7)
        )
        self.hidden = ConditionedLinear(self.READ * 7 * 7, self.WIDTH, label_count)
        self.last = nn.Linear(self.WIDTH, 2 * latent_size)

    def forward(self, x: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar`, each (n, latent), of pixels (n, 28, 28) in [0, 1]."""
        h = self.body(x.unsqueeze(1))  # (n, 16, 7, 7)
        h = functional.silu(self.hidden(h.flatten(1), label))  # (n, 256)
        mu, logvar = self.last(h).chunk(2, dim=1)  # (n, latent) each
        return mu, logvar


Encoder = DenseEncoder | PaperEncoder | ResNetEncoder | PoolingEncoder

_ENCODERS: dict[EncoderName, type[Encoder]] = {
    "paper": PaperEncoder,
    "dense": DenseEncoder,
    "narrow": NarrowEncoder,
    "resnet": ResNetEncoder,
    "pooling": PoolingEncoder,
}


def build_encoder(name: EncoderName, latent_size: int, label_count: int) -> Encoder:
    """Build the encoder called `name`."""
    return _ENCODERS[name](latent_size, label_count)
