from collections import Counter
from typing import Literal

import pytest
import torch
from torch import nn

from glyphvae_training.export.fusion import Fused, FusedPen
from glyphvae_training.export.graphs import to_onnx
from glyphvae_training.export.parity import PAINTED
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.decoders import DecoderName
from glyphvae_training.models.pen import Pen, PenConfig
from tests.training.examples import graph

LABELS = 5


def bent(decoder: DecoderName) -> CVAE:
    """A model whose every weight matters, of an odd number of latents."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = CVAE(CVAEConfig(7, LABELS, decoder=decoder))
        for weight in model.parameters():
            if weight.ndim == 1 or weight.shape[0] == LABELS:
                nn.init.normal_(weight, std=0.2)
    return model.eval()


@pytest.mark.parametrize("decoder", ["dense", "residual", "upsample", "conv"])
def test_it_draws_what_the_model_draws(decoder: DecoderName) -> None:
    model = bent(decoder)
    z = torch.randn(20, 7, generator=torch.Generator().manual_seed(1))
    label = torch.arange(20) % LABELS
    with torch.inference_mode():
        expected, found = model.decode(z, label), Fused(model).eval().decode(z, label)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_model_stays_as_it_is() -> None:
    model = bent("residual")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    Fused(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def pen(couplings: int) -> Pen:
    """A pen whose every weight matters, of an odd number of latents of each kind."""
    config = PenConfig(
        hand_size=3,
        form_size=5,
        label_count=LABELS,
        strokes=2,
        control_points=5,
        segments=6,
        width=16,
        couplings=couplings,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Pen(config)
        for weight in model.parameters():
            nn.init.normal_(weight, std=0.2)
        nn.init.normal_(model.hand_offset, std=0.1)
        # As a fitted one, it leaves the pen's weight alone.
        direction = nn.functional.normalize(model.decoder.weight.weight.detach(), dim=1)
        model.hand_offset -= model.hand_offset @ direction.T @ direction
    return model.eval()


@pytest.mark.parametrize("couplings", [0, 1, 3])
def test_it_writes_and_draws_what_a_pen_does(couplings: int) -> None:
    model = pen(couplings)
    fused = FusedPen(model).eval()
    z = 0.5 * torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    label = torch.arange(20) % LABELS
    with torch.inference_mode():
        expected, found = (one.write(one.to_latents(z, label), label) for one in (model, fused))
        for name, values in expected._asdict().items():
            assert values.std() > 1e-4, name
            torch.testing.assert_close(getattr(found, name), values, rtol=1e-4, atol=1e-4)
        logits = model.decode(z, label)
        assert logits.std() > 0.1
        torch.testing.assert_close(fused.decode(z, label), logits, rtol=1e-3, atol=PAINTED)


def test_the_pen_stays_as_it_is() -> None:
    model = pen(2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    FusedPen(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("part", ["decoder", "strokes"])
def test_both_flows_of_a_pen_are_as_many_operations_as_one(part: Literal["decoder", "strokes"]) -> None:
    operators = Counter(node.op_type for node in graph(part, "pen").graph.node)
    # Two couplings of four products each; a look-up for each, one of the flow's scale, those of other layers, and
    # one of how thick the pictures of a label are.
    assert operators["Gemm"] == 2 * 4 + 5
    assert operators["Gather"] == 2 + 1 + 4 + (0 if part == "strokes" else 1)


def test_a_coupling_is_ten_operations_instead_of_sixteen() -> None:
    sizes = [len(to_onnx(pen(couplings), "decoder").graph.node) for couplings in (1, 2)]
    assert sizes[1] - sizes[0] == 10
