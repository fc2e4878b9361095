"""Un-pooling, convolution and batch normalisation as one convolution with constant kernels, for ONNX Runtime."""

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from glyphvae_training.models.pooling import UnpooledConvolution, phases


class FusedUnpooling(nn.Module):
    """The same function as an `UnpooledConvolution` and the batch normalisation that may follow it.

    Args:
        layer: The layer.
        norm: Of its outputs, in evaluation mode; None where none follows, and the layer has a bias.
    """

    kernel: Tensor
    bias: Tensor

    def __init__(self, layer: UnpooledConvolution, norm: nn.BatchNorm2d | None = None) -> None:
        super().__init__()
        weight, bias = layer.weight, layer.bias
        if norm is not None:
            assert norm.running_mean is not None  # noqa: S101 (narrows for the type checker)
            assert norm.running_var is not None  # noqa: S101
            statistics = (norm.running_mean, norm.running_var, norm.eps)
            weight, bias = fuse_conv_bn_weights(weight, bias, *statistics, norm.weight, norm.bias)
        assert bias is not None  # noqa: S101
        self.register_buffer("kernel", phases(weight).detach())  # (4 filters, channels, 3, 3)
        self.register_buffer("bias", bias.repeat_interleave(4).detach())  # (4 filters,)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, filters, 2h, 2w)."""
        h = functional.conv2d(x, self.kernel, self.bias, padding=1)  # (n, 4 filters, h, w)
        return functional.pixel_shuffle(h, 2)  # (n, filters, 2h, 2w)
