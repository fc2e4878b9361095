from dataclasses import FrozenInstanceError, asdict
from typing import get_args

import pytest
import torch

from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.decoders import DecoderName
from glyphvae_training.models.encoders import EncoderName
from glyphvae_training.models.families import ModelKind, build_model
from glyphvae_training.models.vae import VAE, VAEConfig
from tests.training.examples import untrained

ENCODERS: tuple[EncoderName, ...] = get_args(EncoderName)
DECODERS: tuple[DecoderName, ...] = get_args(DecoderName)


def x(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 28, 28, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_shapes_of_a_conditional_model(encoder: EncoderName, decoder: DecoderName) -> None:
    model = CVAE(CVAEConfig(latent_size=5, label_count=7, encoder=encoder, decoder=decoder))
    label = torch.tensor([0, 6, 3])
    mu, logvar = model.encode(x(), label)
    assert mu.shape == logvar.shape == (3, 5)
    assert model.decode(mu, label).shape == (3, 28, 28)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_shapes_of_an_unconditional_model(encoder: EncoderName, decoder: DecoderName) -> None:
    model = VAE(VAEConfig(latent_size=2, encoder=encoder, decoder=decoder))
    mu, logvar = model.encode(x())
    assert mu.shape == logvar.shape == (3, 2)
    assert model.decode(mu).shape == (3, 28, 28)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_label_changes_mean_and_spread_by_more_than_a_shift(encoder: str) -> None:
    model = untrained(encoder=encoder)
    assert isinstance(model, CVAE)
    mu_a, logvar_a = model.encode(x(), torch.full((3,), 10))
    mu_b, logvar_b = model.encode(x(), torch.full((3,), 11))
    for difference in (mu_a - mu_b, logvar_a - logvar_b):
        assert difference.abs().min() > 0
        assert difference.std(0).min() > 0


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_label_and_latent_changes_the_picture(decoder: str) -> None:
    model = untrained(decoder=decoder)
    assert isinstance(model, CVAE)
    z, labels = torch.zeros(36, 6), torch.arange(36)
    pictures = model.decode(z, labels).flatten(1)
    assert torch.cdist(pictures, pictures).fill_diagonal_(1).min() > 1e-3
    moved = model.decode(torch.eye(6), torch.zeros(6, dtype=torch.int64)) - pictures[0].view(28, 28)
    assert moved.abs().amax((1, 2)).min() > 1e-3


def test_images_of_a_batch_do_not_touch_each_other() -> None:
    for encoder in ENCODERS:
        model = untrained(encoder=encoder, decoder="conv")
        assert isinstance(model, CVAE)
        label = torch.tensor([1, 2, 3])
        mu, logvar = model.encode(x(), label)
        alone_mu, alone_logvar = model.encode(x()[1:2], label[1:2])
        torch.testing.assert_close(mu[1:2], alone_mu)
        torch.testing.assert_close(logvar[1:2], alone_logvar)
        torch.testing.assert_close(model.decode(mu, label)[1:2], model.decode(alone_mu, label[1:2]))


def test_the_paper_encoder_has_two_convolutions_of_32_filters_with_batch_normalisation() -> None:
    modules = list(VAE(VAEConfig(encoder="paper")).encoder.modules())
    convolutions = [module for module in modules if isinstance(module, torch.nn.Conv2d)]
    assert [(item.out_channels, item.kernel_size, item.stride) for item in convolutions] == [(32, (3, 3), (2, 2))] * 2
    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in modules) == 2


@pytest.mark.parametrize("decoder", ["dense", "residual", "upsample"])
def test_cheap_decoders_stay_within_a_million_weights(decoder: str) -> None:
    weights = sum(tensor.numel() for tensor in untrained(decoder=decoder).decoder.parameters())
    assert 300_000 < weights < 1_000_000


@pytest.mark.parametrize(("kind", "config"), [("vae", VAEConfig(3)), ("cvae", CVAEConfig(4, 12))])
def test_a_config_is_frozen_and_rebuilds_its_model(kind: ModelKind, config: VAEConfig | CVAEConfig) -> None:
    assert config.to_dict() == asdict(config)
    model = build_model(kind, config.to_dict())
    assert model.config == config
    assert model.kind == kind
    with pytest.raises(FrozenInstanceError):
        config.latent_size = 1  # type: ignore[misc]


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="depth"):
        build_model("vae", {"depth": 3})
