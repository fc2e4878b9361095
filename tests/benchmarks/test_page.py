import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.calls import glyphvae
from benchmarks.goals import EMPTY, GOALS, SERVICE, Goal, Results
from benchmarks.page import NOT_YET, page, write_page
from benchmarks.results import FOLDER, read
from benchmarks.rounds import Spread
from benchmarks.sections import number, shown
from glyphvae.formats import png

DOCS = Path(__file__).parents[2] / "docs"
LATENCY = {"p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0, "failed": 0, "broken": 0, "requests": 100}


def http_figure(server: str, call: str, connections: int, rate: float) -> dict[str, Any]:
    ratio = rate / 10_000
    return {
        "server": server,
        "call": call,
        "bytes": 400,
        "connections": connections,
        "rounds": [{"rate": rate, **LATENCY}, {"rate": 1.1 * rate, **LATENCY}],
        "ratios": [ratio, ratio],
        "p50_ratios": [2.0, 4.0],
        "p99_ratios": [4.0, 4.0],
        "errors": 0,
    }


def results() -> Results:
    """Figures as the parts write them, few and round."""
    facts = {
        "taken": "2026-01-02T03:04:05+00:00",
        "machine": {"processor": "Abacus", "cores": 2, "memory_gib": 1, "kernel": "6.1", "architecture": "wood"},
        "versions": {"python": "3.11.7"},
        "commit": "0123456789abcdef",
        "uncommitted_changes": False,
    }
    calls = [call.name for call in glyphvae(png.encode(np.zeros((28, 28), np.uint8)))]
    http = []
    for connections in (1, 32):
        http += [http_figure(SERVICE, call, connections, 6000.0) for call in calls]
        http += [http_figure(EMPTY, "generate", connections, 3000.0 * connections)]
        http += [
            http_figure(name, "generate", connections, rate) for name, rate in (("LitServe", 400), ("BentoML", 50))
        ]
    at_rest = {"server": SERVICE, "start_seconds": [0.9, 0.8, 2.0], "resident_bytes": 110e6, "idle_core_share": 0.02}
    sized = {"requests": 3, "median_seconds": 0.01, "fastest_seconds": 0.01, "peak_bytes": 1e8, "bytes": 800}
    growth = {
        "connections": [http_figure(name, "generate", 1, 6000.0) for name in (SERVICE, EMPTY, "bare limit")],
        "samples": [{"n": 10, **sized}],
        "characters": [{"characters": 10, **sized}],
        "alone": {"n": 10_000, "batch": 128, "rates": {"http": [9.0], "onnxruntime": [10.0]}, "ratios": [0.9]},
        "workers": [{"workers": 1, "rate": 6000.0, "p99_ms": 3.0, "errors": 0, "resident_bytes": 1e8}],
        "models": [{"models": 1, "rate": 6000.0, "start_seconds": 0.9, "resident_bytes": 1e8, "idle_core_share": 0.0}],
    }
    share = {"share": 0.3, "round": 0, "requests": 10, "errors": 0, "rate": 9.0, "lateness_p99_ms": 0.01}
    arrivals = [
        {
            "server": SERVICE,
            "call": "generate",
            "capacity": [6000.0],
            "shares": [{**share, "latency_ms": {"p50": 0.5, "p90": 0.6, "p99": 0.7, "p99.9": 0.8}}],
        }
    ]
    after = {"requests": 50_000, "errors": 0, "resident_bytes_before": 1.1e8, "resident_bytes_after": 1.2e8}
    microseconds = {"shipped": [30.0], "exact": [60.0], "reference": [120.0]}
    decoder = {
        "batches": [{"batch": 32, "microseconds": microseconds, "ratios": [0.25]}],
        "models": [{"model": "cvae-hq", "batch": 32, "microseconds": [30.0], "ratios": [0.25]}],
    }
    trained = {"variant": "plain", "seconds": [9.0], "ratios": [0.5], "images_per_second": 1e4, "share_of_peak": 0.25}
    training = {"images": 90_000, "flop_per_image": 9_000_000, "variants": [trained]}
    gpu = {
        "device": "Calculator",
        "limits": {"arithmetic_fp32": 1e9, "bus": 1e7},
        "images": [{"variant": "bound", "batch": 1, "images_per_second": 1000.0}],
        "crossover_batch": 64,
        "http": [{"workers": 1, "call": "generate", "errors": 0, "p99_ms": 1.0, "glyphs_per_second": 5000.0}],
    }
    figures = {
        "http": http,
        "arrivals": arrivals,
        "footprint": {"at_rest": [at_rest], "after_requests": after},
        "growth": growth,
        "decoder": decoder,
        "training": training,
        "gpu": gpu,
    }
    settings = {"rounds": 2, "seconds": 1, "threads": 2}
    return {
        part: {**facts, "part": part, "settings": settings, "remarks": [f"Of {part}."], "figures": found}
        for part, found in figures.items()
    }


def test_the_committed_page_is_that_of_the_committed_results() -> None:
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page(read(FOLDER))


def test_every_picture_of_the_page_is_written(tmp_path: Path) -> None:
    write_page(tmp_path, results())
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((images/[^)]+)\)", text)
    assert len(pictures) == 4
    for picture in pictures:
        assert (tmp_path / picture).stat().st_size > 1000


@pytest.mark.parametrize("part", ["http", "arrivals", "footprint", "growth", "decoder", "training", "gpu"])
def test_parts_without_results_are_left_out(part: str) -> None:
    full = page(results())
    rest = page({name: result for name, result in results().items() if name != part})
    assert len(rest) < len(full)
    assert ("not measured yet" in rest.lower()) == (part in NOT_YET)
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


def test_what_a_text_s_goal_allows_stands_beside_what_its_glyphs_take() -> None:
    text = page(results())
    # 0.12 of 10,500 a second; 17 glyphs of 30 µs.
    assert "The goal for `/render-text` allows 794 µs of a core for a text." in text
    assert "take the decoder alone\n510 µs in its best batches" in text
    for part in ("http", "decoder"):
        assert "The goal for `/render-text`" not in page({name: r for name, r in results().items() if name != part})


@pytest.mark.parametrize(("at_least", "met"), [(True, [False, True, True]), (False, [True, True, False])])
def test_a_goal_is_met_by_its_median(at_least: bool, met: list[bool]) -> None:
    goal = Goal("x", "http", 2.0, at_least, lambda _: Spread(0, 0, 0))
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
