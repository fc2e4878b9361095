from dataclasses import replace

import pytest

from glyphvae_training.fitting.plain import PLAIN
from glyphvae_training.study.plan import BETAS, FULL, QUICK, beta_norm, beta_plans, plans


def test_the_models_are_the_papers() -> None:
    names = [plan.name for plan in plans(FULL)]
    assert names[:3] == ["vae-z2", "vae-z2-brief", "vae-z23"]
    assert names[3:] == [
        *(f"cvae-beta-{beta}" for beta in ("0.001", "0.01", "0.1")),
        "cvae",
        *(f"cvae-beta-{beta}" for beta in ("10", "100", "1024")),
    ]
    assert [plan.training.beta for plan in plans(FULL)[3:]] == list(BETAS)
    assert {plan.model["latent_size"] for plan in plans(FULL)[3:]} == {6}


def test_the_conditional_models_differ_in_beta_alone() -> None:
    """They are what `glyphvae train` makes by itself, and of what it is asked for by `--beta`."""
    paper = PLAIN["cvae"]
    for plan in beta_plans(FULL):
        assert plan.training == replace(paper.training, beta=plan.training.beta)
        assert plan.model == paper.model | {"label_count": 36}


def test_the_models_of_figure_3_are_trained_alike() -> None:
    two, many = plans(FULL)[1:3]
    assert two.training == many.training
    assert (two.model["latent_size"], many.model["latent_size"]) == (2, 23)


def test_a_quick_study_has_the_same_models() -> None:
    assert [(plan.name, plan.model) for plan in plans(QUICK)] == [(plan.name, plan.model) for plan in plans(FULL)]


def test_figure_2_has_the_papers_epochs() -> None:
    first = plans(FULL)[0]
    assert (first.training.epochs, FULL.early_epoch, first.record) == (100, 10, True)


def test_beta_without_units() -> None:
    assert beta_norm(784, 6) == 6
    assert plans(FULL)[-1].beta_norm == pytest.approx(1024 * 6 / 784)
