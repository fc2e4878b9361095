"""The critic of the refinement, which tells real characters of a label from decoded ones and is then discarded.

Goodfellow et al., arXiv:1406.2661; the label as a projection: Miyato & Koyama, arXiv:1802.05637, equation 3; the
gradient penalty on real images: Mescheder et al., "Which training methods for GANs do actually converge?"
(arXiv:1801.04406), equation 9.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2


class Critic(nn.Module):
    """Two convolutions and a dense layer; 0.4 M parameters.

    Args:
        label_count: Labels.
    """

    WIDTH = 128

    def __init__(self, label_count: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 4, stride=2, padding=1)
        self.hidden = nn.Linear(64 * 7 * 7, self.WIDTH)
        self.last = nn.Linear(self.WIDTH, 1)
        self.table = nn.Embedding(label_count, self.WIDTH)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Return log odds (n,) that pixels (n, 28, 28) in [0, 1] are a real character of the labels (n,)."""
        h = functional.leaky_relu(self.conv1(x.unsqueeze(1)), SLOPE)  # (n, 32, 14, 14)
        h = functional.leaky_relu(self.conv2(h), SLOPE)  # (n, 64, 7, 7)
        h = functional.leaky_relu(self.hidden(h.flatten(1)), SLOPE)  # (n, 128)
        odds: Tensor = self.last(h).squeeze(1) + (self.table(label) * h).sum(dim=1)
        return odds


def gradient_penalty(critic: Critic, x: Tensor, label: Tensor) -> Tensor:
    """Compute ½ E |d critic / dx|² at real images (n, 28, 28): a scalar."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x, label).sum(), x, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(dim=1).mean()


def jitter(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shift all images (n, h, w) alike by up to a pixel each way, so that the critic cannot memorise them.

    Real and decoded images have to go through it together. Characters never touch the border.
    """
    down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
    return torch.roll(x, (down, right), (1, 2))
