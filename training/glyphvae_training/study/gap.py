"""The gap of the evidence lower bound, by quadrature over two latents.

log p(x) - ELBO = KL(q(z|x) || p(z|x)), the paper's equation 4. With two latents both sides can be had without the
other: the left from an integral over a grid and from draws as in training, the right from the grid alone.

Of grey pixels p(x|z) is not normalised, so that log p(x) is no probability; the equation holds for it all the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Patch
from numpy.typing import NDArray
from scipy.special import logsumexp, rel_entr
from scipy.stats import norm

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.export.exported import Floats
from glyphvae_training.fitting.objective import kl_divergence, reparameterise
from glyphvae_training.study.figures import show

Json = dict[str, Any]
Doubles = NDArray[np.float64]
Track = Callable[[Sequence[float], str], Iterable[float]]

# The prior holds all but a millionth of its mass within.
LIMIT = 5.0
# Of the smallest sigma: for a Gaussian the sum over a grid is then exact in double precision, and over a grid of
# twice the step to three ten-thousandths, which is what tells the error.
STEP = 0.75
# Shares of their mass that the drawn regions of p(z|x) and q(z|x) hold.
SHARES = (0.95, 0.5)
COLOURS = ("#c6dbef", "#6baed6")
# Points along each axis of a drawn density.
DRAWN = 61
# Of its highest value, where a drawn density ends.
FAINT = 1e-3


@dataclass(frozen=True)
class Grid:
    """Square grid over two latents, centred at 0.

    Attributes:
        axis: float64 (side,), the values of each latent; side is odd.
    """

    axis: Doubles

    @classmethod
    def finer_than(cls, sigma: float) -> "Grid":
        """Make a grid whose step is fine enough for densities of width `sigma`."""
        half = int(np.ceil(LIMIT / (STEP * sigma)))
        return cls(np.linspace(-LIMIT, LIMIT, 2 * half + 1))

    @property
    def cell(self) -> float:
        """The area for which a point stands."""
        return float(self.axis[1] - self.axis[0]) ** 2

    @property
    def halved(self) -> "Grid":
        """The grid of every second point along each axis."""
        return Grid(self.axis[::2])

    def log_normal(self, mu: Doubles | Floats, sigma: Doubles | Floats) -> Doubles:
        """Compute the log density of N(mu, sigma²), float64 (side, side); `mu` and `sigma` are (2,)."""
        first, second = (norm.logpdf(self.axis, mu[unit], sigma[unit]) for unit in range(2))  # (side,) each
        return np.asarray(first[:, None] + second)

    @property
    def log_prior(self) -> Doubles:
        """The log density of the prior N(0, I), float64 (side, side)."""
        return self.log_normal(np.zeros(2), np.ones(2))


class Quadrature(NamedTuple):
    """Integrals over a grid, in nats.

    Attributes:
        log_evidence: log p(x).
        gap: KL(q(z|x) || p(z|x)).
        log_posterior: float64 (side, side), log p(z|x).
    """

    log_evidence: float
    gap: float
    log_posterior: Doubles


def log_likelihood(coder: Coder, z: Doubles, x: Doubles) -> Doubles:
    """Compute log p(x|z), float64 (images, n), of latents (n, 2) and images (images, 28, 28) in [0, 1].

    It is the negative of `glyphvae_training.fitting.objective.reconstruction`, x·l - log(1 + exp(l)) summed over the
    pixels, with one product for all images.
    """
    _, decoded = coder.decode(z.astype(np.float32), np.zeros(len(z), np.int64))
    logits = decoded.reshape(len(z), -1).astype(np.float64)  # (n, 784)
    return np.asarray(x.reshape(len(x), -1) @ logits.T - np.logaddexp(0, logits).sum(axis=1))


def over_grid(coder: Coder, grid: Grid, x: Doubles, track: Track) -> Doubles:
    """Compute log p(x|z) at every point, float64 (images, side, side), of images (images, 28, 28) in [0, 1]."""
    # A row at a time, because the logits of the whole grid take gigabytes.
    rows = [
        log_likelihood(coder, np.stack([np.full_like(grid.axis, first), grid.axis], axis=1), x)
        for first in track(grid.axis.tolist(), "decoded latents")
    ]
    return np.stack(rows, axis=1)


def integrate(grid: Grid, likelihood: Doubles, log_q: Doubles) -> Quadrature:
    """Integrate over the grid: log p(x|z) and log q(z|x) of one image, both float64 (side, side)."""
    joint = likelihood + grid.log_prior
    log_evidence = float(logsumexp(joint) + np.log(grid.cell))
    log_posterior = likelihood + grid.log_prior - log_evidence
    gap = float((np.exp(log_q) * (log_q - log_posterior)).sum() * grid.cell)
    return Quadrature(log_evidence, gap, log_posterior)


def drawn_elbo(coder: Coder, x: Doubles, mu: Floats, logvar: Floats, draws: int) -> tuple[float, float]:
    """Estimate the ELBO of an image (28, 28) as training does, from `draws` latents instead of one.

    Returns:
        The estimate and its standard error, in nats.
    """
    means, spreads = (torch.from_numpy(values).expand(draws, -1) for values in (mu, logvar))  # (draws, 2)
    z = reparameterise(means, spreads, torch.Generator().manual_seed(0)).numpy()
    read = log_likelihood(coder, z, x[None])[0]  # (draws,)
    elbo = read.mean() - float(kl_divergence(means[:1], spreads[:1])[0])
    return float(elbo), float(read.std(ddof=1) / np.sqrt(draws))


def gap_row(grid: Grid, likelihood: Doubles, mu: Floats, logvar: Floats) -> tuple[Json, Doubles]:
    """Integrate one image's log p(x|z); returns log p(x), the gap and their error, and log p(z|x) on the grid."""
    sigma = np.exp(logvar / 2)
    log_q = grid.log_normal(mu, sigma)
    fine = integrate(grid, likelihood, log_q)
    coarse = integrate(grid.halved, likelihood[::2, ::2], log_q[::2, ::2])
    row = {
        "log_evidence": fine.log_evidence,
        "gap": fine.gap,
        "quadrature_error": max(abs(fine.log_evidence - coarse.log_evidence), abs(fine.gap - coarse.gap)),
        "mu": mu.tolist(),
        "sigma": sigma.tolist(),
    }
    return row, fine.log_posterior


