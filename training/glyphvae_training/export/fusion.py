"""A conditional decoder as it is exported: the same function in fewer operations.

For a few glyphs ONNX Runtime spends a microsecond or more on each operation, however small, and a flow has many small
ones. Here the label's table is what a product is added to, so that table, product and ReLU become one operation
(`FusedGemm`); biases and shifts, which nothing but constants follow, are folded into the next table; the rotation of
a coupling is multiplied into its hidden layer; and both halves of the latents are scaled and shifted together, the kept
one by 1 and 0, which avoids splitting and joining them. The two flows of a pen, which run side by side, become one,
whose matrices hold those of both along the diagonal. `glyphvae_training.export.parity` compares the result with the
trained model.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.export.unpooling import FusedUnpooling
from glyphvae_training.models.conditioning import ConditionedLinear
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.flow import LARGEST_LOG_SCALE, Coupling, Flow
from glyphvae_training.models.pen import Pen, Writing
from glyphvae_training.models.pooling import UnpoolingDecoder


class Fused(nn.Module):
    """The decoder of a conditional model of pixels.

    Args:
        model: in evaluation mode; it stays as it is.
    """

    def __init__(self, model: CVAE) -> None:
        super().__init__()
        self.config = model.config
        self.decoder = copy.deepcopy(model.decoder)
        self.decoder.register_module("first", fused_linear(model.decoder.first, torch.zeros(model.config.latent_size)))
        if isinstance(self.decoder, UnpoolingDecoder):
            self.decoder.register_module("conv1", FusedUnpooling(self.decoder.conv1, self.decoder.norm1))
            self.decoder.register_module("norm1", nn.Identity())
            self.decoder.register_module("conv2", FusedUnpooling(self.decoder.conv2))

    def decode(self, z: Tensor, label: Tensor) -> Tensor:
        """Compute logits (n, 28, 28) of latents (n, latent) and labels (n,) int64, as `CVAE.decode` does."""
        logits: Tensor = self.decoder(z, label)
        return logits


class FusedPen(nn.Module):
    """The decoders of a pen, to pixels and to strokes, flows included.

    Args:
        model: in evaluation mode; it stays as it is.
        fixed: see `glyphvae_training.models.strokes.draw`.
    """

    usual: Tensor

    def __init__(self, model: Pen, *, fixed: bool = False) -> None:
        super().__init__()
        self.config = model.config
        self.fixed = fixed
        offset = torch.zeros(model.config.latent_size)
        self.flow = None
        if model.hand_flow is not None and model.form_flow is not None:
            self.flow = FusedFlow([model.hand_flow, model.form_flow])
            offset = self.flow.offset
        sizes = [model.config.hand_size, model.config.form_size]
        self.register_buffer("usual", model.usual.weight.detach().view(-1, *sizes[::-1]).contiguous())
        # A hand's flow has no label, so what its latents lack is the same for all, but for the label's offset; usual
        # forms lack what follows.
        hand = offset.reshape(-1, model.config.latent_size)[0, : sizes[0]]
        hands = hand + model.hand_offset  # (labels, hand)
        usual = (self.usual @ hands.unsqueeze(2)).squeeze(2)  # (labels, form)
        offset = offset + torch.cat([model.hand_offset, usual], dim=1)
        self.decoder = copy.deepcopy(model.decoder)
        for name, layer in list(self.decoder.named_modules()):
            if isinstance(layer, ConditionedLinear):
                lacking = offset if name == "first" else torch.zeros(layer.linear.in_features)
                self.decoder.set_submodule(name, fused_linear(layer, lacking))
        weight = self.decoder.weight.weight.T  # (hand, 1)
        self.decoder.register_module("weight", linear(weight, self.decoder.weight.bias + hand @ weight))

    def to_latents(self, u: Tensor, label: Tensor) -> Tensor:
        """Map noise (n, latent) to latents that lack the offset."""
        latents: Tensor = u if self.flow is None else self.flow(u, label)
        hand = latents[:, : self.config.hand_size].unsqueeze(2)  # (n, hand, 1)
        usual = (self.usual[label] @ hand).squeeze(2)  # (n, form)
        return latents + functional.pad(usual, (self.config.hand_size, 0))

    def write(self, z: Tensor, label: Tensor) -> Writing:
        """Decode the results of `to_latents`, as `Pen.write` does."""
        writing: Writing = self.decoder(z, label)
        return writing

    def decode(self, z: Tensor, label: Tensor) -> Tensor:
        """Compute logits (n, 28, 28) of noise (n, latent) and labels (n,) int64, as `Pen.decode` does."""
        return self.decoder.draw(self.write(self.to_latents(z, label), label), fixed=self.fixed)


class FusedLinear(nn.Module):
    """The layer x·weight + table[label].

    Args:
        weight: (features, width).
        table: (labels, width).
    """

    weight: Tensor
    table: Tensor

    def __init__(self, weight: Tensor, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().clone().contiguous())
        self.register_buffer("table", table.detach().clone().contiguous())

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Map features (n, features) and labels (n,) int64 to features (n, width)."""
        return torch.addmm(functional.embedding(label, self.table), x, self.weight)


class FusedCoupling(nn.Module):
    """Couplings of as many flows side by side, whose outputs lack `offset`, of inputs that lack `before`.

    Args:
        couplings: of the flows; one at least has labels.
        before: (size,), size being that of all flows together.
    """

    def __init__(self, couplings: Sequence[Coupling], before: Tensor) -> None:
        super().__init__()
        rotation = block_diagonal([coupling.rotation for coupling in couplings])  # (size, size)
        weight = block_diagonal(
            [one.rotation[:, : one.kept] @ one.hidden.linear.weight.T for one in couplings]
        )  # (size, width)
        table = side_by_side([table_of(one.hidden) for one in couplings])  # (labels, width)
        self.hidden = FusedLinear(weight, table + before @ weight)
        self.turned = linear(rotation, before @ rotation)
        halves = [
            [functional.pad(half, (0, 0, one.kept, 0)).T for half in one.last.weight.chunk(2)] for one in couplings
        ]  # (width, size) each
        stretch, shift = (block_diagonal(matrices) for matrices in zip(*halves, strict=True))
        biases = [[functional.pad(half, (one.kept, 0)) for half in one.last.bias.chunk(2)] for one in couplings]
        stretch_bias, shift_bias = (torch.cat(vectors) for vectors in zip(*biases, strict=True))  # (size,) each
        self.stretch = linear(stretch / LARGEST_LOG_SCALE, stretch_bias / LARGEST_LOG_SCALE)
        self.register_buffer("shift", shift.detach().contiguous())
        self.offset = shift_bias.detach()

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Map latents (n, size) towards the data."""
        h = functional.relu(self.hidden(x, label))  # (n, width)
        scale = (LARGEST_LOG_SCALE * torch.tanh(self.stretch(h))).exp()  # (n, size)
        return torch.addmm(self.turned(x) * scale, h, self.get_buffer("shift"))


class FusedFlow(nn.Module):
    """Flows side by side, whose outputs lack `offset`, (labels, size), size being that of all together.

    Args:
        flows: of as many couplings each; one at least has labels.
    """

    scale: Tensor

    def __init__(self, flows: Sequence[Flow]) -> None:
        super().__init__()
        before = torch.zeros(sum(flow.shift.embedding_dim for flow in flows))
        self.couplings = nn.ModuleList()
        for couplings in zip(*(flow.in_order() for flow in flows), strict=True):
            fused = FusedCoupling(couplings, before)
            self.couplings.append(fused)
            before = fused.offset
        self.register_buffer("scale", side_by_side([flow.log_scale.weight.exp() for flow in flows]).detach())
        self.offset = (side_by_side([flow.shift.weight for flow in flows]) + before * self.scale).detach()

    def forward(self, u: Tensor, label: Tensor) -> Tensor:
        """Map noise (n, size) and labels (n,) int64 to latents (n, size)."""
        for coupling in self.couplings:
            u = coupling(u, label)
        return u * functional.embedding(label, self.scale)


def fused_linear(layer: ConditionedLinear, offset: Tensor) -> FusedLinear:
    """Fuse a conditional layer of inputs that lack `offset`, (features,) or (labels, features)."""
    weight = layer.linear.weight.T
    return FusedLinear(weight, table_of(layer) + offset @ weight)


def table_of(layer: ConditionedLinear) -> Tensor:
    """Return what a layer adds for each label, bias included: (labels, width), one row where it has no labels."""
    bias = layer.linear.bias
    return bias.unsqueeze(0) if layer.table is None else layer.table.weight + bias


def block_diagonal(matrices: Sequence[Tensor]) -> Tensor:
    """Return one matrix with the given ones along its diagonal."""
    joined: Tensor = torch.block_diag(*matrices)  # type: ignore[no-untyped-call]
    return joined


def side_by_side(tables: Sequence[Tensor]) -> Tensor:
    """Join tables (labels, size of each), those of one row holding for every label."""
    labels = max(len(table) for table in tables)
    return torch.cat([table.expand(labels, -1) for table in tables], dim=1)


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Build the layer x·weight + bias, of (features, width) and (width,)."""
    layer = nn.Linear(*weight.shape)
    layer.weight, layer.bias = nn.Parameter(weight.T.detach()), nn.Parameter(bias.detach())
    return layer
