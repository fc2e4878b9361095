from collections.abc import Sequence

import numpy as np
import pytest

from glyphvae.text.line_metrics import Floats, Metrics, extents_of, fitness, measure

CAP = 40


def places_of(text: str, base: float = 100, slope: float = 0, x_height: float = 0.7) -> Floats:
    """Return the places of characters as they are printed, each beside the last."""
    rows = []
    for index, name in enumerate(text):
        ((top, foot),) = extents_of([name])
        top = x_height if top == pytest.approx(0.7) else top
        y = base + slope * 30 * index
        rows.append((30 * index, y - top * CAP, 30 * index + 20, y - foot * CAP))
    return np.array(rows, float)


def measured(places: Floats, text: Sequence[str], lines: Sequence[int] | None = None) -> Metrics:
    return measure(places, np.array(lines or [0] * len(text)), list(text), 25)


@pytest.mark.parametrize(
    ("name", "top", "foot"),
    [("A", 1, 0), ("5", 1, 0), ("x", 0.7, 0), ("t", 0.85, 0), ("i", 0.95, 0), ("g", 0.7, -0.3), ("Q", 1, -0.15)],
)
def test_extents_are_in_cap_heights(name: str, top: float, foot: float) -> None:
    assert extents_of([name])[0] == pytest.approx([top, foot], abs=0.01)


def test_a_j_has_a_dot_and_a_tail() -> None:
    assert extents_of(["j"])[0] == pytest.approx([0.95, -0.3])


def test_a_line_is_measured_by_its_characters() -> None:
    metrics = measured(places_of("Handgrab", x_height=0.6), "Handgrab")
    assert metrics.base == pytest.approx(100)
    assert metrics.cap == pytest.approx(CAP)
    assert metrics.x_height == pytest.approx(0.6)
    assert metrics.tops(np.array([80.0] * 8)) == pytest.approx(0.5)


def test_a_baseline_may_slope() -> None:
    metrics = measured(places_of("Hardbadge", slope=0.04), "Hardbadge")
    assert metrics.base == pytest.approx(100 + 0.04 * 30 * np.arange(9), abs=0.2)


def test_each_line_has_its_baseline_and_all_of_them_the_cap_height() -> None:
    places = np.concatenate([places_of("Had"), places_of("co", base=200)])
    metrics = measured(places, "Hadco", [0, 0, 0, 1, 1])
    assert metrics.base == pytest.approx([100, 100, 100, 200, 200])
    assert metrics.cap == pytest.approx(CAP)


def test_letters_of_one_shape_are_taken_for_capitals_where_nothing_else_is() -> None:
    assert measured(places_of("COX"), "cox").cap == pytest.approx(CAP)


def test_letters_with_tails_tell_the_baseline_too() -> None:
    """At a size of 25 pixels, their tails are 0.3 of it."""
    places = places_of("gq")
    assert measured(places, "gp").base == pytest.approx(places[:, 3] - 0.3 * 25, abs=8)


def test_characters_at_one_place_have_a_level_baseline() -> None:
    places = np.tile(places_of("H"), (6, 1))
    assert measured(places, "HHHHHH").base == pytest.approx(100)


@pytest.mark.parametrize(("true", "other"), ["cC", "Oo", "sS", "pP", "vV", "zZ", "gG"])
def test_size_and_place_tell_case(true: str, other: str) -> None:
    text = f"Hand{true}"
    places = places_of(text)
    fit = fitness(places, np.zeros(5, bool), measured(places, text), [true, other])
    assert fit[-1, 0] == pytest.approx(0, abs=0.1)
    assert fit[-1, 1] < -1.5


def test_an_i_may_lack_its_dot_but_one_with_a_dot_is_high() -> None:
    low = places_of("Hand")[[1]]
    metrics = Metrics(np.array([100.0]), np.array([float(CAP)]), 0.7)
    dotless, dotted = (fitness(low, np.array([parted]), metrics, ["i"])[0, 0] for parted in (False, True))
    assert dotless == pytest.approx(0, abs=0.01)
    assert dotted < -1


def test_low_digits_do_not_tell_the_cap_height() -> None:
    """Some hands have digits of the x-height."""
    places = places_of("Hand 735".replace(" ", ""))
    places[4:, 1] = places[1, 1]
    assert measured(places, "Hand735").cap == pytest.approx(CAP)
