from pathlib import Path

import numpy as np
import pytest
import torch

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.fitting.objective import kl_divergence
from glyphvae_training.fitting.runs import Run, load_run
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig
from glyphvae_training.models.families import Model, ModelKind
from glyphvae_training.study.plan import Plan
from glyphvae_training.study.standardise import moments_of, standardise
from glyphvae_training.study.train import BALANCED, balanced, trained
from tests.training.examples import characters, untrained

CHARACTERS = characters(4)
X = torch.from_numpy(CHARACTERS.images).float() / 255
LABEL = torch.from_numpy(CHARACTERS.labels)


def posterior(model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.inference_mode():
        return model.encode(X, LABEL) if model.kind == "cvae" else model.encode(X)


def drawn(model: Model) -> torch.Tensor:
    """What is decoded from one fixed draw of the posterior."""
    with torch.inference_mode():
        mu, logvar = posterior(model)
        eps = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
        z = mu + (logvar / 2).exp() * eps
        return model.decode(z, LABEL) if model.kind == "cvae" else model.decode(z)


@pytest.mark.parametrize("decoder", ["dense", "conv"])
@pytest.mark.parametrize("encoder", ["narrow", "paper"])
@pytest.mark.parametrize("kind", ["cvae", "vae"])
def test_settling_changes_the_latents_and_no_picture(kind: ModelKind, encoder: str, decoder: str) -> None:
    model = untrained(kind, encoder, decoder)
    pictures, rate = drawn(model), kl_divergence(*posterior(model)).mean()
    standardise(model, CHARACTERS)
    torch.testing.assert_close(drawn(model), pictures, atol=1e-4, rtol=1e-4)
    found = moments_of(model, CHARACTERS)
    np.testing.assert_allclose(found.mean, 0, atol=1e-4)
    np.testing.assert_allclose(found.second_moment, 1, atol=1e-4)
    assert kl_divergence(*posterior(model)).mean() < rate


PLAN = Plan("cvae-beta-1", "cvae", {"encoder": "narrow", "decoder": "dense"}, "alphanumeric", TrainingConfig(epochs=1))
HARDWARE = Hardware(accelerator="cpu", threads=1)


@pytest.fixture(scope="module")
def finished(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "cvae"
    trained(PLAN, sample, folder, HARDWARE, 10)
    return folder


def test_a_planned_model_ends_settled(finished: Path, sample: Dataset) -> None:
    found = moments_of(load_run(finished).model, balanced(sample.train, BALANCED))
    np.testing.assert_allclose(found.second_moment, 1, atol=1e-3)


def test_a_model_that_starts_from_another_ends_near_it(finished: Path, sample: Dataset, tmp_path: Path) -> None:
    first = load_run(finished)

    def distance(run: Run) -> float:
        pairs = zip(run.model.parameters(), first.model.parameters(), strict=True)
        return sum(float((one - two).detach().square().sum()) for one, two in pairs)

    warm = trained(PLAN, sample, tmp_path / "warm", HARDWARE, 10, start=first)
    assert distance(warm) > 0
    other = Plan(**vars(PLAN) | {"training": TrainingConfig(epochs=1, seed=1)})
    assert distance(trained(other, sample, tmp_path / "warm-1", HARDWARE, 10, start=first)) < 0.5 * distance(
        trained(other, sample, tmp_path / "fresh", HARDWARE, 10)
    )
