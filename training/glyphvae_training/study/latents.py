"""Statistics of the latents of real characters.

The aggregate posterior q(z) is the mean of q(z|x) over the data (Makhzani et al., arXiv:1511.05644, section 2). With
q(z|x) = N(mu, sigma²) its moments follow from the law of total variance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from glyphvae_training.evaluation.evaluate import ACTIVE_VARIANCE
from glyphvae_training.export.exported import Floats

NEIGHBOURS = 10
PERPLEXITY = 30


@dataclass(frozen=True)
class Moments:
    """Moments of the aggregate posterior, float64 (latent,) each.

    Attributes:
        mean: E[mu].
        mu_variance: Var[mu]; a unit is active where it is at least 0.01 (Burda et al., arXiv:1509.00519).
        mean_variance: E[sigma²].
    """

    mean: NDArray[np.float64]
    mu_variance: NDArray[np.float64]
    mean_variance: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """Var[z] = Var[mu] + E[sigma²]."""
        return self.mu_variance + self.mean_variance

    @property
    def second_moment(self) -> NDArray[np.float64]:
        """E[z²] = E[mu²] + E[sigma²], 1 for the prior N(0, 1) and wherever training has converged.

        Scaling a latent by a and the decoder's weights on it by 1/a changes the KL alone. Its derivative at a = 1 is
        E[mu² + sigma²] - 1, for any beta > 0, and must vanish at a minimum.
        """
        return self.mean**2 + self.mu_variance + self.mean_variance

    @property
    def active(self) -> NDArray[np.bool_]:
        """Mask of the active units."""
        return self.mu_variance >= ACTIVE_VARIANCE


def moments(mu: Floats, logvar: Floats) -> Moments:
    """Compute the moments, over n characters, of `mu` and `logvar` float32 (n, latent)."""
    mu, variance = mu.astype(np.float64), np.exp(logvar.astype(np.float64))
    return Moments(mu.mean(axis=0), mu.var(axis=0), variance.mean(axis=0))


def ranking(found: Moments) -> NDArray[np.int64]:
    """Return indices of the latents by the variance of mu, the largest first."""
    return np.argsort(-found.mu_variance, kind="stable").astype(np.int64)


def neighbour_accuracy(points: NDArray[np.floating], labels: NDArray[np.int64], neighbours: int = NEIGHBOURS) -> float:
    """Return how often most of the nearest other points share a point's label: 1 where classes do not overlap.

    Args:
        points: (n, dimensions), n more than `neighbours`.
        labels: int64 (n,).
        neighbours: asked; of a tie the lowest label wins.
    """
    # Without an argument, a point is not its own neighbour.
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(return_distance=False)
    votes = np.apply_along_axis(np.bincount, 1, labels[nearest], minlength=int(labels.max()) + 1)
    return float((votes.argmax(axis=1) == labels).mean())


def silhouette(points: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Return the mean silhouette (Rousseeuw 1987), in [-1, 1], high where points are nearest to their own class."""
    return float(silhouette_score(points, labels))


def plane(points: NDArray[np.floating], seed: int = 0) -> Floats:
    """Embed points in two dimensions by t-SNE (van der Maaten & Hinton 2008): float32 (n, 2)."""
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    embedded = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
    return np.asarray(embedded, np.float32)
