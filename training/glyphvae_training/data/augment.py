"""Augmentation of whole batches: random position, shape, stroke weight, blur and ink strength.

They exist to take from a classifier everything but the shape. A generated character is blurred and its strokes are of
another weight than real ones; a classifier that has only seen sharp characters reads that as a class.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

# Standard deviations. Larger ones turn a 1 into a 7's slant or push ink over the edge of the field.
ROTATION = 0.1  # radians
SHEAR = 0.12  # columns per row
LOG_SCALE = 0.08
SHIFT = 0.04  # half fields: 0.6 pixels
# Shares of the full dilation and erosion by one pixel; a whole erosion would leave nothing of a thin stroke.
THICKEST, THINNEST = 0.7, 0.5
FAINTEST, STRONGEST = 0.7, 1.4
# Twice the binomial kernel (1 2 1)/4 in each direction is a Gaussian of 1 pixel's standard deviation.
BINOMIAL = (0.25, 0.5, 0.25)
# Of `warp`, in the same units: the variation of one writer from one time to the next.
WARP_ROTATION, WARP_SHEAR, WARP_LOG_SCALE = 0.06, 0.08, 0.05


def augment(x: Tensor, generator: Generator) -> Tensor:
    """Apply every augmentation, drawn anew for each image.

    Args:
        x: float32 (n, 1, height, width), paper 0, ink 1.
        generator: of the device that `x` is on.

    Returns:
        float32 (n, 1, height, width) in [0, 1].
    """
    return vary_ink(blur(vary_stroke_weight(move(x, generator), generator), generator), generator)


def move(x: Tensor, generator: Generator) -> Tensor:
    """Rotate, shear, scale and shift each image."""
    drawn = torch.randn((6, len(x)), generator=generator, device=x.device)
    factors = (ROTATION, SHEAR, LOG_SCALE, LOG_SCALE, SHIFT, SHIFT)
    return functional.grid_sample(x, affine(x, drawn, factors), align_corners=False)


def affine(x: Tensor, drawn: Tensor, factors: Sequence[float]) -> Tensor:
    """Return the source position of each pixel of the transformed images, (n, height, width, 2).

    Args:
        x: (n, 1, height, width).
        drawn: (6, n) numbers of standard deviation 1.
        factors: what they are multiplied with: angle, shear, log width, log height, right, down.
    """
    angle, shear, wide, high, right, down = (row * factor for row, factor in zip(drawn, factors, strict=True))
    cos, sin = torch.cos(angle), torch.sin(angle)
    wide, high = torch.exp(wide), torch.exp(high)
    across = torch.stack([cos * wide, (shear * cos - sin) * high, right], dim=1)  # (n, 3)
    along = torch.stack([sin * wide, (shear * sin + cos) * high, down], dim=1)  # (n, 3)
    return functional.affine_grid(torch.stack([across, along], dim=1), list(x.shape), align_corners=False)


def warp(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Rotate, shear and stretch a share of the images about their centre of mass.

    Little enough, and interpolated with cubics, that the result passes for a character of the same kind and sharpness.

    Args:
        x: float32 (n, height, width) in [0, 1].
        share: probability of each image.
        generator: of the device that `x` is on.
    """
    drawn = torch.randn((6, len(x)), generator=generator, device=x.device)
    drawn = drawn * (torch.rand(len(x), generator=generator, device=x.device) < share)
    grid = affine(x[:, None], drawn, (WARP_ROTATION, WARP_SHEAR, WARP_LOG_SCALE, WARP_LOG_SCALE, 0, 0))
    moved = functional.grid_sample(x[:, None], grid, mode="bicubic", align_corners=False)
    return moved.squeeze(1).clamp(0, 1)


def vary_stroke_weight(x: Tensor, generator: Generator) -> Tensor:
    """Thicken or thin the strokes of each image, towards its dilation or erosion."""
    thick = functional.max_pool2d(x, 3, stride=1, padding=1)
    thin = -functional.max_pool2d(-x, 3, stride=1, padding=1)
    weight = uniform(x, -1, 1, generator)
    return x + weight.clamp(min=0) * THICKEST * (thick - x) - weight.clamp(max=0) * THINNEST * (thin - x)


def blur(x: Tensor, generator: Generator) -> Tensor:
    """Mix each image with its Gaussian blur of 1 pixel, in a random proportion."""
    line = torch.tensor(BINOMIAL, device=x.device)
    kernel = torch.outer(line, line)[None, None]  # (1, 1, 3, 3)
    blurred = functional.conv2d(functional.conv2d(x, kernel, padding=1), kernel, padding=1)
    return torch.lerp(x, blurred, uniform(x, 0, 1, generator))


def vary_ink(x: Tensor, generator: Generator) -> Tensor:
    """Make the ink of each image fainter or stronger."""
    return (x * uniform(x, FAINTEST, STRONGEST, generator)).clamp(0, 1)


def uniform(x: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """Draw one number for each image, (n, 1, 1, 1)."""
    share = torch.rand((len(x), 1, 1, 1), generator=generator, device=x.device)
    return low + (high - low) * share
