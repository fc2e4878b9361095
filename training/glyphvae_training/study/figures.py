"""Helpers that the figures of the study share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Colours = NDArray[np.float64]

DPI = 100
BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}


def save(figure: Figure, path: Path) -> None:
    """Write `path`.png and `path`.svg, identical files for an identical figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed salt, no date and no version: only a new picture makes a new file.
    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(path.with_name(f"{path.name}.svg"), metadata={"Date": None, "Creator": None}, dpi=DPI)
        figure.savefig(path.with_name(f"{path.name}.png"), metadata={"Software": None}, dpi=DPI)


def colours(count: int) -> Colours:
    """Return a colour for each label, (count, 4): ten distinct ones, or as many steps round the circle."""
    if count <= 10:
        return np.asarray(mpl.colormaps["tab10"](np.arange(count)))
    return np.asarray(mpl.colormaps["hsv"](np.arange(count) / count))


def scatter(axes: Axes, points: NDArray[np.floating], labels: NDArray[np.int64], names: Sequence[str]) -> None:
    """Draw points (n, 2), each in the colour of its label.

    Args:
        axes: to draw on.
        points: (n, 2).
        labels: int64 (n,), indices into `names`.
        names: the characters.
    """
    # A path for each of thousands of points would make an SVG file of megabytes.
    axes.scatter(points[:, 0], points[:, 1], s=4, c=colours(len(names))[labels], linewidths=0, rasterized=True)


def legend(axes: Axes, names: Sequence[str], *, centred: bool = False) -> None:
    """Name the colours, beside the axes or, in empty ones, in the middle."""
    for name, colour in zip(names, colours(len(names)), strict=True):
        axes.scatter([], [], s=16, color=colour, label=name)
    columns, place = -(-len(names) // 12), {"loc": "center"} if centred else BESIDE
    axes.legend(**place, frameon=False, ncols=columns, fontsize=8, columnspacing=0.8, handletextpad=0.2)


def show(axes: Axes, grid: NDArray[np.uint8], title: str = "") -> None:
    """Draw glyphs as dark ink on white paper, (height, width)."""
    axes.imshow(255 - grid, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def tiled(pixels: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Arrange glyphs (rows · columns, 28, 28) as one image grid, row by row."""
    rows = len(pixels) // columns
    return pixels.reshape(rows, columns, 28, 28).swapaxes(1, 2).reshape(rows * 28, columns * 28)
