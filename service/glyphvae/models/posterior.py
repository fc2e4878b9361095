"""What a model says about an image: its latents, its label and how well it can be reconstructed."""

from dataclasses import dataclass

import numpy as np

from glyphvae.models.elbo import kl_divergence, label_posterior, reconstruction_error
from glyphvae.models.registry import Floats, Labels, Model, Pixels

# Images compared with all labels at a time; 36 labels times this many images is what is held in memory.
CHUNK = 32


@dataclass(frozen=True)
class Reconstruction:
    """n images through encoder and decoder, each under one label.

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

    def take(self, rows: Labels | slice) -> "Reconstruction":
        """The given rows."""
        return Reconstruction(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class Reading:
    """The labels of n images.

    Attributes:
        labels: (n,) int64, the most likely of each.
        posterior: (n, labels) float32, p(label|image).
    """

    labels: Labels
    posterior: Floats


async def reconstruct(model: Model, pixels: Pixels, labels: Labels) -> Reconstruction:
    """Images (n, 28, 28) under labels (n,)."""
    mu, logvar = await model.encode(pixels, labels)
    return _reconstruction(pixels, labels, mu, logvar, *await model.decode_logits(mu, labels))


def reconstruct_now(model: Model, pixels: Pixels, labels: Labels) -> Reconstruction:
    """As `reconstruct`, at once and in this thread; for few images.

    Raises:
        NotReady: The model is not loaded yet, or fails.
    """
    mu, logvar = model.encode_now(pixels, labels)
    return _reconstruction(pixels, labels, mu, logvar, *model.decode_logits_now(mu, labels))


def _reconstruction(  # noqa: PLR0917 (what was given, what the encoder said, what the decoder said)
    pixels: Pixels, labels: Labels, mu: Floats, logvar: Floats, decoded: Pixels, logits: Floats
) -> Reconstruction:
    return Reconstruction(labels, mu, logvar, decoded, reconstruction_error(pixels, logits), kl_divergence(mu, logvar))


async def read_labels(model: Model, pixels: Pixels) -> Reading:
    """The labels of images (n, 28, 28): by the model's classifier, else by Bayes' rule with the ELBO as evidence."""
    if model.manifest.classifier is not None:
        return _reading(await model.classify(pixels))
    parts = [
        (await reconstruct(model, *_under_every_label(model, pixels[start : start + CHUNK]))).elbo
        for start in range(0, len(pixels), CHUNK)
    ]
    return _reading(np.concatenate(parts).reshape(len(pixels), -1))


def read_labels_now(model: Model, pixels: Pixels) -> Reading:
    """As `read_labels`, at once and in this thread; for few images.

    Raises:
        NotReady: The model is not loaded yet, or fails.
    """
    if model.manifest.classifier is not None:
        return _reading(model.classify_now(pixels))
    return _reading(reconstruct_now(model, *_under_every_label(model, pixels)).elbo.reshape(len(pixels), -1))


def rows_to_read(model: Model) -> int:
    """How often `read_labels` sends an image through a graph."""
    return 1 if model.manifest.classifier is not None else 2 * len(model.manifest.labels)


def _under_every_label(model: Model, pixels: Pixels) -> tuple[Pixels, Labels]:
    """Each of n images once for each label: pixels (n·labels, 28, 28), labels (n·labels,)."""
    classes = len(model.manifest.labels)
    return np.repeat(pixels, classes, axis=0), np.tile(np.arange(classes), len(pixels))


def _reading(evidence: Floats) -> Reading:
    """Of log p(image|label) (n, labels), but for a constant of each image."""
    return Reading(evidence.argmax(axis=1), label_posterior(evidence))
