"""The paper's section 2.1: a simple function turns normal noise into a ring."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

POINTS = 1000


def ring(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute g(z) = z/10 + z/‖z‖ of points (n, 2): the distance r from 0 becomes 1 + r/10."""
    return np.asarray(z / 10 + z / np.linalg.norm(z, axis=1, keepdims=True))


def ring_figure() -> Figure:
    """Draw points of N(0, I), and what g makes of them."""
    z = np.random.default_rng(0).standard_normal((POINTS, 2))
    figure = Figure(figsize=(9.2, 4.6), layout="constrained")
    # The same colour for the same direction, which g keeps.
    direction = np.arctan2(z[:, 1], z[:, 0])
    panels = figure.subplots(1, 2)
    for axes, points, names, title in (
        (panels[0], z, ("z1", "z2"), "z, drawn from N(0, I)"),
        (panels[1], ring(z), ("g1", "g2"), "g(z) = z/10 + z/‖z‖"),
    ):
        axes.scatter(points[:, 0], points[:, 1], s=6, c=direction, cmap="hsv", linewidths=0, rasterized=True)
        axes.set(xlabel=names[0], ylabel=names[1], aspect="equal", title=title)
    return figure
