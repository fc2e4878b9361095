from collections import Counter

import pytest
import torch

from glyphvae_training.export.unpooling import FusedUnpooling
from glyphvae_training.models.pooling import UnpooledConvolution
from tests.training.examples import graph


@pytest.mark.parametrize(("filters", "shape"), [(1, (14, 14)), (3, (4, 5)), (2, (1, 1))])
def test_it_gives_what_the_layer_gives(filters: int, shape: tuple[int, int]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layer = UnpooledConvolution(5, filters, bias=True)
    x = torch.randn(2, 5, *shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, found = layer(x), FusedUnpooling(layer)(x)
    assert found.shape == (2, filters, 2 * shape[0], 2 * shape[1])
    torch.testing.assert_close(found, expected)


def test_an_exported_decoder_un_pools_once() -> None:
    model = graph("decoder", encoder="pooling", decoder="unpooling")
    operators = Counter(node.op_type for node in model.graph.node)
    assert (operators["Resize"], operators["DepthToSpace"], operators["Conv"]) == (1, 1, 2)
