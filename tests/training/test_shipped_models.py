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
    """The manifest of the model that answers where none is named."""
    manifest: dict[str, Any] = MANIFESTS[Settings.model_fields["default_model"].default]
    return manifest


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


def test_the_first_sliders_of_the_default_model_are_slant_weight_width_and_height(default: dict[str, Any]) -> None:
    ends = [name.split(" to ") for name in default["metrics"]["axes"][:4]]
    for (low, high), (first, last) in zip(
        ends,
        [("leaning left", "leaning right"), ("thin", "thick"), ("narrow", "wide"), ("low", "tall")],
        strict=True,
    ):
        assert low.startswith(first)
        assert high.startswith(last)


def test_the_default_model_takes_the_place_of_those_that_have_gone(default: dict[str, Any]) -> None:
    assert default["replaces"] == ["cvae-hq"]
    assert not set(default["replaces"]) & set(MANIFESTS)


def test_the_default_model_finds_labels_by_a_classifier(default: dict[str, Any]) -> None:
    assert "classifier" in default
