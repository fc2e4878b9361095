from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.evaluate import (
    draw_samples,
    evaluate_model,
    held_out_metrics,
    judge_accuracy,
    latent_metrics,
    relabelled,
)
from glyphvae_training.export.exported import Exported, read_exported
from glyphvae_training.judges.judge import Judge
from tests import known_model

LABELS = known_model.LABELS
ZERO, ONE, LETTER_O = LABELS.index("0"), LABELS.index("1"), LABELS.index("O")


class GreyLevel(nn.Module):
    """Reads the label that the known model shows at z = 0: a grey level of 100 + label."""

    def forward(self, x: Tensor) -> Tensor:
        level = (255 * x[:, 0, 0, 0]).round().long() - 100
        return functional.one_hot(level.clamp(0, 35), 36)


@pytest.fixture
def model(tmp_path: Path) -> Exported:
    known_model.write_model(tmp_path)
    return read_exported(tmp_path, "cvae")


def shown(labels: list[int], offset: int = 0) -> Split:
    """Images that the known model decodes from its labels at z = offset / 10."""
    index = np.array(labels)
    pixels = np.broadcast_to((100 + offset + index)[:, None, None], (len(labels), 28, 28)).astype(np.uint8)
    return Split(pixels, index)


def test_held_out_metrics_are_those_of_the_formulas(model: Exported) -> None:
    test = shown([3, 4, 35], offset=20)  # mu = (2, 0, 0, 0, 0, 0), logvar = 0
    metrics, reconstructions = held_out_metrics(model, test, np.random.default_rng(5))
    assert (reconstructions.images == test.images).all()
    assert (reconstructions.labels == test.labels).all()
    assert metrics["kl"]["value"] == pytest.approx(2)

    eps = np.random.default_rng(5).standard_normal((3, 6), dtype=np.float32)[:, 0]
    x = test.images[:, 0, 0] / 255
    mean = 1 / (1 + np.exp(-np.rint(test.images[:, 0, 0] + 10 * eps) / 255))
    expected = -784 * (x * np.log(mean) + (1 - x) * np.log(1 - mean))
    assert metrics["reconstruction"]["value"] == pytest.approx(expected.mean(), rel=1e-4)
    assert metrics["negative_elbo"]["value"] == pytest.approx(expected.mean() + 2, rel=1e-4)
    assert metrics["mse"]["value"] == pytest.approx(((1 / (1 + np.exp(-x)) - x) ** 2).mean(), rel=1e-4)
    assert metrics["mse"]["n"] == 3


def test_latent_metrics_tell_active_units_from_collapsed_ones() -> None:
    rng = np.random.default_rng(0)
    mu = np.stack([rng.normal(0, 0.8, 50_000), np.zeros(50_000)], axis=1).astype(np.float32)
    logvar = np.log(np.tile(np.array([[0.36, 1]], np.float32), (50_000, 1)))
    metrics = latent_metrics(mu, logvar)
    assert metrics["active_units"] == 1
    assert metrics["second_moment_per_unit"] == pytest.approx([1, 1], abs=0.02)
    assert metrics["mu_variance_per_unit"] == pytest.approx([0.64, 0], abs=0.02)
    assert metrics["kl_per_unit"] == pytest.approx([0.5 * (0.64 + 0.36 - 1 - np.log(0.36)), 0], abs=0.02)


def test_samples_come_in_equal_numbers_sorted_by_label(model: Exported) -> None:
    samples = draw_samples(model, 50, np.random.default_rng(0))
    assert samples.labels.tolist() == [label for label in range(36) for _ in range(50)]
    z = (samples.images[:, 0, 0].astype(float) - 100 - samples.labels) / 10
    assert z.mean() == pytest.approx(0, abs=0.1)
    assert z.std() == pytest.approx(1, abs=0.1)


def test_temperature_scales_the_noise(model: Exported) -> None:
    still = draw_samples(model, 2, np.random.default_rng(0), temperature=0)
    assert (still.images[:, 0, 0] == 100 + still.labels).all()


def test_a_verdict_counts_what_is_read_as_its_label() -> None:
    split = shown([ZERO, ZERO, LETTER_O, LETTER_O, ONE, ONE])
    split.images[0] = 100 + LETTER_O  # a 0 that looks like an O
    split.images[4] = 100 + 7  # a 1 that looks like a 7
    result = judge_accuracy(Judge("known", LABELS, GreyLevel()), split, np.random.default_rng(0))
    assert result["accuracy"]["value"] == pytest.approx(4 / 6, abs=1e-4)
    assert result["merged"]["0/O, 1/I"]["value"] == pytest.approx(5 / 6, abs=1e-4)
    assert result["per_label"] == {"0": 0.5, "1": 0.5, "O": 1.0}
    assert result["per_label_merged"] == {"0": 1.0, "1": 0.5, "O": 1.0}
    assert result["label_mean_merged"] == pytest.approx(2.5 / 3, abs=1e-4)
    assert result["worst_merged"] == {"label": "1", "accuracy": 0.5}


def test_an_evaluation_in_full(model: Exported) -> None:
    stages: list[tuple[str, int]] = []
    judges = [Judge("known", LABELS, GreyLevel())]
    test = shown([*range(36)])
    real = {"elsewhere": shown([10, 11])}
    evaluation = evaluate_model(
        model, test, judges, real, samples_per_label=3, stage=lambda *stage: stages.append(stage)
    )
    assert stages == [("held-out characters", 0), ("known judge", 1)]
    judged = evaluation.metrics["judges"]["known"]
    assert judged["reconstructions"]["accuracy"]["value"] == 1
    assert judged["held_out"]["accuracy"]["value"] == 1
    assert {source: read["accuracy"]["value"] for source, read in judged["real"].items()} == {"elsewhere": 1}
    assert judged["samples"]["accuracy"]["n"] == 3 * 36
    assert judged["samples"]["accuracy"]["value"] < 0.3
    assert evaluation.metrics["protocol"] == {
        "held_out_images": 36,
        "samples_per_label": 3,
        "temperature": 1.0,
        "seed": 0,
    }
    assert len(evaluation.samples) == 108


def test_an_evaluation_can_be_repeated(model: Exported) -> None:
    first, again, other = (
        evaluate_model(model, shown([1, 2, 3]), [], {}, samples_per_label=2, seed=seed) for seed in (1, 1, 2)
    )
    assert first.metrics == again.metrics
    assert (first.samples.images == again.samples.images).all()
    assert (first.samples.images != other.samples.images).any()


def test_an_unconditional_model_is_not_judged(tmp_path: Path) -> None:
    known_model.write_model(tmp_path / "models", "vae", conditional=False)
    vae = read_exported(tmp_path / "models", "vae")
    evaluation = evaluate_model(vae, shown([1, 2]), [Judge("known", LABELS, GreyLevel())], {}, samples_per_label=4)
    assert evaluation.metrics["judges"] == {}
    assert evaluation.samples.images.shape == (4, 28, 28)
    assert not evaluation.samples.labels.any()


def test_a_model_of_other_labels_is_judged_by_its_characters() -> None:
    split = relabelled(shown([0, 1, 1]), ("B", "7"), Judge("known", LABELS, GreyLevel()))
    assert [LABELS[label] for label in split.labels] == ["B", "7", "7"]
