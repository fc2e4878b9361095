"""Comparison of fresh samples with real characters in quality, variety and sharpness.

Samples have the labels of the held-out characters, so that a difference is not one of how often a label comes. Every
metric has its definition in the module that computes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.binarisation import binarise
from glyphvae_training.data.dataset import Dataset, Split, pick
from glyphvae_training.data.sources import DIGITS
from glyphvae_training.evaluation.detection import detection, elbo_by_label, non_characters
from glyphvae_training.evaluation.importance import importance_bound
from glyphvae_training.evaluation.sample_score import accuracy_after_training
from glyphvae_training.export.exported import Exported
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.frechet import beside_half_split
from glyphvae_training.measures.measure import main_groups, mean_of, merged_labels, significant
from glyphvae_training.measures.neighbours import nearest_distance
from glyphvae_training.measures.prdc import prdc
from glyphvae_training.measures.spread import spread_within
from glyphvae_training.measures.strokes import edge_slope, grey_share, mean_ink, stroke_width

Stage = Callable[[str], None]
Json = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """Sample sizes of the comparison; smaller ones are faster and less certain.

    Attributes:
        samples: held against as many held-out characters.
        styles: latents, each decoded under every label.
        nearest: samples whose nearest training image is looked for.
        non_characters: images of each kind, and as many characters.
        bounded: images whose importance-weighted bound is computed.
        draws: for each of them.
        classifier_images: images that the classifier of the classification accuracy score sees.
    """

    samples: int
    styles: int
    nearest: int
    non_characters: int
    bounded: int
    draws: int
    classifier_images: int


FULL = Effort(10_000, 100, 2000, 1000, 200, 5000, 300_000)
QUICK = Effort(300, 4, 50, 40, 4, 50, 2000)


def fidelity_metrics(
    model: Exported,
    data: Dataset,
    judge: Judge | None,
    effort: Effort,
    rng: np.random.Generator,
    *,
    stage: Stage = lambda _name: None,
) -> Json:
    """Compute everything that compares samples with real characters, and the bounds.

    Args:
        model: the exported model.
        data: what it was trained on.
        judge: whose features are compared; none for a model without labels, of which less is measured.
        effort: how much.
        rng: draws latents, subsets and intervals.
        stage: called with the name of the next measurement.
    """
    real = subset(data.test, effort.samples, rng)
    samples = sampled(model, real.labels, rng)
    metrics: Json = {}
    if judge is not None:
        stage("features")
        metrics |= feature_metrics(judge, real, samples, rng)
        stage("classification accuracy score")
        metrics["classification_accuracy"] = classification_accuracy(model, data, effort, rng)
        stage("one style")
        metrics["one_style"] = style_metrics(model, effort.styles, rng)
    stage("strokes")
    metrics["sharpness"] = sharpness_metrics(real, samples, rng)
    stage("nearest training images")
    metrics["nearest_training_image"] = nearest_metrics(data, real, samples, effort.nearest, rng)
    stage("images without a label")
    metrics["without_label"] = detection_metrics(model, subset(data.test, effort.non_characters, rng), rng)
    stage("importance-weighted bound")
    metrics["importance_weighted"] = bound_metrics(model, data, effort, rng)
    return metrics


def subset(split: Split, count: int, rng: np.random.Generator) -> Split:
    """Draw at most `count` characters without replacement."""
    return pick(split, np.sort(rng.permutation(len(split))[:count]))


def sampled(model: Exported, labels: NDArray[np.int64], rng: np.random.Generator) -> Split:
    """Draw a fresh sample of each of the labels."""
    z = rng.standard_normal((len(labels), model.latent_size), dtype=np.float32)
    pixels, _ = model.decode(z, labels)
    return Split(pixels, labels)


def feature_metrics(judge: Judge, real: Split, samples: Split, rng: np.random.Generator) -> Json:
    """Compute Fréchet distance, precision, recall, density, coverage and spread in the judge's features."""
    a, b = judge.features(real.images), judge.features(samples.images)
    found = prdc(a, b)._asdict()
    distance, half_split = beside_half_split(a, b, rng)
    return {
        "features": judge.architecture,
        "frechet": {
            "value": significant(distance),
            "real_half_split": significant(half_split),
            "n": len(a) // 2,
        },
        **{name: mean_of(values, rng).to_dict() for name, values in found.items()},
        "spread_within_label": compared(spread_within(b, samples.labels), spread_within(a, real.labels)),
    }


