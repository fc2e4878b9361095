"""Clamped cubic B-splines, the curves that strokes follow.

de Boor, "A Practical Guide to Splines" (1978), chapter X: the recursion of the basis functions.
"""

import numpy as np
import torch
from torch import Tensor

DEGREE = 3


def basis(control_points: int, samples: int) -> Tensor:
    """Return what each control point contributes to evenly spaced points of a clamped cubic B-spline.

    Args:
        control_points: At least 4.
        samples: Points on the curve, both ends included, at least 2.

    Returns:
        float32 (samples, control_points), at least 0, rows that add up to 1.
    """
    inner = np.linspace(0.0, 1.0, control_points - DEGREE + 1)
    knots = np.concatenate([np.zeros(DEGREE), inner, np.ones(DEGREE)])
    # A hair before 1, because the last interval is open at its end.
    u = np.linspace(0.0, 1.0, samples).clip(max=np.nextafter(1.0, 0.0))[:, None]
    values = ((knots[:-1] <= u) & (u < knots[1:])).astype(np.float64)
    for degree in range(1, DEGREE + 1):
        width = knots[degree:] - knots[:-degree]
        inverse = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)
        rising = (u - knots[:-degree]) * inverse
        values = rising[:, :-1] * values[:, :-1] + (1 - rising[:, 1:]) * inverse_mask(inverse[1:]) * values[:, 1:]
    return torch.from_numpy(values.astype(np.float32))


def inverse_mask(inverse: np.ndarray) -> np.ndarray:
    """Return 0 where a span of knots is empty, and so has no basis function, else 1."""
    return (inverse > 0).astype(np.float64)
