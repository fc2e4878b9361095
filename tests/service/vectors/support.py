"""Strokes of which tests know what they look like."""

from collections.abc import Sequence

import numpy as np

from glyphvae.vectors.strokes import Lines, Strokes


def strokes(control: object, radius: object = None, presence: object = None) -> Strokes:
    """Return strokes with a radius of 1, all of them present, unless told otherwise."""
    curves = np.array(control, np.float32)
    n, k = curves.shape[:2]
    return Strokes(
        curves,
        np.ones((n, k, 4), np.float32) if radius is None else np.array(radius, np.float32),
        np.ones((n, k), np.float32) if presence is None else np.array(presence, np.float32),
        np.tile(np.array([0.05, 24, 0.1, 0.1], np.float32), (n, 1)),
    )


def line(points: Sequence[tuple[float, float]], radius: float | Sequence[float] = 1.0) -> Lines:
    """Return one polyline."""
    return Lines(np.array([points], np.float32), np.broadcast_to(np.array(radius, np.float32), (1, len(points))))
