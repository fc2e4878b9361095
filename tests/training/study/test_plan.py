import pytest

from glyphvae_training.study.plan import BETAS, FULL, QUICK, beta_norm, plans


def test_the_models_are_the_papers() -> None:
    names = [plan.name for plan in plans(FULL)]
    assert names[:2] == ["vae-z2", "vae-z23"]
    assert names[2:] == [f"cvae-beta-{beta}" for beta in ("0.001", "0.01", "0.1", "1", "10", "100", "1024")]
    assert [plan.training.beta for plan in plans(FULL)[2:]] == list(BETAS)
    assert {plan.model["latent_size"] for plan in plans(FULL)[2:]} == {6}


def test_a_quick_study_has_the_same_models() -> None:
    assert [(plan.name, plan.model) for plan in plans(QUICK)] == [(plan.name, plan.model) for plan in plans(FULL)]


def test_figure_2_has_the_papers_epochs() -> None:
    first = plans(FULL)[0]
    assert (first.training.epochs, FULL.early_epoch, first.record) == (100, 10, True)


def test_beta_without_units() -> None:
    assert beta_norm(784, 6) == 6
    assert plans(FULL)[-1].beta_norm == pytest.approx(1024 * 6 / 784)
