"""Clamped cubic B-splines, the curves of pen strokes (de Boor, "A Practical Guide to Splines", 1978, chapter IX)."""

import numpy as np
from numpy.typing import NDArray

DEGREE = 3


def basis(control_points: int, samples: int) -> NDArray[np.float32]:
    """Return the matrix that maps control points to evenly spaced points of their curve, by Cox-de Boor recursion.

    Args:
        control_points: At least 4. The curve begins at the first one and ends at the last one.
        samples: Points of the curve, its ends included, at least 2.

    Returns:
        float32 (samples, control_points); each row is non-negative and sums to 1.
    """
    spans = control_points - DEGREE
    knots = np.concatenate([np.zeros(DEGREE), np.linspace(0, 1, spans + 1), np.ones(DEGREE)])
    u = np.linspace(0, 1, samples)[:, None]
    # Intervals are open on their right, but the last one that is not empty has to hold the end of the curve.
    values = ((knots[:-1] <= u) & (u < knots[1:])).astype(float)
    values[-1, DEGREE + spans - 1] = 1
    for degree in range(1, DEGREE + 1):
        width = knots[degree:] - knots[:-degree]
        # A basis function of no width is 0, whatever it is divided by.
        rising = (u - knots[:-degree]) / np.where(width > 0, width, 1)
        values = rising[:, :-1] * values[:, :-1] + np.where(width > 0, 1 - rising, 0)[:, 1:] * values[:, 1:]
    return values.astype(np.float32)