def gaps(coder: Coder, split: Split, draws: int, track: Track) -> tuple[list[Json], Figure]:
    """Measure both sides of equation 4 on every image, and draw the smallest and the largest gap.

    Args:
        coder: an unconditional model of two latents.
        split: the images.
        draws: latents that estimate each ELBO.
        track: shows the progress of an iteration.
    """
    x = split.images / 255.0
    mu, logvar = coder.encode(split.images, split.labels)
    grid = Grid.finer_than(float(np.exp(logvar / 2).min()))
    rows, posteriors = [], []
    for index, likelihood in enumerate(over_grid(coder, grid, x, track)):
        row, log_posterior = gap_row(grid, likelihood, mu[index], logvar[index])
        elbo, error = drawn_elbo(coder, x[index], mu[index], logvar[index], draws)
        left_over = row["log_evidence"] - elbo - row["gap"]
        rows.append(
            {"label": int(split.labels[index]), "elbo": elbo, "elbo_error": error, "left_over": left_over, **row}
        )
        posteriors.append(log_posterior)
    by_gap = sorted(range(len(rows)), key=lambda index: float(rows[index]["gap"]))
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=(2, 5, 2, 5))
    for index, glyph, axes in zip((by_gap[0], by_gap[-1]), panels[::2], panels[1::2], strict=True):
        show(glyph, split.images[index], "the image x")
        draw_posteriors(axes, coder, x[index], rows[index], window(grid, posteriors[index], rows[index]))
    regions = [
        Patch(color=colour, label=f"{100 * share:.0f} % of p(z|x)")
        for share, colour in zip(SHARES, COLOURS, strict=True)
    ]
    lines = Line2D([], [], color="C1", label="50 % and 95 % of q(z|x)")
    figure.legend(handles=[*regions, lines], loc="outside lower center", ncols=3, frameon=False)
    return rows, figure


def window(grid: Grid, log_posterior: Doubles, row: Json) -> tuple[Doubles, Doubles]:
    """Find the values of z1 and z2 where p(z|x) or q(z|x) can be seen, (DRAWN,) each, equally wide."""
    seen = log_posterior > log_posterior.max() + np.log(FAINT)
    ends = []
    for unit in range(2):
        shown = grid.axis[seen.any(axis=1 - unit)]
        reach = 3 * row["sigma"][unit]
        ends.append((min(shown[0], row["mu"][unit] - reach), max(shown[-1], row["mu"][unit] + reach)))
    half = max(high - low for low, high in ends) / 2
    first, second = (np.linspace(-half, half, DRAWN) + (low + high) / 2 for low, high in ends)
    return first, second


def draw_posteriors(axes: Axes, coder: Coder, x: Doubles, row: Json, values: tuple[Doubles, Doubles]) -> None:
    """Draw the regions of p(z|x) that hold 50 % and 95 % of it, and those of q(z|x) as lines."""
    z = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, 2)  # (DRAWN², 2)
    joint = log_likelihood(coder, z, x[None])[0] + norm.logpdf(z).sum(axis=1)
    density = np.exp(joint - logsumexp(joint))  # (DRAWN²,), adds up to 1
    levels = [*(holding(density, share) for share in SHARES), np.inf]
    axes.contourf(*values, density.reshape(DRAWN, DRAWN).T, levels, colors=COLOURS)
    for share in SHARES:
        width, height = 2 * np.sqrt(-2 * np.log(1 - share)) * np.array(row["sigma"])
        axes.add_patch(Ellipse(row["mu"], width, height, fill=False, color="C1", linewidth=1.5))
    axes.set(xlabel="z1", ylabel="z2", aspect="equal", title=f"a {row['label']}: gap {row['gap']:.2f} nats")


def holding(density: Doubles, share: float) -> float:
    """Find the level above which a density that adds up to 1 holds this share."""
    falling = np.sort(density.ravel())[::-1]
    return float(falling[np.searchsorted(np.cumsum(falling), share)])


def aggregate_kl(mu: Floats, logvar: Floats) -> float:
    """Compute KL(q(z) || p(z)) in nats, of the mean q(z) of all posteriors, both (n, 2), by quadrature."""
    sigma = np.exp(logvar / 2)
    grid = Grid.finer_than(float(sigma.min()))
    first, second = (norm.pdf(grid.axis[:, None], mu[:, unit], sigma[:, unit]) for unit in range(2))  # (side, n) each
    aggregate = first @ second.T / len(mu)  # (side, side)
    return float(rel_entr(aggregate, np.exp(grid.log_prior)).sum() * grid.cell)
