"""Latents, labels and reconstructions of images by a model."""

from dataclasses import dataclass

import numpy as np

from glyphvae.models.elbo import read_evidence
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.scheduling.steps import Program

# Images compared with all labels at a time; 36 labels times this many images is what is held in memory.
CHUNK = 32


@dataclass(frozen=True)
class Reconstruction:
    """Reconstructions of n images, each under one label.

    Attributes:
        labels: (n,) int64.
        mu: (n, latent) float32.
        logvar: (n, latent) float32.
        pixels: (n, 28, 28) uint8, the decoded posterior mean.
        error: (n,) float32, reconstruction error in nats.
        kl: (n,) float32, in nats.
    """

    labels: Labels
    mu: Floats
    logvar: Floats
    pixels: Pixels
    error: Floats
    kl: Floats

    @property
    def elbo(self) -> Floats:
        """(n,) the evidence lower bound in nats, at most 0."""
        return -(self.error + self.kl)


@dataclass(frozen=True)
class Reading:
    """The labels of n images.

    Attributes:
        labels: (n,) int64, the most likely of each.
        posterior: (n, labels) float32, p(label|image).
    """

    labels: Labels
    posterior: Floats


def reconstruct(model: Model, pixels: Pixels, labels: Labels | None) -> Program[Reconstruction]:
    """Encode and decode images (n, 28, 28) under labels (n,), or where those are None under the most likely ones."""
    if labels is None:
        if model.manifest.classifier is not None:
            labels, _, *rest = yield from model.read_and_reconstruct(pixels)
            return Reconstruction(labels, *rest)
        labels = (yield from read_labels(model, pixels)).labels
    return Reconstruction(labels, *(yield from model.reconstruct(pixels, labels)))


def read_labels(model: Model, pixels: Pixels) -> Program[Reading]:
    """Find the labels of images (n, 28, 28) by the classifier, else by Bayes' rule with the ELBO as evidence."""
    if model.manifest.classifier is not None:
        return Reading(*(yield from model.read(pixels)))
    parts = []
    for start in range(0, len(pixels), CHUNK):
        result = yield from reconstruct(model, *_under_every_label(model, pixels[start : start + CHUNK]))
        parts.append(result.elbo)
    return Reading(*read_evidence(np.concatenate(parts).reshape(len(pixels), -1)))


def rows_to_read(model: Model) -> int:
    """Return how many rows of graphs `read_labels` computes for an image."""
    return 1 if model.manifest.classifier is not None else 2 * len(model.manifest.labels)


def _under_every_label(model: Model, pixels: Pixels) -> tuple[Pixels, Labels]:
    """Return each of n images once for each label: pixels (n·labels, 28, 28), labels (n·labels,)."""
    classes = len(model.manifest.labels)
    return np.repeat(pixels, classes, axis=0), np.tile(np.arange(classes), len(pixels))
