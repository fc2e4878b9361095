"""What was measured on the models in exported/ is what is asked of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from glyphvae.settings import Settings

EXPORTED = Path(__file__).parents[2] / "exported"
MANIFESTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(EXPORTED.glob("*.json"))}


@pytest.fixture
def default() -> dict[str, Any]:
    """The metrics of the model that answers where none is named."""
    metrics: dict[str, Any] = MANIFESTS[Settings.model_fields["default_model"].default]["metrics"]
    return metrics


def test_there_is_room_for_all_of_them() -> None:
    sizes = {path: path.stat().st_size for path in EXPORTED.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 40e6
    assert max(sizes.values()) < 5e6


@pytest.mark.parametrize("name", [name for name, manifest in MANIFESTS.items() if "compact" in manifest["metrics"]])
def test_weights_in_float16_cost_nothing_that_is_seen(name: str) -> None:
    lost = MANIFESTS[name]["metrics"]["compact"]
    assert abs(lost["levels"]) < 0.05
    assert abs(lost["nats"]) < 0.01


@pytest.mark.parametrize("name", [name for name, manifest in MANIFESTS.items() if "one_style" in manifest["metrics"]])
def test_digits_and_letters_of_one_style_look_like_one_hand(name: str) -> None:
    for measured in MANIFESTS[name]["metrics"]["one_style"].values():
        assert measured["ratio"] == pytest.approx(1, abs=0.05)


def test_samples_of_the_default_model_are_read_as_real_characters_are(default: dict[str, Any]) -> None:
    for judge in default["judges"].values():
        samples = judge["samples"]["merged"]["0/O, 1/I"]["value"]
        assert samples > judge["held_out"]["label_mean_merged"] - 0.005
    assert default["classification_accuracy"]["ratio"] >= 0.97


def test_samples_of_the_default_model_are_as_varied_and_as_sharp(default: dict[str, Any]) -> None:
    assert default["coverage"]["value"] >= 0.90
    assert 0.9 <= default["density"]["value"] <= 1.15
    assert default["frechet"]["value"] <= 3 * default["frechet"]["real_half_split"]
    assert default["spread_within_label"]["ratio"] >= 0.90
    assert all(measured["ratio"] == pytest.approx(1, abs=0.1) for measured in default["sharpness"].values())


def test_the_first_sliders_of_the_default_model_are_slant_weight_width_and_height(default: dict[str, Any]) -> None:
    ends = [name.split(" to ") for name in default["axes"][:4]]
    for (low, high), (first, last) in zip(
        ends,
        [("leaning left", "leaning right"), ("thin", "thick"), ("narrow", "wide"), ("low", "tall")],
        strict=True,
    ):
        assert low.startswith(first)
        assert high.startswith(last)
