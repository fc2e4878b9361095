import numpy as np
import pytest

from glyphvae_training.measures.comparison import compare_by_label, interval

NAMES = ("a", "b", "c")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_every_label_counts_alike_however_often_it_comes() -> None:
    real = np.array([1.0] * 90 + [0.0] * 10)
    labels = np.array([0] * 90 + [1] * 10)
    found = compare_by_label(real, labels, np.full(4, 2.0), np.array([0, 0, 1, 1]), NAMES, rng())
    assert (found.labels["a"].real, found.labels["b"].real) == (1, 0)
    assert list(found.labels["a"].difference) == [1, 1, 1]
    assert list(found.labels["b"].difference) == [2, 2, 2]
    assert (found.mean.real, found.mean.made) == (0.5, 2)
    assert list(found.mean.difference) == [1.5, 1.5, 1.5]
    assert list(found.ratio) == [4, 4, 4]


def test_both_sides_are_resampled() -> None:
    values, labels = np.arange(100) % 2 == 0, np.zeros(100, np.int64)
    both = compare_by_label(values, labels, values, labels, NAMES, rng()).mean.difference
    one = compare_by_label(values, labels, np.full(100, 0.5), labels, NAMES, rng()).mean.difference
    # Standard errors of 0.05 and, of a difference, of 0.05 times the root of 2.
    assert one.value == both.value == 0
    assert (one.high - one.low) / 2 == pytest.approx(1.96 * 0.05, rel=0.1)
    assert (both.high - both.low) / 2 == pytest.approx(1.96 * 0.05 * 2**0.5, rel=0.1)


def test_the_mean_over_labels_is_surer_than_each_label() -> None:
    values, labels = np.arange(300) // 3 % 2 == 0, np.arange(300) % 3
    found = compare_by_label(values, labels, values, labels, NAMES, rng())
    one, mean = found.labels["a"].difference, found.mean.difference
    assert (one.high - one.low) / (mean.high - mean.low) == pytest.approx(3**0.5, rel=0.15)


def test_only_labels_that_both_have_are_compared() -> None:
    found = compare_by_label(np.ones(4), np.array([0, 0, 1, 1]), np.ones(4), np.array([1, 1, 2, 2]), NAMES, rng())
    assert list(found.labels) == ["b"]


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(ValueError, match="no label in common"):
        compare_by_label(np.ones(1), np.array([0]), np.ones(1), np.array([1]), NAMES, rng())


def test_a_ratio_to_nothing_is_infinite() -> None:
    labels = np.zeros(2, np.int64)
    found = compare_by_label(np.zeros(2), labels, np.ones(2), labels, NAMES, rng())
    assert list(found.ratio) == [np.inf] * 3
    found = compare_by_label(np.zeros(2), labels, np.zeros(2), labels, NAMES, rng())
    assert list(found.ratio) == [1, 1, 1]


def test_an_interval_leaves_out_a_fortieth_on_each_side() -> None:
    assert list(interval(np.concatenate([[7], np.arange(1001)]))) == [7, 25, 975]
