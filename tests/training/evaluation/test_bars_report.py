from typing import Any

import pytest

from glyphvae_training.evaluation.bars_report import BARS, at_most, labels_section, number, percent, points

Json = dict[str, Any]


def figure(value: float | None) -> Json:
    return {"value": value, "low": value, "high": value}


def difference(value: float) -> Json:
    return {"real": 0.5, "made": 0.5 + value, "difference": figure(value)}


def measured(value: float) -> Json:
    """Figures of a model that is off by this much in everything."""
    labels = {label: difference(value) for label in "gqj"}
    return {
        "labels": 126 if value == 0 else 62,
        "reading": {
            "HOG + LDA, 62 labels": {
                "mean": difference(value),
                "labels": labels | {"a": difference(-value), "b": difference(0)},
            }
        },
        "ink": {name: {"ratio": figure(1 + value), "labels": labels} for name in ("haze", "specks", "in more pieces")},
        "dots": {"i": figure(1 - value)} | ({"j": figure(1)} if value == 0 else {}),
        "large": {
            "width between letters": figure(0.1 + value),
            "width between letters of the fonts": figure(0.1),
        },
        "found": {
            f"{given} of {fonts} fonts": {"nearest": figure(0.9 - value if fonts == 16 else 0)}
            for fonts in (8, 16)
            for given in (1, 5, 10)
        },
        "mse": {"mean": figure(0.01 + value), "labels": {"g": figure(0.02)}},
        "told_apart": {"binarised": {"made": figure(0.6 + value), "control": figure(0.5)}},
    }


def test_every_bar_holds_or_does_not() -> None:
    assert all(bar.holds(measured(0)) for bar in BARS)
    assert not any(bar.holds(measured(0.5)) for bar in BARS)
    for bar in BARS:
        assert bar.shown(measured(0.5)) != bar.shown(measured(0))


def test_labels_below_are_named_and_missing_dots_said() -> None:
    shown = {bar.name: bar.shown(measured(0.5)) for bar in BARS}
    assert shown["labels with an interval wholly below −6 points"] == "a"
    assert shown["`j` with its dot, in hands of fonts that dot theirs"] == "no font dots it"
    assert shown["font found by k = 1 letters"] == "40.0 % (40.0 – 40.0), of 16 fonts"


def test_figures_have_their_interval() -> None:
    one = {"value": 0.1234, "low": 0.1, "high": None}
    assert number(one, 2) == "0.12 (0.10 – ∞)"
    assert percent(one | {"high": 0.2}) == "12.3 % (10.0 – 20.0)"
    assert points({"value": 0.01, "low": -0.02, "high": 0.05}) == "+1.0 (-2.0 – +5.0)"


@pytest.mark.parametrize(("value", "holds"), [(0.5, True), (1, True), (1.01, False), (None, False)])
def test_what_is_infinite_is_above_any_limit(value: float | None, *, holds: bool) -> None:
    assert at_most(figure(value), 1) == holds


def test_labels_that_were_not_measured_have_a_dash() -> None:
    row = labels_section({"pen": measured(0)}).splitlines()[-1]
    assert row == "| b | 50.0 % | +0.0 (+0.0 – +0.0) | – | – |"
