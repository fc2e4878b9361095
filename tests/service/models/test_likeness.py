import numpy as np
import pytest
from pydantic import ValidationError

from glyphvae.models.likeness import Likeness, Measure, Percentiles, describe_doubt, excess_error

MEASURE = Measure(
    evidence=1, kl=-1, percentiles=(0, 5, 50, 100), labels={"A": (0, 10, 20, 40)}, others=(100, 100, 100, 200)
)


def test_a_percentile_is_found_between_the_quantiles_of_the_label() -> None:
    labels, evidence = np.array([0, 0, 0, 0, 0, 1, 1]), np.array([-5, 6, 17, 31, 99, 100, 151], np.float32)
    found = Percentiles(MEASURE, ("A", "B")).find(labels, evidence, np.ones(7, np.float32))
    assert found == [0, 2.5, 32, 75, 100, 0, 75]


def test_the_excess_counts_where_it_has_a_weight() -> None:
    percentiles = Percentiles(MEASURE.model_copy(update={"excess": -1}), ("A",))
    one = np.ones(1, np.float32)
    assert percentiles.find(np.zeros(1, np.int64), 20 * one, 0 * one, 10 * one) == [5]


def test_what_is_not_reconstructed_at_all_has_the_error_of_a_perfect_one() -> None:
    blank, half = np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 127, np.uint8)
    assert excess_error(blank, np.array([30], np.float32)) == pytest.approx([3])
    assert excess_error(half, np.array([784 * np.log(2)], np.float32)) == pytest.approx([0], abs=1e-3)
    bar = blank.copy()
    bar[:, :, 9:14] = 255
    assert excess_error(bar, np.array([66], np.float32)) == pytest.approx([1])


@pytest.mark.parametrize("change", [{"others": (1, 2)}, {"labels": {"A": (3, 2, 4, 5)}}])
def test_quantiles_rise_and_are_as_many_as_percentiles(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="quantiles rise"):
        Measure.model_validate(MEASURE.model_dump() | change)


def test_a_model_may_have_none() -> None:
    assert Likeness.of({}) is None
    found = Likeness.of({"likeness": {"encoded": MEASURE.model_dump(), "reconstructed": MEASURE.model_dump()}})
    assert found is not None
    assert found.encoded == MEASURE


@pytest.mark.parametrize(
    ("percentile", "others", "doubtful", "reasons"),
    [
        (None, 0, False, []),
        (5, 0, False, []),
        (1.5, 0, True, ["It is less like J than 98.5 % of real ones."]),
        (60, 2, False, ["Other pieces of ink in the picture were left out: 2."]),
    ],
)
def test_doubt_has_reasons(percentile: float | None, others: int, doubtful: bool, reasons: list[str]) -> None:
    assert describe_doubt("J", percentile, others) == {
        "percentile": percentile,
        "others": others,
        "doubtful": doubtful,
        "reasons": reasons,
    }
