from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.export.exported import read_exported
from glyphvae_training.study.coding import class_means, coding, distance_to_mean
from glyphvae_training.study.plan import BETAS
from glyphvae_training.study.theory import Check, checks
from glyphvae_training.study.train import balanced

Json = dict[str, Any]
EXPORTED = Path(__file__).parents[3] / "exported"


def row(beta: float) -> Json:
    """What a linear model with six latents of equal use comes to: sigma² = beta / (1 + beta), D = 3 log(1 + beta)."""
    noise = beta / (1 + beta)
    return {
        "beta": beta,
        "rate": -3 * np.log(noise),
        # dD / dR = -beta, with R as above.
        "distortion": 100 + 3 * np.log1p(beta),
        "kl_per_unit": [-0.5 * np.log(noise)] * 6,
        "mu_variance_per_unit": [1 - noise] * 6,
        "mean_variance_per_unit": [noise] * 6,
        "second_moment_per_unit": [1.0] * 6,
        "active_units": 6 * (1 - noise >= 0.01),
        "distance_to_mean": 0.01,
    }


def failed(rows: list[Json]) -> list[str]:
    return [check.statement for check in checks(rows) if not check.holds]


@pytest.fixture
def ideal() -> list[Json]:
    return [row(beta) for beta in BETAS]


def test_the_ideal_holds(ideal: list[Json]) -> None:
    assert not failed(ideal)
    assert len(checks(ideal)) == 5 + 4 + 3 + 4


@pytest.mark.parametrize(
    ("index", "change", "statements"),
    [
        (3, {"second_moment_per_unit": [1.0] * 5 + [1.11]}, ["β = 1: E[mu²]"]),
        (6, {"active_units": 1}, ["β = 1024: no unit"]),
        (6, {"kl_per_unit": [0.02] + [0.0] * 5}, ["β = 1024: KL"]),
        (6, {"distance_to_mean": 0.1}, ["β = 1024: samples"]),
        (6, {"mean_variance_per_unit": [0.96] + [1.02] * 5}, ["β = 1024: mean sigma²"]),
        (4, {"mu_variance_per_unit": [0.9] * 6}, ["variance of mu"]),
        (4, {"mean_variance_per_unit": [0.1] * 6}, ["mean sigma², mean"]),
        (4, {"rate": 9.0, "distortion": 99.0}, ["rate falls", "distortion rises", "β from 10 to 100"]),
        (2, {"distortion": 103.0}, ["distortion rises", "β from 0.1 to 1:"]),
    ],
)
def test_what_does_not_hold_is_found(ideal: list[Json], index: int, change: Json, statements: list[str]) -> None:
    ideal[index] |= change
    found = failed(ideal)
    assert len(found) == len(statements)
    assert all(text.startswith(start) for text, start in zip(found, statements, strict=True))


def test_below_a_tenth_the_second_moment_may_be_anything(ideal: list[Json]) -> None:
    ideal[0]["second_moment_per_unit"] = [3.0] * 6
    assert not failed(ideal)


@pytest.fixture(scope="module")
def shipped(sample: Dataset) -> list[Check]:
    """The statements about the shipped models, on characters that they were trained on."""
    characters = balanced(sample.train, 100)
    average = class_means(sample.train, len(sample.labels))
    rows = []
    for beta in BETAS:
        model = read_exported(EXPORTED, f"cvae-beta-{beta:g}")
        rng = np.random.default_rng(0)
        measured = coding(model, characters, rng)
        rows.append(measured | {"beta": beta, "distance_to_mean": distance_to_mean(model, average, rng)})
    return checks(rows)


def test_the_shipped_models_obey_theory(shipped: list[Check]) -> None:
    assert [f"{check.statement}: {check.found}" for check in shipped if not check.holds] == []
    assert len(shipped) >= 16


@pytest.mark.parametrize("beta", BETAS)
def test_the_manifest_says_what_beta_means(beta: float) -> None:
    manifest = read_exported(EXPORTED, f"cvae-beta-{beta:g}").manifest
    assert manifest["beta"] == beta
    assert manifest["metrics"]["reduction"] == "sum over pixels, mean over images"
    assert manifest["metrics"]["beta_norm"] == pytest.approx(beta * 6 / 784)
    assert len(manifest["metrics"]["mean_variance_per_unit"]) == 6
