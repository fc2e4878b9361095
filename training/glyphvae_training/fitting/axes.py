"""Last stage of the pen: rotates the noise of the hand so that its first axes match measures of handwriting.

N(0, I) looks the same from every side: with orthonormal rows b_i, sum_i u_i·b_i is distributed as u is. So any
orthonormal basis may be put before the flow without changing what is drawn, only which slider draws it. The first four
directions are those along which slant, stroke width, width and height grow fastest, by least squares over samples of
every label, each made orthogonal to those before it (Gram-Schmidt). The others are ordered by how much they change the
picture: the eigenvectors of E[JᵀJ], J = d mean(x|u, c)/du, in what is left.

The basis is multiplied into the first rotation of the hand's flow, and costs nothing. Only the hand is turned: what a
slider does to one letter it does to all.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.runs import Run
from glyphvae_training.measures.glyph import FEATURES
from glyphvae_training.models.pen import Pen

Basis = NDArray[np.float64]

# Of each label for E[JᵀJ], which varies little.
SLOPES_PER_LABEL = 10
# Of central differences: their error falls with its square, that of float32 rises as it falls.
STEP = 0.01


@dataclass(frozen=True)
class AxesConfig:
    """Settings of the search for the directions.

    Attributes:
        samples: Of each label, for the regression.
        seed: Of the samples.
    """

    samples: int = 200
    seed: int = 0


def align(run: Run, config: AxesConfig | None = None) -> Run:
    """Rotate the noise of the hand; the same run always gives the same axes.

    Args:
        run: a pen with priors and a hand of four latents or more, changed in place.
        config: how.

    Raises:
        RunError: the model is no such pen.
    """
    model, config = run.model, config or AxesConfig()
    if not isinstance(model, Pen) or model.hand_flow is None or model.config.hand_size < len(FEATURES):
        raise RunError(f"axes are found for a pen with priors and a hand of {len(FEATURES)} latents or more")
    basis = torch.from_numpy(axes(model.eval(), config))
    first = model.hand_flow.in_order()[0]
    first.rotation.copy_(basis @ first.rotation.double())  # rounded to float32 once
    return replace(run, model=model, training=run.training | {"axes": asdict(config)})


def axes(model: Pen, config: AxesConfig) -> Basis:
    """Return the directions, float64 (hand, hand): orthonormal rows, four along the measures' gradients."""
    size = model.config.hand_size
    generator = torch.Generator().manual_seed(config.seed)
    u, label = noise(model, config.samples, generator)
    growth = directions(model, u, label)[:, :size]  # (4, hand)
    known = np.linalg.qr(growth.T, mode="complete").Q.T  # (hand, hand), the last rows span what is left
    known[: len(growth)] *= np.sign(np.einsum("ij,ij->i", known[: len(growth)], growth))[:, None]
    left = known[len(growth) :]
    metric = changes(model, *noise(model, SLOPES_PER_LABEL, generator))[:size, :size]
    _, vectors = np.linalg.eigh(left @ metric @ left.T)  # ascending
    others = vectors.T[::-1] @ left
    # Either sign would do; this one does not depend on the library.
    others *= np.sign(others[np.arange(len(others)), np.abs(others).argmax(axis=1)])[:, None]
    return np.concatenate([known[: len(growth)], others])


def noise(model: Pen, each: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw latents (n, latent) from N(0, I) and labels (n,), `each` of every label."""
    label = torch.arange(model.config.label_count).repeat_interleave(each)
    return torch.randn(len(label), model.config.latent_size, generator=generator), label


@torch.inference_mode()
def directions(model: Pen, u: Tensor, label: Tensor) -> Basis:
    """Fit the gradient of each measure by the latents, float64 (measures, latent), by least squares within labels."""
    pixels = (model.decode(u, label).sigmoid() * 255).round().to(torch.uint8).numpy()
    measured = np.stack([feature.measure(pixels) for feature in FEATURES.values()], axis=1)  # (n, measures)
    index = label.numpy()
    growth, *_ = np.linalg.lstsq(within(u.double().numpy(), index), within(measured, index), rcond=None)
    return np.ascontiguousarray(growth.T)


def within(values: Basis, index: NDArray[np.int64]) -> Basis:
    """Subtract the mean of their label from values (n, k)."""
    counts = np.bincount(index)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, index, values)
    return np.asarray(values - (sums / np.maximum(counts, 1)[:, None])[index])


@torch.inference_mode()
def changes(model: Pen, u: Tensor, label: Tensor) -> Basis:
    """Estimate E[JᵀJ] over the given latents, float64 (latent, latent): squared change of ink for a unit step."""

    def mean(at: Tensor) -> Tensor:
        return model.decode(at, label).sigmoid().flatten()  # (n·784,)

    steps = STEP * torch.eye(u.shape[1])
    j = torch.stack([(mean(u + step) - mean(u - step)) / (2 * STEP) for step in steps]).double()  # (latent, n·784)
    return (j @ j.T / len(u)).numpy()
