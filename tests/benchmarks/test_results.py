import json
import platform
from pathlib import Path

import pytest

from benchmarks.machine import describe
from benchmarks.results import read, rounded, write


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
