import numpy as np
import pytest

from glyphvae_training.measures.measure import (
    Measure,
    accuracy,
    accuracy_per_label,
    main_groups,
    mean_of,
    merged_labels,
    merges,
    significant,
)

NAMES = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
O, I, ZERO, ONE = (NAMES.index(name) for name in "OI01")  # noqa: E741 (the letters themselves)


def test_the_interval_of_a_mean_is_its_standard_error_on_either_side() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, size=4000)
    measure = mean_of(values, rng)
    error = 1.96 * values.std() / np.sqrt(values.size)
    assert measure.n == 4000
    assert measure.value == pytest.approx(values.mean())
    assert measure.low == pytest.approx(values.mean() - error, abs=0.2 * error)
    assert measure.high == pytest.approx(values.mean() + error, abs=0.2 * error)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    measures = [mean_of(rng.random(100) < 0.8, rng) for _ in range(200)]
    covered = sum(measure.low <= 0.8 <= measure.high for measure in measures)
    assert 175 <= covered <= 200


def test_all_right_is_all_right_with_certainty() -> None:
    assert mean_of(np.ones(10, bool), np.random.default_rng(0)) == Measure(1.0, 1.0, 1.0, 10)


def test_a_measure_is_written_to_five_digits() -> None:
    assert Measure(1 / 3, 123.456789, 1e-6 / 3, 7).to_dict() == {
        "value": 0.33333,
        "low": 123.46,
        "high": 3.3333e-07,
        "n": 7,
    }
    assert significant(0.0) == 0


def test_merging_reads_a_group_as_its_first_label() -> None:
    merged = merged_labels(NAMES, ("0O", "1I"))
    assert (merged[O], merged[I], merged[ZERO], merged[ONE]) == (ZERO, ONE, ZERO, ONE)
    assert [index for index in range(36) if merged[index] != index] == [I, O]


def test_merging_needs_no_label_of_a_group() -> None:
    assert merged_labels(("A", "O"), ("0O", "1I")).tolist() == [0, 1]


def test_small_letters_are_merged_with_capitals_of_their_shape() -> None:
    cased = (*NAMES, *"abcdefghijklmnopqrstuvwxyz")
    first, second = merges(cased)
    assert first.startswith("0/O/o, 1/I/i/l, C/c, ")
    assert main_groups(cased) == merges(cased)[first]
    merged = merged_labels(cased, main_groups(cased))
    assert {cased[group] for group in merged} == set(cased) - set("OoIilcfkmpsuvwxyz")
    wider = merged_labels(cased, merges(cased)[second])
    assert {(cased[fine], cased[coarse]) for fine, coarse in zip(merged, wider, strict=True) if fine != coarse} == {
        ("S", "5"),
        ("Z", "2"),
        ("g", "9"),
        ("q", "9"),
    }


def test_without_small_letters_only_pairs_are_merged() -> None:
    assert list(merges(NAMES)) == ["0/O, 1/I", "0/O, 1/I, 2/Z, 5/S"]
    assert main_groups(NAMES) == ("0O", "1I")


def test_accuracy_with_and_without_pairs() -> None:
    labels = np.array([ZERO, O, ONE, 10])
    predicted = np.array([O, ZERO, ONE, 11])
    result = accuracy(predicted, labels, NAMES, np.random.default_rng(0))
    assert result["accuracy"]["value"] == 0.25
    assert {pairs: measure["value"] for pairs, measure in result["merged"].items()} == {
        "0/O, 1/I": 0.75,
        "0/O, 1/I, 2/Z, 5/S": 0.75,
    }


def test_accuracy_per_label() -> None:
    labels = np.array([ZERO, ZERO, O, 10, 10, 10])
    predicted = np.array([O, ZERO, ZERO, 10, 11, 12])
    assert accuracy_per_label(predicted, labels, NAMES) == {"0": 0.5, "O": 0.0, "A": 0.33333}
    assert accuracy_per_label(predicted, labels, NAMES, ("0O",)) == {"0": 1.0, "O": 1.0, "A": 0.33333}
