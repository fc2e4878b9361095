"""Latents, labels and reconstructions of images by a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        evidence: (n,) float32, the classifier's logit of the label; None if it was not asked.
    """

    labels: Labels
    mu: Floats
    logvar: Floats
    pixels: Pixels
    error: Floats
    kl: Floats
    evidence: Floats | None = None

    @property
    def elbo(self) -> Floats:
        """(n,) the evidence lower bound in nats, at most 0."""
        return -(self.error + self.kl)


@dataclass(frozen=True)
class Reading:
    """The labels of n images.

    Attributes:
        labels: (n,) int64, the most likely of each.
        posterior: (n, labels) float32, p(label|image), 0 for labels that are not possible.
        evidence: (n,) float32, the classifier's logit of the label; None without a classifier.
    """

    labels: Labels
    posterior: Floats
    evidence: Floats | None = None


def reconstruct(
    model: Model, pixels: Pixels, labels: Labels | None, possible: Sequence[int] = ()
) -> Program[Reconstruction]:
    """Encode and decode images (n, 28, 28) under labels (n,), or if None under the most likely of the possible ones."""
    if labels is None:
        if model.manifest.classifier is not None:
            rows = _rows(model, possible, len(pixels))
            labels, _, evidence, mu, logvar, decoded, error, kl = yield from model.read_and_reconstruct(pixels, rows)
            return Reconstruction(labels, mu, logvar, decoded, error, kl, evidence)
        labels = (yield from read_labels(model, pixels, possible)).labels
    return Reconstruction(labels, *(yield from model.reconstruct(pixels, labels)))


def read_labels(model: Model, pixels: Pixels, possible: Sequence[int]) -> Program[Reading]:
    """Find the labels of images by the classifier, else by Bayes' rule with the ELBO as evidence.

    Args:
        model: Reads them.
        pixels: (n, 28, 28).
        possible: The labels among which it chooses, at least one.
    """
    if model.manifest.classifier is not None:
        return Reading(*(yield from model.read(pixels, _rows(model, possible, len(pixels)))))
    evidence = np.full((len(pixels), len(model.manifest.labels)), -np.inf, np.float32)
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK]
        result = yield from reconstruct(model, *_under_every_label(part, possible))
        evidence[start : start + CHUNK, possible] = result.elbo.reshape(len(part), -1)
    return Reading(*read_evidence(evidence))


def evidence_of(model: Model, pixels: Pixels, labels: Labels) -> Program[Floats]:
    """Return the classifier's logit of the label of each image, (n,) float32."""
    _, _, evidence = yield from model.read(pixels, labels[:, None] == np.arange(len(model.manifest.labels)))
    return evidence


def rows_to_read(model: Model, possible: Sequence[int]) -> int:
    """Return how many rows of graphs `read_labels` computes for an image."""
    return 1 if model.manifest.classifier is not None else 2 * len(possible)


def _rows(model: Model, possible: Sequence[int], count: int) -> NDArray[np.bool_]:
    """Return whether each label is possible, once for each image: (count, labels)."""
    allowed = np.zeros(len(model.manifest.labels), bool)
    allowed[list(possible)] = True
    return np.broadcast_to(allowed, (count, len(allowed)))


def _under_every_label(pixels: Pixels, possible: Sequence[int]) -> tuple[Pixels, Labels]:
    """Return each of n images once for each possible label: pixels (n·labels, 28, 28), labels (n·labels,)."""
    return np.repeat(pixels, len(possible), axis=0), np.tile(np.asarray(possible), len(pixels))
