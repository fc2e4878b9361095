"""What a model says about an image: its latents, its label and how well it can be reconstructed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from service.elbo import kl_divergence, label_posterior, reconstruction_error
from service.engine import Floats, Labels, Model, Pixels

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
class Inference:
    """The best reading of n images.

    Attributes:
        best: Each image under its most likely label.
        posterior: (n, labels) float32, p(label|image).
    """

    best: Reconstruction
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


async def infer(model: Model, pixels: Pixels) -> Inference:
    """Images (n, 28, 28) under the most likely of the model's labels, by Bayes' rule with the ELBO as evidence."""
    parts = [await _infer(model, pixels[start : start + CHUNK]) for start in range(0, len(pixels), CHUNK)]
    return Inference(_join([part.best for part in parts]), np.concatenate([part.posterior for part in parts]))


def _join(parts: Sequence[Reconstruction]) -> Reconstruction:
    columns = ([getattr(part, field.name) for part in parts] for field in fields(Reconstruction))
    return Reconstruction(*(np.concatenate(column) for column in columns))


async def _infer(model: Model, pixels: Pixels) -> Inference:
    return _best(await reconstruct(model, *_under_every_label(model, pixels)), len(pixels))


def infer_now(model: Model, pixels: Pixels) -> Inference:
    """As `infer`, at once and in this thread; for few images.

    Raises:
        NotReady: The model is not loaded yet, or fails.
    """
    return _best(reconstruct_now(model, *_under_every_label(model, pixels)), len(pixels))


def _under_every_label(model: Model, pixels: Pixels) -> tuple[Pixels, Labels]:
    """Each of n images once for each label: pixels (n·labels, 28, 28), labels (n·labels,)."""
    classes = len(model.manifest.labels)
    return np.repeat(pixels, classes, axis=0), np.tile(np.arange(classes), len(pixels))


def _best(every: Reconstruction, n: int) -> Inference:
    """The reading of n images that each of them has the highest ELBO under."""
    elbo = every.elbo.reshape(n, -1)
    classes = elbo.shape[1]
    best = np.arange(n) * classes + elbo.argmax(axis=1)
    return Inference(every.take(best), label_posterior(elbo))
