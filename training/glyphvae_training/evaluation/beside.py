"""Real characters beside samples of models, label by label."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.data.pixels import SIDE

# Characters of a label, of each kind.
COUNT = 8


def beside(real: Split, made: Sequence[Split]) -> tuple[NDArray[np.uint8], int]:
    """Lay characters out in a grid, a label a row: real ones, and then those of each model, behind an empty cell.

    Args:
        real: Characters; its labels are shown.
        made: Samples of models.

    Returns:
        uint8 (cells, 28, 28), row by row, paper 0, and the columns of the grid. A kind with fewer characters leaves
        cells empty.
    """
    kinds = (real, *made)
    labels = np.unique(real.labels)
    columns = len(kinds) * (COUNT + 1) - 1
    cells = np.zeros((len(labels), columns, SIDE, SIDE), np.uint8)
    for row, label in enumerate(labels):
        for kind, split in enumerate(kinds):
            some = split.images[split.labels == label][:COUNT]
            first = kind * (COUNT + 1)
            cells[row, first : first + len(some)] = some
    return cells.reshape(-1, SIDE, SIDE), columns
