from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.export.graphs import PARTS
from glyphvae_training.export.storage import compact
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.pooling import PoolingEncoder, UnpoolingDecoder
from tests.training.examples import graph, untrained

LABEL = torch.tensor([3, 12, 35])


@pytest.fixture
def encoder() -> PoolingEncoder:
    model = untrained(encoder="pooling", decoder="unpooling")
    assert isinstance(model.encoder, PoolingEncoder)
    return model.encoder


@pytest.fixture
def decoder() -> UnpoolingDecoder:
    model = untrained(encoder="pooling", decoder="unpooling")
    assert isinstance(model.decoder, UnpoolingDecoder)
    return model.decoder


def inputs_of_convolutions(module: nn.Module, run: Callable[[], object]) -> list[tuple[int, ...]]:
    """The shapes that the convolutions of `module` read while `run` runs."""
    shapes: list[tuple[int, ...]] = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            assert part.kernel_size == (3, 3)
            part.register_forward_hook(lambda _module, inputs, _output: shapes.append(tuple(inputs[0].shape[1:])))
    run()
    return shapes


def test_the_encoder_is_convolution_and_pooling_twice_then_dense(encoder: PoolingEncoder) -> None:
    x = torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(1))
    h = x.unsqueeze(1)
    for convolution, norm in ((encoder.conv1, encoder.norm1), (encoder.conv2, encoder.norm2)):
        h = functional.relu(norm(convolution(h)))
        h = h.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))  # the largest of each 2×2
    assert h.shape == (3, 32, 7, 7)
    h = functional.relu(encoder.hidden(h.flatten(1), LABEL))
    torch.testing.assert_close(torch.cat(encoder(x, LABEL), dim=1), encoder.last(h))
    assert inputs_of_convolutions(encoder, lambda: encoder(x, LABEL)) == [(1, 28, 28), (32, 14, 14)]


def doubled(maps: Tensor) -> Tensor:
    return maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def test_the_decoder_is_its_mirror_image(decoder: UnpoolingDecoder) -> None:
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    h = functional.relu(decoder.first(z, LABEL))
    h = functional.relu(decoder.maps(h, LABEL)).view(3, 32, 7, 7)
    h = functional.relu(decoder.norm1(functional.conv2d(doubled(h), decoder.conv1.weight, padding=1)))
    expected = functional.conv2d(doubled(h), decoder.conv2.weight, decoder.conv2.bias, padding=1)
    torch.testing.assert_close(decoder(z, LABEL), expected.view(3, 28, 28))
    assert inputs_of_convolutions(decoder, lambda: decoder(z, LABEL)) == [(32, 7, 7), (32, 14, 14)]


def test_a_model_is_stored_in_a_megabyte_and_a_quarter() -> None:
    stored = [compact(graph(part, encoder="pooling", decoder="unpooling")) for part in PARTS]
    assert 1.2e6 < sum(len(model.SerializeToString()) for model in stored) < 1.3e6


def test_weights_are_laid_out_for_the_cpu() -> None:
    model = untrained(encoder="pooling", decoder="unpooling")
    assert isinstance(model, CVAE)
    convolutions = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == 4
    assert all(part.weight.is_contiguous(memory_format=torch.channels_last) for part in convolutions)
