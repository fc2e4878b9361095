import json
import platform
from pathlib import Path

import pytest

from benchmarks.results import describe, read, rounded, write
from benchmarks.rounds import Spread, interval, ratios, rotated, spread


def test_a_result_comes_back_with_machine_versions_and_commit(tmp_path: Path) -> None:
    path = write(tmp_path / "results", "decoder", {"rounds": 3}, [{"batch": 1, "ratios": [0.123456789]}])
    result = read(path.parent)["decoder"]
    assert result["part"] == "decoder"
    assert result["settings"] == {"rounds": 3}
    assert result["figures"] == [{"batch": 1, "ratios": [0.12346]}]
    assert set(result["machine"]) == {"processor", "cores", "memory_gib", "kernel", "architecture"}
    assert {"python", "uvicorn", "onnxruntime"} <= set(result["versions"])
    assert result["taken"].endswith("+00:00")


def test_parts_without_a_result_are_left_out(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


def test_neither_host_nor_paths_are_written() -> None:
    text = json.dumps(describe())
    assert platform.node() not in text
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1234567.0, 1234600.0), (7, 7), ("x", "x"), ({"a": (0.000123456, None)}, {"a": [0.00012346, None]})],
)
def test_floats_lose_the_digits_that_mean_nothing(value: object, expected: object) -> None:
    assert rounded(value) == expected


def test_a_spread_is_the_median_and_the_extremes() -> None:
    assert spread([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)
    assert spread([4.0, 2.0]) == Spread(3.0, 2.0, 4.0)


def test_an_interval_narrows_with_rounds_and_repeats() -> None:
    few, many = (interval([1.0, 2.0, 3.0] * count) for count in (2, 50))
    assert few.median == many.median == 2
    assert 1 <= few.low < many.low == 2 == many.high < few.high <= 3
    assert few == interval([1.0, 2.0, 3.0] * 2)
    assert interval([2.0]) == Spread(2.0, 2.0, 2.0)


def test_ratios_pair_each_round_with_itself() -> None:
    assert ratios([1.0, 9.0], [2.0, 3.0]) == [0.5, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 9.0], [2.0])


def test_every_turn_begins_elsewhere_and_leaves_nobody_out() -> None:
    assert [rotated("abc", turn) for turn in (0, 1, 4)] == [["a", "b", "c"], ["b", "c", "a"], ["b", "c", "a"]]
