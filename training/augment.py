"""Changes to whole batches of characters that keep their class: place, shape, weight, blur and strength of the ink.

They exist to take from a classifier everything but the shape. A generated character is blurred and its strokes are of
another weight than real ones; a classifier that has only seen sharp characters reads that as a class.
"""

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


def augment(x: Tensor, generator: Generator) -> Tensor:
    """Every change, drawn anew for each image.

    Args:
        x: float32 (n, 1, height, width), paper 0, ink 1.
        generator: of the device that `x` is on.

    Returns:
        float32 (n, 1, height, width) in [0, 1].
    """
    return strengthen(blur(weigh(move(x, generator), generator), generator), generator)


def move(x: Tensor, generator: Generator) -> Tensor:
    """Rotates, shears, scales and shifts each image."""
    angle, shear, wide, high, right, down = torch.randn((6, len(x)), generator=generator, device=x.device)
    cos, sin, shear = torch.cos(angle * ROTATION), torch.sin(angle * ROTATION), shear * SHEAR
    wide, high = torch.exp(wide * LOG_SCALE), torch.exp(high * LOG_SCALE)
    across = torch.stack([cos * wide, (shear * cos - sin) * high, right * SHIFT], dim=1)  # (n, 3)
    along = torch.stack([sin * wide, (shear * sin + cos) * high, down * SHIFT], dim=1)  # (n, 3)
    grid = functional.affine_grid(torch.stack([across, along], dim=1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def weigh(x: Tensor, generator: Generator) -> Tensor:
    """Thickens or thins the strokes of each image, towards the dilated or the eroded one."""
    thick = functional.max_pool2d(x, 3, stride=1, padding=1)
    thin = -functional.max_pool2d(-x, 3, stride=1, padding=1)
    weight = uniform(x, -1, 1, generator)
    return x + weight.clamp(min=0) * THICKEST * (thick - x) - weight.clamp(max=0) * THINNEST * (thin - x)


def blur(x: Tensor, generator: Generator) -> Tensor:
    """Mixes each image with itself under a Gaussian of 1 pixel, in any share."""
    line = torch.tensor(BINOMIAL, device=x.device)
    kernel = torch.outer(line, line)[None, None]  # (1, 1, 3, 3)
    blurred = functional.conv2d(functional.conv2d(x, kernel, padding=1), kernel, padding=1)
    return torch.lerp(x, blurred, uniform(x, 0, 1, generator))


def strengthen(x: Tensor, generator: Generator) -> Tensor:
    """Makes the ink of each image fainter or stronger."""
    return (x * uniform(x, FAINTEST, STRONGEST, generator)).clamp(0, 1)


def uniform(x: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """One number for each image, (n, 1, 1, 1)."""
    share = torch.rand((len(x), 1, 1, 1), generator=generator, device=x.device)
    return low + (high - low) * share
