"""The evidence lower bound, in nats per image, from the outputs of encoder and decoder.

Kingma & Welling, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), equation 10, with a Bernoulli likelihood over
grey pixels:

    ELBO(x) = E_q(z|x)[log p(x|z)] - KL(q(z|x) || N(0, I))

The service takes the expectation at the posterior mean, z = mu, which needs one decoder run and is deterministic.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def reconstruction_error(pixels: NDArray[np.uint8], logits: Floats) -> Floats:
    """Compute -log p(x|z), the binary cross-entropy summed over pixels.

    Args:
        pixels: (n, 28, 28) uint8, the images x·255.
        logits: (n, 28, 28) float32, the log odds of ink.

    Returns:
        (n,) float32, nats per image, at least 0.
    """
    # log(1 + e^l) - x·l, written so that a large |l| cannot overflow, and in place, because allocating arrays for all
    # labels costs more than the arithmetic.
    cross_entropy = np.abs(logits)
    np.negative(cross_entropy, out=cross_entropy)
    np.exp(cross_entropy, out=cross_entropy)
    cross_entropy += np.float32(1)
    np.log(cross_entropy, out=cross_entropy)
    cross_entropy += np.maximum(logits, 0)
    ink = pixels * np.float32(1 / 255)
    ink *= logits
    cross_entropy -= ink
    return np.asarray(cross_entropy.sum(axis=(1, 2)), dtype=np.float32)


def kl_divergence(mu: Floats, logvar: Floats) -> Floats:
    """Compute KL(N(mu, sigma^2) || N(0, I)) = 1/2 · sum(mu^2 + sigma^2 - 1 - log sigma^2) (same paper, appendix B).

    Args:
        mu: (n, latent) float32.
        logvar: (n, latent) float32, log sigma^2.

    Returns:
        (n,) float32, nats per image, at least 0.
    """
    return np.asarray(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(axis=1), dtype=np.float32)


def read_evidence(evidence: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the most likely label of each image, (n,) int64, and p(label|x); arguments as of `label_posterior`."""
    return evidence.argmax(axis=1), label_posterior(evidence)


def label_posterior(evidence: Floats) -> Floats:
    """Compute p(label|x) by Bayes' rule with equal priors.

    Args:
        evidence: (n, labels) float32, nats: log p(x|label) up to a constant for each x; the ELBO approximates it.

    Returns:
        (n, labels) float32, rows that sum to 1.
    """
    weights = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
