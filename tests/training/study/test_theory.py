import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glyphvae_training.data.dataset import Dataset, balanced
from glyphvae_training.export.exported import read_exported
from glyphvae_training.study.beta import theory_rows
from glyphvae_training.study.coding import class_means, coding, distance_to_mean
from glyphvae_training.study.plan import BETAS, FULL, beta_plans
from glyphvae_training.study.theory import Check, checks, not_converged

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
NAMES = {plan.training.beta: plan.name for plan in beta_plans(FULL)}


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
    found = checks(ideal)
    # Objectives, second moments, orders, slopes, collapse.
    assert len(found) == 7 + 7 + 4 + 5 + 4
    assert not_converged(found) == []


@pytest.mark.parametrize(
    ("index", "change", "statements"),
    [
        (3, {"second_moment_per_unit": [1.0] * 5 + [1.06]}, ["β = 1: E[mu²]"]),
        (0, {"second_moment_per_unit": [0.94] + [1.0] * 5}, ["β = 0.001: E[mu²]"]),
        (6, {"active_units": 1}, ["β = 1024: no unit"]),
        (6, {"kl_per_unit": [0.02] + [0.0] * 5}, ["β = 1024: KL"]),
        (6, {"distance_to_mean": 0.1}, ["β = 1024: samples"]),
        (6, {"mean_variance_per_unit": [0.96] + [1.02] * 5}, ["β = 1024: mean sigma²"]),
        (4, {"mu_variance_per_unit": [0.9] * 6}, ["variance of mu"]),
        (4, {"mean_variance_per_unit": [0.1] * 6}, ["mean sigma², mean"]),
        # A quarter nat too much: its neighbour is better on its objective, and the slopes are out of their bounds.
        (2, {"distortion": 103.0}, ["β = 0.1: no other", "distortion rises", "β from 0.01 to 0.1", "β from 0.1 to 1:"]),
        # Alike in rate, so that there is no slope.
        (4, {"rate": row(1.0)["rate"]}, ["β = 10: no other", "β from 1 to 10:", "β from 10 to 100:"]),
    ],
)
def test_what_does_not_hold_is_found(ideal: list[Json], index: int, change: Json, statements: list[str]) -> None:
    ideal[index] |= change
    found = failed(ideal)
    assert [text[: len(start)] for text, start in zip(found, statements, strict=True)] == statements


def test_a_model_that_another_one_beats_has_not_converged(ideal: list[Json]) -> None:
    ideal[2]["distortion"] += 3
    ideal[0]["second_moment_per_unit"] = [3.0] * 6
    assert not_converged(checks(ideal)) == [0.001, 0.1]


def test_latents_that_all_are_silent_have_no_slope(ideal: list[Json]) -> None:
    for silent in ideal[-2:]:
        silent |= {"rate": 0.0, "distortion": ideal[-1]["distortion"]}
    assert not any(check.statement.startswith("β from 100 to 1024") for check in checks(ideal))


def test_the_page_prints_the_verdicts_on_what_was_measured() -> None:
    measured = json.loads((ROOT / "docs" / "paper" / "beta.json").read_text(encoding="utf-8"))
    found = checks(theory_rows(measured["models"]))
    assert measured["checks"] == [check.verdict for check in found]
    assert measured["not_converged"] == not_converged(found)
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    for check in found:
        assert f"| {check.statement} | {check.found} | {'yes' if check.holds else '**no**'} |" in page


@pytest.fixture(scope="module")
def shipped(sample: Dataset) -> list[Check]:
    """The statements about the shipped models, on characters that they were trained on."""
    characters = balanced(sample.train, 100)
    average = class_means(sample.train, len(sample.labels))
    rows = []
    for beta, name in NAMES.items():
        model = read_exported(ROOT / "exported", name)
        rng = np.random.default_rng(0)
        measured = coding(model, characters, rng)
        rows.append(measured | {"beta": beta, "distance_to_mean": distance_to_mean(model, average, rng)})
    return checks(rows)


def test_the_rate_of_the_shipped_models_falls_to_nothing(shipped: list[Check]) -> None:
    wanted = [check for check in shipped if check.statement.startswith(("rate falls", "β = 1024"))]
    assert [f"{check.statement}: {check.found}" for check in wanted if not check.holds] == []
    assert len(wanted) == 7


@pytest.mark.parametrize("beta", BETAS)
def test_the_manifest_says_what_beta_means(beta: float) -> None:
    manifest = read_exported(ROOT / "exported", NAMES[beta]).manifest
    assert manifest["beta"] == beta
    assert manifest["metrics"]["reduction"] == "sum over pixels, mean over images"
    assert manifest["metrics"]["beta_norm"] == pytest.approx(beta * 6 / 784)
    assert len(manifest["metrics"]["mean_variance_per_unit"]) == 6
