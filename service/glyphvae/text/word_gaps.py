"""Words of a line: gaps that are clearly larger than those within words."""

from collections.abc import Sequence

import numpy as np
from numpy import float64
from numpy.typing import NDArray

Floats = NDArray[float64]

# In cap heights: no gap within a word is larger, and none between words is smaller; where the gaps of a page do not
# tell, the limit is between.
_LARGEST, _SMALLEST, _USUAL = 0.85, 0.22, 0.42
# So many gaps tell the limit of their page.
_FEWEST = 8


def word_starts(lines: Sequence[Floats], caps: Sequence[Floats]) -> list[NDArray[np.bool]]:
    """Return, for each line, which of its characters begin a word.

    Args:
        lines: (n, 4) left, top, right and bottom of its characters, from left to right.
        caps: (n,) cap height at each.
    """
    gaps = [
        (line[1:, 0] - np.maximum.accumulate(line[:, 2])[:-1]) / cap[1:] for line, cap in zip(lines, caps, strict=True)
    ]
    limit = _limit(np.concatenate(gaps)) if gaps else _USUAL
    return [np.concatenate([[True], gap > limit]) for gap in gaps]


def _limit(gaps: Floats) -> float:
    """Return the gap that parts the gaps of words from those within, where the two kinds differ most (Otsu)."""
    ordered = np.sort(np.clip(gaps, 0, 2 * _LARGEST))
    if len(ordered) < _FEWEST:
        return _USUAL
    counts = np.arange(1, len(ordered))
    low = np.cumsum(ordered)[:-1] / counts
    high = (ordered.sum() - np.cumsum(ordered)[:-1]) / (len(ordered) - counts)
    best = int(np.argmax(counts * (len(ordered) - counts) * np.square(high - low)))
    limit = float(ordered[best] + ordered[best + 1]) / 2
    return min(max(limit, _SMALLEST), _LARGEST)
