"""Residual convolutions, which the `resnet` encoder and decoder are made of."""

from torch import Tensor, nn
from torch.nn import functional


class ResidualConvolutions(nn.Module):
    """Two convolutions of 3×3 beside a shortcut, each behind its non-linearity.

    He et al., "Identity mappings in deep residual networks" (arXiv:1603.05027), figure 1b, without normalisation: the
    statistics of a batch would be noise that a likelihood has to pay for. The second convolution starts at 0 and the
    block at the identity (Zhang et al., "Fixup initialization", arXiv:1901.09321).

    Args:
        channels: Feature maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        assert self.second.bias is not None  # noqa: S101 (narrows for the type checker)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to the same shape."""
        h = self.first(functional.silu(x))
        sum_of_both: Tensor = x + self.second(functional.silu(h))
        return sum_of_both
