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

from training.conditioning import ConditionedLinear

# The log of the largest stretch of one coupling: without a bound a few rare characters blow up the likelihood.
LARGEST_LOG_SCALE = 1.5
WIDTH = 128


class Coupling(nn.Module):
    """Rotates the latents, then stretches and shifts one half by functions of the other half and the label.

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
        """Latents (n, size) towards the data."""
        a, b = self._halves(x @ self.rotation)
        log_scale, shift = self._terms(functional.relu(self.hidden(a, label)))
        return torch.cat([a, b * log_scale.exp() + shift], dim=1)

    def inverse(self, y: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Latents (n, size) towards the noise, and log |det| of that map, (n,)."""
        a, b = self._halves(y)
        log_scale, shift = self._terms(functional.relu(self.hidden(a, label)))
        x = torch.cat([a, (b - shift) * (-log_scale).exp()], dim=1) @ self.rotation.T
        return x, -log_scale.sum(dim=1)

    def push(self, x: Tensor, tangent: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """`forward`, and what it makes of k directions at each x: (n, size), (n, k, size) to the same."""
        a, b = self._halves(x @ self.rotation)
        da, db = self._halves(tangent @ self.rotation)
        before = self.hidden(a, label)  # (n, width)
        log_scale, shift = self._terms(functional.relu(before))
        slope = (before > 0).to(before.dtype)  # (n, width)
        # The product of both layers' weights, unit by unit, does not depend on x: one matrix product for all directions
        # takes the place of two for each.
        units = self.hidden.linear.weight.unsqueeze(2) * self.last.weight.T.unsqueeze(1)  # (width, kept, 2 moved)
        draw, dshift = (slope @ units.flatten(1)).unflatten(1, units.shape[1:]).chunk(2, dim=2)  # (n, kept, moved) each
        bent = 1 - (log_scale / LARGEST_LOG_SCALE).square()  # the slope of tanh
        stretch = log_scale.exp()
        mixed = draw * (b * stretch * bent).unsqueeze(1) + dshift  # (n, kept, moved)
        db = db * stretch.unsqueeze(1) + da @ mixed
        return torch.cat([a, b * stretch + shift], dim=1), torch.cat([da, db], dim=2)

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., : self.kept], x[..., self.kept :]

    def _terms(self, h: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.last(h).chunk(2, dim=1)  # (n, size - kept) each
        return LARGEST_LOG_SCALE * torch.tanh(raw / LARGEST_LOG_SCALE), shift


class Flow(nn.Module):
    """Couplings, then a stretch and a shift of each latent that the label alone decides.

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
        """Latents z (n, size) of noise u (n, size)."""
        for coupling in self.in_order():
            u = coupling(u, label)
        row = self._row(u, label)
        z: Tensor = u * self.log_scale(row).exp() + self.shift(row)
        return z

    def inverse(self, z: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """Noise u (n, size) of latents z (n, size), and log |det du/dz|, (n,)."""
        row = self._row(z, label)
        u = (z - self.shift(row)) * (-self.log_scale(row)).exp()
        log_det = -self.log_scale(row).sum(dim=1)
        for coupling in reversed(self.in_order()):
            u, term = coupling.inverse(u, label)
            log_det = log_det + term
        return u, log_det

    def log_prob(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Log p(z|c), (n,) nats."""
        u, log_det = self.inverse(z, label)
        normal = -0.5 * (u.square() + torch.log(torch.tensor(2 * torch.pi))).sum(dim=1)
        log_density: Tensor = normal + log_det
        return log_density

    def posterior(self, mu: Tensor, logvar: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """The posterior N(mu, sigma²) of z as one of u: mean and log variance, each (n, size).

        To first order in sigma it is a Gaussian with precision JᵀS⁻¹J, J = dz/du and S = diag(sigma²). The diagonal
        Gaussian nearest to that, in KL(q || p), has the same diagonal of the precision (Bishop, "Pattern Recognition
        and Machine Learning", section 10.1.2): 1 / variance of u_i = sum over j of (dz_j/du_i / sigma_j)².
        """
        u, _ = self.inverse(mu, label)
        size = u.shape[1]
        tangent = torch.eye(size, dtype=u.dtype).expand(u.shape[0], size, size)
        x = u
        for coupling in self.in_order():
            x, tangent = coupling.push(x, tangent, label)
        jacobian = tangent * self.log_scale(self._row(u, label)).exp().unsqueeze(1)  # (n, i, j) = dz_j/du_i
        precision = (jacobian.square() * (-logvar).exp().unsqueeze(1)).sum(dim=2)  # (n, size)
        return u, -precision.log()

    def in_order(self) -> list[Coupling]:
        """The couplings, from the noise on."""
        return [cast("Coupling", coupling) for coupling in self.couplings]

    def _row(self, x: Tensor, label: Tensor | None) -> Tensor:
        return torch.zeros(x.shape[0], dtype=torch.int64) if label is None else label
