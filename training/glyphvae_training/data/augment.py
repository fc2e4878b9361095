"""Augmentation of whole batches: random position, shape, stroke weight, blur and ink strength.

They exist to take from a classifier everything but the shape. A generated character is blurred and its strokes are of
another weight than real ones; a classifier that has only seen sharp characters reads that as a class.
"""

import math
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
# Of `damage`: the share of images that each kind of damage strikes.
CUT, NEIGHBOURED, FADED, GRAINED, COARSE, REDUCED, TILTED = 0.08, 0.06, 0.08, 0.12, 0.06, 0.08, 0.25
# The farthest tilt of a photograph, in radians.
TILT = 0.48
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


def damage(x: Tensor, generator: Generator) -> Tensor:
    """Damage some images in the ways that photographs and the removal of their surroundings do.

    Args:
        x: float32 (n, 1, height, width) in [0, 1].
        generator: of the device that `x` is on.

    Returns:
        float32 (n, 1, height, width) in [0, 1].
    """
    for share, change in (
        (TILTED, tilt),
        (REDUCED, reduce),
        (CUT, cut),
        (FADED, fade),
        (NEIGHBOURED, add_neighbour),
        (COARSE, coarsen),
        (GRAINED, grain),
    ):
        struck = torch.nonzero(torch.rand(len(x), generator=generator, device=x.device) < share).squeeze(1)
        x = x.index_copy(0, struck, change(x[struck], generator))
    return x.clamp(0, 1)


def tilt(x: Tensor, generator: Generator) -> Tensor:
    """Rotate each image, as where a sheet was not photographed upright."""
    angle, still = uniform(x, -TILT, TILT, generator)[:, 0, 0], torch.zeros(len(x), 1, device=x.device)  # (n, 1)
    cos, sin = torch.cos(angle), torch.sin(angle)
    across, along = torch.stack([cos, -sin, still], 2), torch.stack([sin, cos, still], 2)  # (n, 1, 3)
    grid = functional.affine_grid(torch.cat([across, along], 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def reduce(x: Tensor, generator: Generator) -> Tensor:
    """Make each image smaller, as where specks count for its extent."""
    drawn = uniform(x, 1, 1.4, generator)[:, 0, 0]  # (n, 1)
    still = torch.zeros_like(drawn)
    across, along = torch.stack([drawn, still, still], 2), torch.stack([still, drawn, still], 2)  # (n, 1, 3)
    grid = functional.affine_grid(torch.cat([across, along], 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def cut(x: Tensor, generator: Generator) -> Tensor:
    """Erase a line across each image, where a rule was removed."""
    width = uniform(x, 0.03, 0.12, generator)
    return x * (1 - torch.exp(-((_ramp(x, 0.6, generator) / width) ** 2)))


def fade(x: Tensor, generator: Generator) -> Tensor:
    """Make each image fainter towards one side."""
    return x * (1 - uniform(x, 0.3, 1, generator) * (_ramp(x, 0.6, generator) + 0.3).clamp(0, 1))


def add_neighbour(x: Tensor, generator: Generator) -> Tensor:
    """Leave the edge of another image of the batch in each, on the left or on the right of all."""
    columns = int(torch.randint(14, 20, (), generator=generator, device=x.device))
    right = bool(torch.randint(2, (), generator=generator, device=x.device))
    shift = columns if right else -columns
    return torch.maximum(x, functional.pad(x.flip(0), (shift, -shift)))


def coarsen(x: Tensor, generator: Generator) -> Tensor:
    """Halve the resolution of each image, as where it is small in its picture."""
    del generator
    small = functional.avg_pool2d(x, 2)
    return functional.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)


def grain(x: Tensor, generator: Generator) -> Tensor:
    """Add noise to each image, more of it in the ink."""
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    return x + noise * uniform(x, 0.02, 0.25, generator) * (x + 0.1)


def _ramp(x: Tensor, farthest: float, generator: Generator) -> Tensor:
    """Return the distance of each pixel from a line across each image, in half fields: (n, 1, height, width)."""
    angle, place = uniform(x, 0, 2 * math.pi, generator), uniform(x, -farthest, farthest, generator)
    y = torch.linspace(-1, 1, x.shape[2], device=x.device)[:, None]
    return torch.cos(angle) * torch.linspace(-1, 1, x.shape[3], device=x.device) + torch.sin(angle) * y - place


def vary_stroke_weight(x: Tensor, generator: Generator) -> Tensor:
    """Thicken or thin the strokes of each image, towards its dilation or erosion."""
    weight = uniform(x, -1, 1, generator)
    is_thicker = weight > 0
    # Of each image one of both is needed: erosion is the dilation of the paper.
    reached = largest_around(torch.where(is_thicker, x, -x)).abs()
    share = weight.abs() * torch.where(is_thicker, THICKEST, THINNEST)
    return torch.lerp(x, reached, share)


def largest_around(x: Tensor) -> Tensor:
    """Return the largest of each pixel and its eight neighbours; pooling takes thirty times as long on one channel."""
    for axis in (2, 3):
        size = x.shape[axis] - 1
        first, last = x.narrow(axis, 0, size), x.narrow(axis, 1, size)
        larger = x.clone()
        torch.maximum(larger.narrow(axis, 0, size), last, out=larger.narrow(axis, 0, size))
        torch.maximum(larger.narrow(axis, 1, size), first, out=larger.narrow(axis, 1, size))
        x = larger
    return x


def blur(x: Tensor, generator: Generator) -> Tensor:
    """Mix each image with its Gaussian blur of 1 pixel, in a random proportion."""
    return torch.lerp(x, binomial(binomial(x)), uniform(x, 0, 1, generator))


def binomial(x: Tensor) -> Tensor:
    """Blur by `BINOMIAL` in each direction; a convolution takes as much longer."""
    side, middle, _ = BINOMIAL
    for axis in (2, 3):
        size = x.shape[axis] - 1
        blurred = middle * x
        blurred.narrow(axis, 1, size).add_(x.narrow(axis, 0, size), alpha=side)
        blurred.narrow(axis, 0, size).add_(x.narrow(axis, 1, size), alpha=side)
        x = blurred
    return x


def vary_ink(x: Tensor, generator: Generator) -> Tensor:
    """Make the ink of each image fainter or stronger."""
    return (x * uniform(x, FAINTEST, STRONGEST, generator)).clamp(0, 1)


def uniform(x: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """Draw one number for each image, (n, 1, 1, 1)."""
    share = torch.rand((len(x), 1, 1, 1), generator=generator, device=x.device)
    return low + (high - low) * share
