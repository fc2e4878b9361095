"""Strokes whose places are known, for tests of typesetting."""

import numpy as np

from glyphvae.vectors.strokes import Strokes

ACUTE, CEDILLA = "\u0301", "\u0327"


def stroke(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    *,
    radius: float = 1,
    size: float = 1,
    baseline: float = 24,
    bearings: tuple[float, float] = (0, 0),
    present: bool = True,
) -> Strokes:
    """Return a glyph of one straight stroke, in units of the cell.

    Args:
        x0: Where it begins.
        y0: Likewise.
        x1: Where it ends.
        y1: Likewise.
        radius: Of the pen.
        size: Glyph pixels of a unit.
        baseline: y of the baseline.
        bearings: Side bearings in glyph pixels.
        present: Whether it is drawn.
    """
    control = np.linspace((x0, y0), (x1, y1), 8)[None, None]
    proportions = [[size / 20, baseline, *(bearing / 20 for bearing in bearings)]]
    arrays = control, np.full((1, 1, 4), radius), np.full((1, 1), float(present)), np.array(proportions)
    return Strokes(*(array.astype(np.float32) for array in arrays))


def joined(*glyphs: Strokes) -> Strokes:
    """Return several glyphs as one, none of them as none."""
    all_of = glyphs or (stroke(0, 0, 0, 0),)
    arrays = ([getattr(glyph, name) for glyph in all_of] for name in ("control", "radius", "presence", "proportions"))
    return Strokes(*(np.concatenate(array)[: None if glyphs else 0] for array in arrays))


def random_strokes(n: int, seed: int, spread: float = 8) -> Strokes:
    """Return glyphs of up to three strokes anywhere around the cell, in any size."""
    random = np.random.default_rng(seed)
    proportions = random.normal((0.05, 24, 0.05, 0.05), (0.02, spread, 0.1, 0.1), (n, 4))
    arrays = (
        random.normal(14, spread, (n, 3, 8, 2)),
        random.normal(1, spread / 8, (n, 3, 4)),
        random.integers(0, 2, (n, 3)),
        proportions,
    )
    return Strokes(*(np.asarray(array, np.float32) for array in arrays))