def compared(samples: float, real: float) -> Json:
    """Pair a figure of samples with that of real characters."""
    return {"samples": significant(samples), "real": significant(real), "ratio": significant(samples / real)}


def sharpness_metrics(real: Split, samples: Split, rng: np.random.Generator) -> Json:
    """Compute the share of grey pixels and the slope of edges."""
    result: Json = {}
    for name, measure in (("grey_share", grey_share), ("edge_slope", edge_slope)):
        values = [mean_of(measure(split.images), rng) for split in (samples, real)]
        result[name] = {
            "samples": values[0].to_dict(),
            "real": values[1].to_dict(),
            "ratio": significant(values[0].value / values[1].value),
        }
    return result


def nearest_metrics(data: Dataset, real: Split, samples: Split, count: int, rng: np.random.Generator) -> Json:
    """Compute median distances to the nearest training image, and the share of samples that are nearly copies."""
    parts = [nearest_distance(subset(split, count, rng).images, data.train.images) for split in (samples, real)]
    near = float(np.quantile(parts[1], 0.01))
    return compared(float(np.median(parts[0])), float(np.median(parts[1]))) | {
        "nearer_than_1_percent_of_real": mean_of(parts[0] < near, rng).to_dict(),
    }


def style_metrics(model: Exported, styles: int, rng: np.random.Generator) -> Json:
    """Compute ink and stroke width of digits and letters, each latent decoded under every label."""
    z = rng.standard_normal((styles, model.latent_size), dtype=np.float32)
    labels = np.tile(np.arange(len(model.labels)), styles)
    pixels, _ = model.decode(np.repeat(z, len(model.labels), axis=0), labels)
    digit = np.isin(np.array(model.labels)[labels], DIGITS)
    result = {}
    for name, measure in (("mean_ink", mean_ink), ("stroke_width", stroke_width)):
        values = measure(pixels)
        digits, letters = float(values[digit].mean()), float(values[~digit].mean())
        result[name] = {
            "digits": significant(digits),
            "letters": significant(letters),
            "ratio": significant(digits / letters),
        }
    return result


def classification_accuracy(model: Exported, data: Dataset, effort: Effort, rng: np.random.Generator) -> Json:
    """Compute the classification accuracy score of samples beside that of the training set."""
    training = sampled(model, data.train.labels, rng)
    scores = [
        accuracy_after_training(split, data.test, model.labels, effort.classifier_images)
        for split in (training, data.train)
    ]
    return compared(*scores)


def detection_metrics(model: Exported, characters: Split, rng: np.random.Generator) -> Json:
    """Compute the accuracy of labels inferred by the ELBO, and the AUROC of characters against other images."""
    bounds = elbo_by_label(model, characters.images)  # (n, labels)
    result: Json = {"auroc": {}}
    if model.labels:
        index = merged_labels(model.labels, main_groups(model.labels))
        right = index[bounds.argmax(axis=1)] == index[characters.labels]
        result["label_accuracy_merged"] = mean_of(right, rng).to_dict()
    for name, images in non_characters(characters.images, rng).items():
        others = elbo_by_label(model, images).max(axis=1)
        result["auroc"][name] = significant(detection(bounds.max(axis=1), others))
    return result


def bound_metrics(model: Exported, data: Dataset, effort: Effort, rng: np.random.Generator) -> Json:
    """Compute -log p in nats, of grey images and, for a model of MNIST, of binarised images."""
    chosen = subset(data.test, effort.bounded, rng)
    result: Json = {"draws": effort.draws}
    result["grey"] = mean_of(importance_bound(model, chosen, effort.draws, rng), rng).to_dict()
    if data.name == "mnist":
        binary = importance_bound(model, binarise(chosen, rng), effort.draws, rng)
        result["binarised"] = mean_of(binary, rng).to_dict()
    return result
