"""A conditional decoder as it is exported: the same function in fewer operations.

For a few glyphs ONNX Runtime spends a microsecond or more on each operation, however small, and a flow has many small
ones. Here the label's table is what a product is added to, so that table, product and ReLU become one operation
(`FusedGemm`); biases and shifts, which nothing but constants follow, are folded into the next table; the rotation of
a coupling is multiplied into its hidden layer; and both halves of the latents are scaled and shifted together, the kept
one by 1 and 0, which avoids splitting and joining them. `glyphvae_training.export.parity` compares the result with the
trained model.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.export.unpooling import FusedUnpooling
from glyphvae_training.models.conditioning import ConditionedLinear
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.flow import LARGEST_LOG_SCALE, Coupling, Flow
from glyphvae_training.models.pooling import UnpoolingDecoder


class Fused(nn.Module):
    """The decoder of a conditional model, flow included.

    Args:
        model: in evaluation mode; it stays as it is.
    """

    def __init__(self, model: CVAE) -> None:
        super().__init__()
        self.config = model.config
        first = model.decoder.first
        offset = torch.zeros(model.config.latent_size)
        self.flow = None
        if model.flow is not None:
            self.flow = FusedFlow(model.flow)
            offset = self.flow.offset
        self.decoder = copy.deepcopy(model.decoder)
        self.decoder.register_module("first", FusedLinear(first, first.linear.weight.T, offset))
        if isinstance(self.decoder, UnpoolingDecoder):
            self.decoder.register_module("conv1", FusedUnpooling(self.decoder.conv1, self.decoder.norm1))
            self.decoder.register_module("norm1", nn.Identity())
            self.decoder.register_module("conv2", FusedUnpooling(self.decoder.conv2))

    def decode(self, z: Tensor, label: Tensor) -> Tensor:
        """Compute logits (n, 28, 28) of latents (n, latent) and labels (n,) int64, as `CVAE.decode` does."""
        logits: Tensor = self.decoder(z if self.flow is None else self.flow(z, label), label)
        return logits


class FusedLinear(nn.Module):
    """A `ConditionedLinear` of inputs that lack an offset: x·W + table[label].

    Args:
        layer: the layer.
        weight: (features, width), what the inputs are multiplied with.
        offset: (features,) or (labels, features), what the inputs lack.
    """

    weight: Tensor
    table: Tensor

    def __init__(self, layer: ConditionedLinear, weight: Tensor, offset: Tensor) -> None:
        super().__init__()
        assert layer.table is not None  # noqa: S101 (a conditional model's)
        self.register_buffer("weight", weight.detach().clone().contiguous())
        self.register_buffer("table", (layer.table.weight + layer.linear.bias + offset @ weight).detach())

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Map features (n, features) and labels (n,) int64 to features (n, width)."""
        return torch.addmm(functional.embedding(label, self.table), x, self.weight)


class FusedCoupling(nn.Module):
    """A coupling whose outputs lack `offset`, of inputs that lack `before`.

    Args:
        coupling: the coupling.
        before: (size,).
    """

    def __init__(self, coupling: Coupling, before: Tensor) -> None:
        super().__init__()
        kept, rotation, last = coupling.kept, coupling.rotation, coupling.last
        self.hidden = FusedLinear(
            coupling.hidden, rotation[:, :kept] @ coupling.hidden.linear.weight.T, before
        )  # (size, width)
        self.turned = linear(rotation, before @ rotation)
        stretch, shift = (functional.pad(half, (0, 0, kept, 0)) for half in last.weight.chunk(2))  # (size, width)
        stretch_bias, shift_bias = (functional.pad(half, (kept, 0)) for half in last.bias.chunk(2))  # (size,)
        self.stretch = linear(stretch.T / LARGEST_LOG_SCALE, stretch_bias / LARGEST_LOG_SCALE)
        self.register_buffer("shift", shift.T.detach().contiguous())
        self.offset = shift_bias.detach()

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Map latents (n, size) towards the data."""
        h = functional.relu(self.hidden(x, label))  # (n, width)
        scale = (LARGEST_LOG_SCALE * torch.tanh(self.stretch(h))).exp()  # (n, size)
        return torch.addmm(self.turned(x) * scale, h, self.get_buffer("shift"))


class FusedFlow(nn.Module):
    """A flow whose outputs lack `offset`, (labels, size).

    Args:
        flow: of a conditional model.
    """

    scale: Tensor

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        before = torch.zeros(flow.shift.weight.shape[1])
        self.couplings = nn.ModuleList()
        for coupling in flow.in_order():
            fused = FusedCoupling(coupling, before)
            self.couplings.append(fused)
            before = fused.offset
        self.register_buffer("scale", flow.log_scale.weight.exp().detach())
        self.offset = (flow.shift.weight + before * self.scale).detach()

    def forward(self, u: Tensor, label: Tensor) -> Tensor:
        """Map noise (n, size) and labels (n,) int64 to latents (n, size)."""
        for coupling in self.couplings:
            u = coupling(u, label)
        return u * functional.embedding(label, self.scale)


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Build the layer x·weight + bias, of (features, width) and (width,)."""
    layer = nn.Linear(*weight.shape)
    layer.weight, layer.bias = nn.Parameter(weight.T.detach()), nn.Parameter(bias.detach())
    return layer
