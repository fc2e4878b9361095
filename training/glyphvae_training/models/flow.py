"""A learned prior p(z|c): a normalising flow from eps ~ N(0, I) to the latents that real characters of a label have.

Dinh, Sohl-Dickstein & Bengio, "Density estimation using Real NVP" (arXiv:1605.08803), equations 4 to 9: affine
couplings, whose inverse and determinant are known; Kingma & Dhariwal, "Glow" (arXiv:1807.03039), section 3.2: rotations
between them. As a second stage behind an autoencoder: Xiao, Yan & Amit, "Generative latent flow" (arXiv:1905.10485).

The flow is part of the exported decoder, so that the caller still gives noise from N(0, I); its inverse is part of the
encoder. A latent of an exported model is therefore the flow's noise u, and z = flow(u) stays inside.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.models.conditioning import ConditionedLinear

# The log of the largest stretch of one coupling: without a bound a few rare characters blow up the likelihood.
LARGEST_LOG_SCALE = 1.5
WIDTH = 128


class Coupling(nn.Module):
    """Rotation of the latents, then a scale and shift of one half by functions of the other half and the label.

    Args:
        size: Latents, at least 2.
        label_count: Labels, 0 for none.
        seed: Of the rotation, which is not trained.
    """

    rotation: Tensor

    def __init__(self, size: int, label_count: int, seed: int) -> None:
        super().__init__()
        self.kept = size // 2
        self.hidden = ConditionedLinear(self.kept, WIDTH, label_count)
        self.last = nn.Linear(WIDTH, 2 * (size - self.kept))
        # The flow starts as rotations alone.
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        drawn = torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("rotation", torch.linalg.qr(drawn).Q)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Map latents (n, size) towards the data."""
        a, b = self._halves(x @ self.rotation)
        log_scale, shift = self._terms(functional.relu(self.hidden(a, label)))
        return torch.cat([a, b * log_scale.exp() + shift], dim=1)

    def inverse(self, y: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map latents (n, size) towards the noise; also returns log |det| of that map, (n,)."""
        a, b = self._halves(y)
        log_scale, shift = self._terms(functional.relu(self.hidden(a, label)))
        x = torch.cat([a, (b - shift) * (-log_scale).exp()], dim=1) @ self.rotation.T
        return x, -log_scale.sum(dim=1)

    def pull(self, y: Tensor, slopes: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map as `inverse`, and k derivatives by each y to those by its x: (n, size), (n, k, size)."""
        a, b = self._halves(y)
        of_a, of_b = self._halves(slopes)
        before = self.hidden(a, label)  # (n, width)
        log_scale, shift = self._terms(functional.relu(before))
        # The product of both layers' weights, unit by unit, does not depend on y: one matrix product for all values
        # takes the place of two for each.
        units = self.last.weight.T.unsqueeze(2) * self.hidden.linear.weight.unsqueeze(1)  # (width, 2 moved, kept)
        open_units = (before > 0).to(before.dtype)  # (n, width)
        draw, dshift = (open_units @ units.flatten(1)).unflatten(1, units.shape[1:]).chunk(2, dim=1)
        stretched = b - shift
        bent = 1 - (log_scale / LARGEST_LOG_SCALE).square()  # the slope of tanh
        mixed = draw * (stretched * bent).unsqueeze(2) + dshift  # (n, moved, kept) = db/da
        scale = log_scale.exp()
        slopes = torch.cat([of_a + of_b @ mixed, of_b * scale.unsqueeze(1)], dim=2) @ self.rotation.T
        return torch.cat([a, stretched / scale], dim=1) @ self.rotation.T, slopes

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = torch.split(x, [self.kept, x.shape[-1] - self.kept], dim=-1)
        return a, b

    def _terms(self, h: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.last(h).chunk(2, dim=1)  # (n, size - kept) each
        return LARGEST_LOG_SCALE * torch.tanh(raw / LARGEST_LOG_SCALE), shift


class Flow(nn.Module):
    """Couplings, then a scale and a shift of each latent that depend on the label alone.

    Args:
        size: Latents, at least 2.
        label_count: Labels, 0 for none.
        couplings: How many.
    """

    def __init__(self, size: int, label_count: int, couplings: int) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(size, label_count, seed) for seed in range(couplings))
        self.log_scale = nn.Embedding(max(1, label_count), size)
        self.shift = nn.Embedding(max(1, label_count), size)
        nn.init.zeros_(self.log_scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, u: Tensor, label: Tensor | None) -> Tensor:
        """Map noise u (n, size) to latents z (n, size)."""
        for coupling in self.in_order():
            u = coupling(u, label)
        row = self._row(u, label)
        z: Tensor = u * self.log_scale(row).exp() + self.shift(row)
        return z

    def inverse(self, z: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map latents z (n, size) to noise u (n, size); also returns log |det du/dz|, (n,)."""
        row = self._row(z, label)
        u = (z - self.shift(row)) * (-self.log_scale(row)).exp()
        log_det = -self.log_scale(row).sum(dim=1)
        for coupling in reversed(self.in_order()):
            u, term = coupling.inverse(u, label)
            log_det = log_det + term
        return u, log_det

    def log_prob(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Compute log p(z|c), (n,) nats."""
        u, log_det = self.inverse(z, label)
        normal = -0.5 * (u.square() + torch.log(torch.tensor(2 * torch.pi))).sum(dim=1)
        log_density: Tensor = normal + log_det
        return log_density

    def posterior(self, mu: Tensor, logvar: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Convert the posterior N(mu, sigma²) of z to one of u: mean and log variance, each (n, size).

        To first order in sigma it is a Gaussian with precision JᵀS⁻¹J, J = dz/du and S = diag(sigma²). The diagonal
        Gaussian nearest to that, in KL(q || p), has the same diagonal of the precision (Bishop, "Pattern Recognition
        and Machine Learning", section 10.1.2): 1 / variance of u_i = sum over j of (dz_j/du_i / sigma_j)².
        """
        row = self._row(mu, label)
        scale = self.log_scale(row).exp()
        u = (mu - self.shift(row)) / scale
        # (n, j, i): dz_j/du_i / sigma_j, with u where the couplings gone through have led.
        slopes = torch.eye(mu.shape[1]) * (scale * (-logvar / 2).exp()).unsqueeze(1)
        for coupling in reversed(self.in_order()):
            u, slopes = coupling.pull(u, slopes, label)
        return u, -slopes.square().sum(dim=1).log()

    def in_order(self) -> list[Coupling]:
        """Return the couplings, from the noise on."""
        return [cast("Coupling", coupling) for coupling in self.couplings]

    def _row(self, x: Tensor, label: Tensor | None) -> Tensor:
        return torch.zeros(x.shape[0], dtype=torch.int64) if label is None else label
