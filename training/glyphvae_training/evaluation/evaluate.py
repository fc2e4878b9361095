"""Evaluation of an exported model on held-out characters and on fresh samples.

Everything runs through ONNX Runtime on the exported files. Definitions, each a mean over images, in nats per image
where it is a log likelihood (Kingma & Welling 2013, arXiv:1312.6114, equations 7 and 10):

    reconstruction   -log p(x|z), Bernoulli over grey pixels, z = mu + sigma * eps with one draw of eps
    kl               KL(q(z|x) || N(0, I)), in closed form
    negative_elbo    reconstruction + kl, whatever beta the model was trained with
    mse              mean over pixels of (x - mean(x|z))^2 at z = mu, with x in [0, 1]
    second_moment    E[mu^2] + E[sigma^2] of each latent, 1 where the aggregate posterior has the prior's
    active_units     latents whose mu varies by at least 0.01 (Burda et al. 2015, arXiv:1509.00519, section 5.2)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.export.exported import Exported, Floats, posterior_sample
from glyphvae_training.fitting.objective import kl_divergence, kl_per_unit, reconstruction
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.measure import accuracy, accuracy_per_label, main_groups, mean_of, significant

ACTIVE_VARIANCE = 0.01
SAMPLES_PER_LABEL = 300
PAIRS = "0/O, 1/I"
HELD_OUT = "held_out"


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation: the metrics, and the images they were measured on.

    Attributes:
        metrics: the JSON object that goes into the manifest.
        samples: fresh samples, sorted by label; unlabelled ones have label 0.
        reconstructions: of the held-out images, in their order, at z = mu.
    """

    metrics: dict[str, Any]
    samples: Split
    reconstructions: Split


def evaluate_model(
    model: Exported,
    test: Split,
    judges: Sequence[Judge],
    real: dict[str, Split],
    *,
    samples_per_label: int = SAMPLES_PER_LABEL,
    seed: int = 0,
    stage: Callable[[str, int], None] = lambda _name, _done: None,
) -> Evaluation:
    """Measure a model.

    Args:
        model: the exported model.
        test: held-out characters of the data set that it was trained on.
        judges: classifiers that read the samples; none are asked about an unconditional model.
        real: held-out real characters by source, on which the judges themselves are tested.
        samples_per_label: fresh samples of each label.
        seed: of the posterior noise, the samples and the bootstrap.
        stage: called with the name of the next measurement and the number of those done.
    """
    rng = np.random.default_rng(seed)
    stage("held-out characters", 0)
    metrics, reconstructions = held_out_metrics(model, test, rng)
    samples = draw_samples(model, samples_per_label, rng)
    metrics["judges"] = {}
    for done, judge in enumerate(judges if model.labels else (), start=1):
        stage(f"{judge.architecture} judge", done)
        made = {"samples": samples, "reconstructions": reconstructions, HELD_OUT: test}
        read = {
            name: judge_accuracy(judge, relabelled(split, model.labels, judge), rng) for name, split in made.items()
        }
        elsewhere = {source: judge_accuracy(judge, split, rng) for source, split in real.items()}
        metrics["judges"][judge.architecture] = read | {"real": elsewhere}
    metrics["protocol"] = {
        "held_out_images": len(test),
        "samples_per_label": samples_per_label,
        "temperature": 1.0,
        "seed": seed,
    }
    return Evaluation(metrics, samples, reconstructions)


def held_out_metrics(model: Exported, test: Split, rng: np.random.Generator) -> tuple[dict[str, Any], Split]:
    """Compute the metrics of the module's docstring, and the reconstructions at z = mu."""
    mu, logvar = model.encode(test.images, test.labels)
    _, logits = model.decode(posterior_sample(mu, logvar, rng), test.labels)
    x = torch.from_numpy(test.images).float() / 255  # (n, 28, 28)
    distortion = reconstruction(torch.from_numpy(logits), x).numpy()
    rate = kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar)).numpy()
    pixels, logits = model.decode(mu, test.labels)
    error = (torch.sigmoid(torch.from_numpy(logits)) - x).square().mean(dim=(1, 2)).numpy()  # (n,)
    means = {"negative_elbo": distortion + rate, "reconstruction": distortion, "kl": rate, "mse": error}
    metrics: dict[str, Any] = {name: mean_of(values, rng).to_dict() for name, values in means.items()}
    return metrics | latent_metrics(mu, logvar), Split(pixels, test.labels)


def latent_metrics(mu: Floats, logvar: Floats) -> dict[str, Any]:
    """Compute statistics of each latent over the held-out images; `mu` and `logvar` float32 (n, latent)."""
    kl = kl_per_unit(torch.from_numpy(mu), torch.from_numpy(logvar)).mean(dim=0).numpy()
    second_moment = (mu**2 + np.exp(logvar)).mean(axis=0)
    spread = mu.var(axis=0)
    return {
        "kl_per_unit": per_unit(kl),
        "mu_variance_per_unit": per_unit(spread),
        "second_moment_per_unit": per_unit(second_moment),
        "active_units": int((spread >= ACTIVE_VARIANCE).sum()),
    }


def per_unit(values: NDArray[np.floating[Any]]) -> list[float]:
    """Round one number for each latent to the precision of the other metrics."""
    return [significant(float(value)) for value in values]


def draw_samples(model: Exported, per_label: int, rng: np.random.Generator, temperature: float = 1.0) -> Split:
    """Draw x ~ p(x|z, label) with z ~ N(0, temperature^2 I): `per_label` of each label, sorted by label."""
    labels = np.repeat(np.arange(max(1, len(model.labels))), per_label)
    z = np.float32(temperature) * rng.standard_normal((len(labels), model.latent_size), dtype=np.float32)
    pixels, _ = model.decode(z, labels)
    return Split(pixels, labels)


def relabelled(split: Split, names: Sequence[str], judge: Judge) -> Split:
    """Return the same characters under the judge's label indices instead of the model's."""
    index = np.array([judge.labels.index(name) for name in names])
    return Split(split.images, index[split.labels])


def judge_accuracy(judge: Judge, split: Split, rng: np.random.Generator) -> dict[str, Any]:
    """Measure how often a judge reads the label that an image is meant to show.

    A judge that reads reconstructions much worse than held-out characters has learnt the sharpness of its training
    images, and its accuracy on samples is meaningless.

    Args:
        judge: the classifier.
        split: images, and labels that are indices into the judge's own.
        rng: for the intervals.

    Returns:
        `accuracy` and `merged` over all images (`glyphvae_training.measures.measure.accuracy`); `per_label` and
        `per_label_merged`, with the first set of pairs merged; `label_mean_merged`, the mean of the latter, which is
        the accuracy on images of all labels in equal numbers; `worst_merged`, the label read worst.
    """
    read = judge.predict(split.images)
    merged = accuracy_per_label(read, split.labels, judge.labels, main_groups(judge.labels))
    worst = min(merged, key=lambda label: merged[label])
    return accuracy(read, split.labels, judge.labels, rng) | {
        "per_label": accuracy_per_label(read, split.labels, judge.labels),
        "per_label_merged": merged,
        "label_mean_merged": significant(float(np.mean(list(merged.values())))),
        "worst_merged": {"label": worst, "accuracy": merged[worst]},
    }
