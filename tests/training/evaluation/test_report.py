import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.evaluate import Evaluation
from glyphvae_training.evaluation.report import (
    metrics_report,
    reconstructions_grid,
    samples_grid,
    shown,
    table,
    write_report,
)
from tests.training.examples import LABELS, characters


def measure(value: float, n: int = 100) -> dict[str, Any]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01, "n": n}


def judged(value: float) -> dict[str, Any]:
    merged = {"0/O, 1/I": measure(value + 0.05), "0/O, 1/I, 2/Z, 5/S": measure(value + 0.06)}
    return {
        "accuracy": measure(value, 10_800),
        "merged": merged,
        "per_label": dict.fromkeys(LABELS, value),
        "per_label_merged": dict.fromkeys(LABELS, value + 0.05),
        "label_mean_merged": value,
        "worst_merged": {"label": "L", "accuracy": 0.7},
    }


METRICS: dict[str, Any] = {
    "negative_elbo": measure(120.12345),
    "reconstruction": measure(108),
    "kl": measure(12.12345),
    "mse": measure(0.0199),
    "kl_per_unit": [2.0, 0.0],
    "mu_variance_per_unit": [0.9, 0.001],
    "second_moment_per_unit": [1.0, 1.01],
    "active_units": 1,
    "judges": {
        "dense": {
            "samples": judged(0.9),
            "reconstructions": judged(0.95),
            "held_out": judged(0.93),
            "real": {"EMNIST digits": judged(0.92)},
        },
    },
    "protocol": {"held_out_images": 13_141, "samples_per_label": 300, "temperature": 1.0, "seed": 0},
}


@pytest.mark.parametrize(
    "line",
    [
        "### 13,141 held-out characters",
        "| −ELBO, nats per image | 120.12 | 120.11 – 120.13 |",
        "### Latents: 1 of 2 active",
        "| 2 | 0.000 | 0.001 | 1.010 |",
        "### Label accuracy, 300 fresh samples of each label",
        "|  | dense judge |",
        "| samples | 90.0 % (89.0 % – 91.0 %, n = 10,800) |",
        "| samples, 0/O, 1/I merged | 95.0 % (94.0 % – 96.0 %, n = 100) |",
        "| worst label of the samples | L: 70.0 % |",
        "| held-out characters, 0/O, 1/I merged | 98.0 % (97.0 % – 99.0 %, n = 100) |",
        "| held-out characters, 0/O, 1/I merged, mean of labels | 93.0 % |",
        "| real EMNIST digits, 0/O, 1/I merged | 97.0 % (96.0 % – 98.0 %, n = 100) |",
        "| J | 90.0 % (95.0 %) |",
    ],
)
def test_every_number_is_in_the_report(line: str) -> None:
    assert line in metrics_report(LABELS, METRICS).splitlines()


def test_a_judge_of_less_training_says_so() -> None:
    text = "A judge here saw 512 images in training, fewer than those of other cards."
    protocol = METRICS["protocol"] | {"judge_images": 512}
    assert text in metrics_report(LABELS, METRICS | {"protocol": protocol})
    assert text not in metrics_report(LABELS, METRICS)


def test_without_judges_there_is_no_label_accuracy() -> None:
    assert "accuracy" not in metrics_report((), METRICS | {"judges": {}})


def test_a_table_has_a_rule_under_its_head() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_a_report_is_numbers_words_and_pictures(tmp_path: Path) -> None:
    test, samples = characters(6), characters(12)
    write_report(tmp_path / "new" / "cvae", "cvae", LABELS, test, Evaluation(METRICS, samples, test))
    folder = tmp_path / "new" / "cvae"
    assert json.loads((folder / "metrics.json").read_text()) == METRICS
    assert (folder / "report.md").read_text().startswith("# Evaluation of `cvae`\n\n### 13,141 held-out")
    for name in ("samples.png", "reconstructions.png"):
        with Image.open(folder / name) as image:
            assert image.width * 36 == image.height * 12


def test_a_sheet_of_samples_has_a_row_a_label() -> None:
    samples = characters(300)
    grid = samples_grid(samples)
    assert grid.shape == (36 * 12, 28, 28)
    assert (grid[12:24] == samples.images[300:312]).all()


def test_a_sheet_of_unlabelled_samples_is_square() -> None:
    samples = Split(characters(300).images, np.zeros(10_800, np.int64))
    assert samples_grid(samples).shape == (144, 28, 28)


def test_reconstructions_stand_beside_their_originals() -> None:
    test = characters(7)
    reconstructions = Split(255 - test.images, test.labels)
    grid = reconstructions_grid(test, reconstructions)
    assert grid.shape == (36 * 12, 28, 28)
    assert (grid[0::2] == 255 - grid[1::2]).all()
    assert (grid[0] == test.images[0]).all()


def test_labels_with_too_few_characters_for_a_row_are_left_out() -> None:
    test = characters(6)
    fewer = Split(test.images[:-1], test.labels[:-1])
    assert len(reconstructions_grid(fewer, fewer)) == 35 * 12


@pytest.mark.parametrize(("label", "expected"), [("A", "A"), ("|", "\\|"), ("\u0301", "◌\u0301")])
def test_labels_stand_in_tables(label: str, expected: str) -> None:
    assert shown(label) == expected
