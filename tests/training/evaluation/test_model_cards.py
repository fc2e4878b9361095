import json
from pathlib import Path

import pytest

from glyphvae_training.evaluation.model_cards import models_page
from tests import known_model
from tests.training.evaluation.test_report import METRICS


@pytest.fixture
def page(tmp_path: Path) -> str:
    known_model.write_model(
        tmp_path, "vae-z2", conditional=False, code={"version": "0.1.0", "sha256": "c" * 64}, config={"latent_size": 2}
    )
    code = {"version": "0.1.0", "sha256": "c" * 64}
    known_model.write_model(tmp_path, "cvae", code=code, metrics=METRICS, series="0123456789ab")
    return models_page(tmp_path)


def test_models_are_listed_by_name(page: str) -> None:
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## `cvae`", "## `vae-z2`"]


def test_a_card_has_the_manifests_facts_and_metrics(page: str) -> None:
    card = page[page.index("## `cvae`") : page.index("## `vae-z2`")]
    assert "Every pixel is 100 + 10·z[0] + label." in card
    assert "| beta | 1 |\n| series | `0123456789ab` |" in card
    assert "| series |" not in page[page.index("## `vae-z2`") :]
    assert "| labels | 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ |" in card
    assert "| exported by | glyphvae 0.1.0 (`cccccccccccc`) |" in card
    assert "![Samples of cvae: a row for each label](images/cvae-samples.png)" in card
    assert "| −ELBO, nats per image | 120.12 | 120.11 – 120.13 |" in card


def test_the_card_of_a_shipped_model_tells_how_often_its_classifier_is_right() -> None:
    root = Path(__file__).parents[3]
    page = models_page(root / "exported")
    card = page[page.index("## `cvae-62`") : page.index("## `cvae-beta-0.001`")]
    metrics = json.loads((root / "exported" / "cvae-62.json").read_text(encoding="utf-8"))["metrics"]
    found = metrics["classifier"]
    assert found["accuracy_merged"]["value"] > metrics["without_label"]["label_accuracy_merged"]["value"]
    row = f"| label found by the classifier, look-alikes merged |  | {100 * found['accuracy_merged']['value']:.1f} %"
    assert row in card
    assert f"calibration error) |  | {100 * found['calibration_error']:.1f} % |" in card
    assert "| encoder + decoder + classifier | " in card
    assert "| 8-bit encoder costs | " in card


def test_the_card_of_the_papers_model_sets_it_beside_what_it_replaces() -> None:
    root = Path(__file__).parents[3]
    page = models_page(root / "exported")
    card = page[page.index("## `cvae`") : page.index("## `vae-binarised`")]
    metrics = json.loads((root / "exported" / "cvae.json").read_text(encoding="utf-8"))["metrics"]
    found, before = metrics["negative_elbo"]["value"], metrics["predecessor"]["negative_elbo"]["value"]
    # Refinement made sharp samples, and cost likelihood.
    assert found < before
    assert f"| −ELBO, nats per image | {found:.1f} | {before:.1f} |" in card


def test_a_model_that_has_not_been_measured_says_so(page: str) -> None:
    card = page[page.index("## `vae-z2`") :]
    assert "Not evaluated yet." in card
    assert "| labels | none |" in card
    assert "| config | latent_size 2 |" in card


def test_the_page_in_the_documentation_is_that_of_the_exported_models() -> None:
    root = Path(__file__).parents[3]
    assert (root / "docs" / "models.md").read_text(encoding="utf-8") == models_page(root / "exported")


def test_every_metric_is_defined(page: str) -> None:
    for term in ("−ELBO", "Reconstruction", "KL", "Pixel MSE", "second moment", "active", "Label accuracy"):
        assert f"**{term}**" in page
