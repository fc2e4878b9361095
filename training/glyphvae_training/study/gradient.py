"""The paper's figure 1: the variance of the gradient with and without the reparameterisation, measured.

Both estimate the gradient of E_q[log p(x|z)], q(z|x) = N(mu, sigma²), by mu and log sigma². The score-function
estimator (REINFORCE, Williams 1992) multiplies log p(x|z) by the gradient of log q(z|x) and never differentiates the
decoder. The other differentiates log p(x|z) through z = mu + sigma·eps (Kingma & Welling, arXiv:1312.6114, section
2.4).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from glyphvae_training.fitting.objective import reconstruction, reparameterise
from glyphvae_training.models.vae import VAE

Json = dict[str, Any]
# (images, draws, 2, latent): by mu and by logvar.
Gradients = dict[str, NDArray[np.float64]]

SCORE = "score function"
BASELINE = "score function, mean as baseline"
REPARAMETERISED = "reparameterised"
PARAMETERS = ("mu", "logvar")
# Draws averaged to one estimate; each size is measured on at least `LEAST_ESTIMATES`.
AVERAGED = (1, 4, 16, 64, 256)
LEAST_ESTIMATES = 4


def gradients(model: VAE, x: Tensor, draws: int, generator: torch.Generator) -> Gradients:
    """Estimate the gradient of E_q[log p(x|z)] `draws` times by each estimator, from the same latents.

    Args:
        model: in evaluation mode, on the CPU.
        x: (images, 28, 28) in [0, 1].
        draws: latents of each image, at least 2.
        generator: draws them.
    """
    found = [image_gradients(model, image, draws, generator) for image in x]
    return {name: np.stack([image[name] for image in found]) for name in found[0]}


def image_gradients(model: VAE, x: Tensor, draws: int, generator: torch.Generator) -> Gradients:
    """Estimate the gradients of one image (28, 28); each is (draws, 2, latent)."""
    with torch.no_grad():
        posterior = model.encode(x[None])
    mu, logvar = (parameter.repeat(draws, 1).requires_grad_() for parameter in posterior)  # (draws, latent)
    z = reparameterise(mu, logvar, generator)
    log_likelihood = -reconstruction(model.decode(z), x.expand(draws, -1, -1))  # (draws,)
    log_q = -0.5 * ((z.detach() - mu).square() / logvar.exp() + logvar).sum(dim=1)
    # Each row has a mu and logvar of its own, so the gradient of the sum holds that of every draw.
    through = torch.stack(torch.autograd.grad(log_likelihood.sum(), (mu, logvar)), dim=1)  # (draws, 2, latent)
    score = torch.stack(torch.autograd.grad(log_q.sum(), (mu, logvar)), dim=1)
    read = log_likelihood.detach()[:, None, None]
    # The mean of the other draws, which does not depend on this one and so leaves the estimate unbiased.
    others = (read.sum() - read) / (draws - 1)
    estimates = {SCORE: score * read, BASELINE: score * (read - others), REPARAMETERISED: through}
    return {name: estimate.numpy().astype(np.float64) for name, estimate in estimates.items()}


def variance_rows(found: Gradients) -> list[Json]:
    """Measure the variance of the estimates, added up over the latents and averaged over the images.

    Returns:
        A row for mu and for logvar, and for each number of draws averaged to one estimate.
    """
    draws = found[SCORE].shape[1]
    return [
        {"parameter": name, "averaged": size}
        | {estimator: variance(values[:, :, index], size) for estimator, values in found.items()}
        for index, name in enumerate(PARAMETERS)
        for size in AVERAGED
        if draws // size >= LEAST_ESTIMATES
    ]


def variance(values: NDArray[np.float64], size: int) -> float:
    """Compute the variance of means of `size` draws, of gradients (images, draws, latent)."""
    images, draws, latent = values.shape
    count = draws // size
    means = values[:, : count * size].reshape(images, count, size, latent).mean(axis=2)  # (images, count, latent)
    return float(means.var(axis=1, ddof=1).sum(axis=1).mean())


def disagreement(found: Gradients) -> list[Json]:
    """Compare the means of both score-function estimators with the reparameterised one, in standard errors.

    Returns:
        A row for each, with the root mean square and the largest over all images, parameters and latents. Where both
        estimate the same, the former is near 1.
    """
    rows = []
    for name in (SCORE, BASELINE):
        difference = found[name] - found[REPARAMETERISED]
        error = difference.std(axis=1, ddof=1) / np.sqrt(difference.shape[1])
        apart = np.abs(difference.mean(axis=1)) / error  # (images, 2, latent)
        square = float(np.sqrt(np.square(apart).mean()))
        rows.append({"estimator": name, "root_mean_square": square, "largest": float(apart.max())})
    return rows


def variance_figure(states: Mapping[str, list[Json]]) -> Figure:
    """Draw figure 1: variance by draws averaged, a column of panels for each state of the model."""
    figure = Figure(figsize=(9.2, 7), layout="constrained")
    panels = figure.subplots(len(PARAMETERS), len(states), sharex=True, sharey=True, squeeze=False)
    for row, name in enumerate(PARAMETERS):
        for axes, (state, rows) in zip(panels[row], states.items(), strict=True):
            shown = [entry for entry in rows if entry["parameter"] == name]
            for estimator in (SCORE, BASELINE, REPARAMETERISED):
                axes.plot(
                    [entry["averaged"] for entry in shown],
                    [entry[estimator] for entry in shown],
                    marker="o",
                    label=estimator,
                )
            axes.set(xscale="log", yscale="log", title=f"gradient by {name}, {state}")
            axes.set_xticks([entry["averaged"] for entry in shown], [str(entry["averaged"]) for entry in shown])
            axes.minorticks_off()
            axes.grid(color="0.9")
    for axes in panels[-1]:
        axes.set_xlabel("draws averaged to one estimate")
    for axes in panels[:, 0]:
        axes.set_ylabel("variance, nats²")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure
