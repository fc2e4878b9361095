from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional

from glyphvae_training.export.unpooling import FusedUnpooling
from glyphvae_training.models.pooling import UnpooledConvolution
from tests.training.examples import graph


def random(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("filters", "shape"), [(1, (14, 14)), (3, (4, 5)), (2, (1, 1))])
def test_a_layer_repeats_each_value_and_convolves(filters: int, shape: tuple[int, int], bias: bool) -> None:
    layer = UnpooledConvolution(5, filters, bias=bias)
    x = random(2, 5, *shape)
    with torch.inference_mode():
        large = functional.interpolate(x, scale_factor=2, mode="nearest")
        expected = functional.conv2d(large, layer.weight, layer.bias, padding=1)
        found = layer(x)
    assert found.shape == (2, filters, 2 * shape[0], 2 * shape[1])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("filters", [1, 3])
def test_what_is_exported_gives_what_the_layer_gives(filters: int) -> None:
    layer, x = UnpooledConvolution(5, filters, bias=True), random(2, 5, 4, 3)
    with torch.inference_mode():
        torch.testing.assert_close(FusedUnpooling(layer)(x), layer(x))


@pytest.mark.parametrize("bias", [True, False])
def test_a_batch_normalisation_is_part_of_what_is_exported(bias: bool) -> None:
    layer, norm, x = UnpooledConvolution(5, 3, bias=bias), nn.BatchNorm2d(3).eval(), random(2, 5, 4, 3)
    norm.load_state_dict(
        {name: random(3, seed=seed) for seed, name in enumerate(("weight", "bias", "running_mean", "running_var"))},
        strict=False,
    )
    with torch.inference_mode():
        torch.testing.assert_close(FusedUnpooling(layer, norm)(x), norm(layer(x)))


def test_an_exported_decoder_convolves_before_it_un_pools() -> None:
    model = graph("decoder", encoder="pooling", decoder="unpooling")
    operators = Counter(node.op_type for node in model.graph.node)
    assert (operators["Resize"], operators["DepthToSpace"], operators["Conv"]) == (0, 2, 2)
    assert operators["BatchNormalization"] == 0
