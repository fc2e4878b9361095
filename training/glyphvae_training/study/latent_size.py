"""Figure 3: two latents against 23."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.decomposition import PCA

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.study.coding import coding
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.figures import legend, scatter, show, tiled
from glyphvae_training.study.latents import neighbour_accuracy, plane, silhouette
from glyphvae_training.study.plan import FIGURE_3
from glyphvae_training.study.train import subsample

Json = dict[str, Any]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

GRID = 20
# The outermost 2.5 % of the prior on each side are hardly ever drawn.
EDGE = 0.025
SAMPLES = 10


def latent_size(context: StudyContext) -> Json:
    """Train both, measure them against PCA of their size, and draw figure 3."""
    data, rng = context.dataset("mnist"), np.random.default_rng(0)
    models: dict[int, Coder] = {size: context.model(name) for size, name in FIGURE_3.items()}
    characters = subsample(data.test, context.schedule.points)
    planes, rows = {}, []
    for size, model in context.track(list(models.items()), "latent spaces"):
        mu, _ = model.encode(characters.images, characters.labels)
        planes[size] = mu if size == 2 else plane(mu)
        rows.append(
            {
                **context.facts(FIGURE_3[size]),
                "neighbour_accuracy": neighbour_accuracy(mu, characters.labels),
                "neighbour_accuracy_drawn": neighbour_accuracy(planes[size], characters.labels),
                "silhouette": silhouette(mu, characters.labels),
                "pca_mse": pca_mse(data, size),
                **coding(model, data.test, rng),
            }
        )
    context.figure("figure-3", spaces(planes, characters.labels, data.labels))
    context.figure("figure-3-manifold", picture(manifold(models[2]), GRID, 7))
    context.figure("figure-3-samples", pairs({size: drawn(model, rng) for size, model in models.items()}))
    result = {"characters": len(characters)}
    context.record("latent-size", result, {"models": rows})
    return {**result, "models": rows}


def pca_mse(data: Dataset, components: int) -> float:
    """Compute the test MSE of a PCA of the training images with as many components."""
    train, test = (split.images.reshape(len(split), -1) / np.float32(255) for split in (data.train, data.test))
    fitted = PCA(components, svd_solver="covariance_eigh").fit(train)
    return float(np.square(fitted.inverse_transform(fitted.transform(test)) - test).mean())


def manifold(coder: Coder) -> Pixels:
    """Decode a grid over two latents, uint8 (GRID², 28, 28): equal steps of the prior's probability, z2 upwards.

    Kingma & Welling, arXiv:1312.6114, figure 4.
    """
    steps = norm.ppf(np.linspace(EDGE, 1 - EDGE, GRID)).astype(np.float32)
    down, across = np.meshgrid(steps[::-1], steps, indexing="ij")
    z = np.stack([across.ravel(), down.ravel()], axis=1)  # (GRID², 2)
    return coder.decode(z, np.zeros(len(z), np.int64))[0]


def drawn(coder: Coder, rng: np.random.Generator) -> Pixels:
    """Draw samples from the prior, uint8 (SAMPLES², 28, 28)."""
    z = rng.standard_normal((SAMPLES**2, coder.latent_size), dtype=np.float32)
    return coder.decode(z, np.zeros(len(z), np.int64))[0]


def spaces(planes: dict[int, Floats], labels: NDArray[np.int64], names: tuple[str, ...]) -> Figure:
    """Draw both latent spaces, that of two latents unchanged."""
    figure = Figure(figsize=(9.2, 4.2), layout="constrained")
    panels = figure.subplots(1, len(planes))
    for axes, (size, points) in zip(panels, planes.items(), strict=True):
        scatter(axes, points, labels, names)
        drawn = size == 2
        across, up = ("z1", "z2") if drawn else ("t-SNE 1", "t-SNE 2")
        axes.set(title=f"{size} latents" if drawn else f"{size} latents, t-SNE", xlabel=across, ylabel=up)
        axes.locator_params(nbins=6)
    legend(panels[-1], names)
    return figure


def pairs(samples: dict[int, Pixels]) -> Figure:
    """Draw samples of both models, side by side."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    for axes, (size, pixels) in zip(figure.subplots(1, len(samples)), samples.items(), strict=True):
        show(axes, tiled(pixels, SAMPLES), f"samples of {size} latents")
    return figure


def picture(pixels: Pixels, columns: int, inches: float) -> Figure:
    """Draw one image grid of glyphs."""
    figure = Figure(figsize=(inches, inches * (len(pixels) / columns) / columns), layout="constrained")
    show(figure.subplots(), tiled(pixels, columns))
    return figure
