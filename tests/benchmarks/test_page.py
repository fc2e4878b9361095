import re
from pathlib import Path

import pytest

from benchmarks.goals import GOALS, Goal
from benchmarks.page import number, page, shown, write_page
from benchmarks.peers import EMPTY
from benchmarks.results import FOLDER, PARTS, Results, read
from benchmarks.rounds import Spread
from benchmarks.server import SERVICE

DOCS = Path(__file__).parents[2] / "docs"
RATES = {SERVICE: {1: 6000.0, 32: 6000.0}, EMPTY.name: {1: 3000.0, 32: 96_000.0}}


def results() -> Results:
    """The committed results with a few round figures, and a little of the parts that may be missing."""
    found = read(FOLDER)
    for row in found["http"]["figures"]:
        rate = RATES.get(row["server"], {}).get(row["connections"], 400.0)
        row |= {"rounds": [row["rounds"][0] | {"rate": rate}], "ratios": [rate / 10_000], "p99_ratios": [4.0]}
    (own,) = (row for row in found["footprint"]["figures"]["at_rest"] if row["server"] == SERVICE)
    own |= {"start_seconds": [0.9, 0.8, 2.0], "idle_core_share": 0.02}
    for row in found["decoder"]["figures"]["batches"]:
        row["microseconds"]["shipped"] = [30.0]
    interval = {"median": 1.5, "low": 0.9, "high": 1.7, "errors": 0}
    compare = [
        {"row": "generate", "figure": "rate", "new": [300.0], "parent": [200.0], **interval},
        {"row": "memory", "figure": "resident_bytes", "new": [1e8], "parent": [90e6], **interval, "high": 0.94},
    ]
    guarded = [
        {"call": "generate", "guard": guard, "goal": goal, "rates": [95.0], **interval, "median": median}
        for guard, goal, median in (("nothing", None, 1.0), ("keys", 0.9, 0.95), ("traces", 0.8, 0.7))
    ]
    gpu = {
        "device": "Calculator",
        "limits": {"arithmetic_fp32": 1e9, "bus": 1e7},
        "images": [{"variant": "bound", "batch": 1, "images_per_second": 1000.0}],
        "crossover_batch": 64,
        "http": [{"workers": 1, "call": "generate", "errors": 0, "p99_ms": 1.0, "glyphs_per_second": 5000.0}],
    }
    settings = {"rounds": 2, "seconds": 1, "starts": 3}
    made = {"compare": {"parent": "fedcba9876543210", "rows": compare}, "guarded": guarded, "gpu": gpu}
    found |= {part: {**found["http"], "settings": settings, "figures": figures} for part, figures in made.items()}
    return {part: {**result, "remarks": [f"Of {part}."]} for part, result in found.items()}


def test_the_committed_page_is_that_of_the_committed_results() -> None:
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page(read(FOLDER))


def test_every_picture_of_the_page_is_written(tmp_path: Path) -> None:
    write_page(tmp_path, results())
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((images/[^)]+)\)", text)
    assert len(pictures) == 4
    for picture in pictures:
        assert (tmp_path / picture).stat().st_size > 1000


@pytest.mark.parametrize("part", PARTS)
def test_parts_without_results_are_left_out(part: str) -> None:
    full = page(results())
    rest = page({name: result for name, result in results().items() if name != part})
    assert len(rest) < len(full)
    assert ("not measured yet" in rest.lower()) == (part in {"arrivals", "growth", "gpu"})
    assert f"**Note:** Of {part}." in full
    assert f"**Note:** Of {part}." not in rest


def test_every_goal_stands_beside_what_was_measured() -> None:
    text = page(results())
    for goal in GOALS:
        assert f"| {goal.what} | " in text
    assert "| `POST /generate?label=J`, no seed | ≥ 0.5 | 0.6 | yes |" in text
    # The empty route is ahead with 32 connections, and the lower of the two counts.
    assert "(the lower of 1 and 32 connections) | ≥ 1 | 0.0625 | **no** |" in text
    assert "that of the best framework | ≥ 10 | 15 | yes |" in text
    assert "| process start to first answer | ≤ 1 s | 0.9 (0.8–2) s | yes |" in text
    assert "| idle processor time | ≤ 0.5 % of a core | 2 % of a core | **no** |" in text
    assert "| its p99 latency | ≤ 3 | 4 | **no** |" in text


def test_ratios_stand_beside_their_intervals_and_goals() -> None:
    text = page(results())
    assert "its parent fedcba987654 in 2 alternating rounds" in text
    assert "| generate | 300 a second | 200 a second | 1.5 (0.9–1.7) | yes |" in text
    assert "| memory | 100 MB | 90 MB | 1.5 (0.9–0.94) | **no** |" in text
    assert "| generate | nothing | 95 | 1 (0.9–1.7) |  |  | 0 |" in text
    assert "| generate | keys | 95 | 0.95 (0.9–1.7) | ≥ 0.9 | yes | 0 |" in text
    assert "| generate | traces | 95 | 0.7 (0.9–1.7) | ≥ 0.8 | **no** | 0 |" in text


def test_what_a_text_s_goal_allows_stands_beside_what_its_glyphs_take() -> None:
    text = page(results())
    # 0.12 of 10,000 a second; 17 glyphs of 30 µs.
    assert "The goal for `/render-text` allows 833 µs of a core for a text." in text
    assert "take the decoder alone\n510 µs in its best batches" in text
    for part in ("http", "decoder"):
        assert "The goal for `/render-text`" not in page({name: r for name, r in results().items() if name != part})


@pytest.mark.parametrize(("sign", "met"), [("≥", [False, True, True]), ("≤", [True, True, False])])
def test_a_goal_is_met_by_its_median(sign: str, met: list[bool]) -> None:
    goal = Goal("x", "http", sign, 2.0, lambda _: Spread(0, 0, 0))
    assert [goal.met(Spread(median, 0, 9)) for median in (1.0, 2.0, 3.0)] == met


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345.6, "12,300"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.04321, "0.0432"),
        (0.0004321, "0.000432"),
        (99.96, "100"),
    ],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_a_spread_without_width_is_one_number() -> None:
    assert shown(Spread(2.0, 1.0, 3.0)) == "2 (1–3)"
    assert shown(Spread(2.0, 2.0, 2.0)) == "2"
