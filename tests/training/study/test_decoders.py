from dataclasses import replace
from pathlib import Path
from typing import Any

from glyphvae_training.study.decoders import Candidate, page, pareto, plot, write_page


def candidate(decoder: str, time: float, negative_elbo: float, accuracy: float = 0.9) -> Candidate:
    samples = {
        "merged": {"0/O, 1/I": {"value": accuracy}},
        "worst_merged": {"label": "L", "accuracy": accuracy - 0.1},
    }
    metrics: dict[str, Any] = {
        "negative_elbo": {"value": negative_elbo},
        "mse": {"value": 0.02},
        "judges": {"dense": {"samples": samples}},
        "protocol": {"held_out_images": 1234, "samples_per_label": 300},
    }
    times = {1: 10 * time, 32: time}
    ratios = {batch: value / 100 for batch, value in times.items()}
    return Candidate("dense", decoder, 20, 500_000, times, ratios, metrics)


QUICK, BETWEEN, SLOW, WORSE = (
    candidate("dense", 12, 118),
    candidate("residual", 20, 115),
    candidate("conv", 100, 114),
    candidate("upsample", 40, 117),
)


def test_only_a_decoder_that_another_beats_in_both_is_left_out() -> None:
    assert pareto([QUICK, BETWEEN, WORSE, SLOW]) == [QUICK, BETWEEN, SLOW]


def test_the_page_has_a_row_for_each_decoder() -> None:
    lines = page([QUICK, BETWEEN, WORSE, SLOW]).splitlines()
    assert (
        "| **dense** | dense | 20 | 0.50 M | 120.0 (1.20) | 12.0 (0.12) | 118.00 | 0.0200 | 90.0 % | L 80.0 % |"
        in lines
    )
    assert sum(line.startswith("| upsample |") for line in lines) == 1


def test_the_plot_shows_each_decoder_by_name() -> None:
    other = replace(SLOW, encoder="paper")
    for axes in plot([QUICK, BETWEEN, other]).axes:
        assert [text.get_text() for text in axes.texts] == ["dense", "residual", "conv (paper encoder)"]
        assert len(axes.lines) == 3


def test_the_files_are_the_same_for_the_same_numbers(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_page(tmp_path / name, [QUICK, SLOW])
    for file in ("decoders.md", "images/decoders.svg"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
