from benchmarks import pairs
from benchmarks.server import ROOT, Subject


def test_two_characters_are_found_and_one_is_one() -> None:
    figures = pairs.measure(Subject(ROOT / "exported"), each=4, singles=1)
    found = {row["gap"]: row["two found"] for row in figures["pairs"]}
    assert list(found) == list(pairs.GAPS)
    assert found[0.6] >= 75
    assert [row["pen"] for row in figures["singles"]] == list(pairs.PENS)
    assert all(row["characters"] == 62 and row["taken for several"] < 10 for row in figures["singles"])
