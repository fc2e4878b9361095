import pytest

from benchmarks.rounds import Spread, ratios, rotated, spread


def test_a_spread_is_the_median_and_the_extremes() -> None:
    assert spread([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)
    assert spread([4.0, 2.0]) == Spread(3.0, 2.0, 4.0)


def test_ratios_pair_each_round_with_itself() -> None:
    assert ratios([1.0, 9.0], [2.0, 3.0]) == [0.5, 3.0]


def test_rounds_without_a_partner_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 9.0], [2.0])


def test_every_turn_begins_elsewhere_and_leaves_nobody_out() -> None:
    assert rotated("abc", 0) == ["a", "b", "c"]
    assert rotated("abc", 1) == ["b", "c", "a"]
    assert rotated("abc", 4) == ["b", "c", "a"]
