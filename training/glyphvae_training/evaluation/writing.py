"""Comparison of the ink of generated with that of real characters, label by label and averaged over labels.

None of the measures is trained together with a model, and none follows the frequency of labels. Each has its definition
in the module that computes it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split, pick
from glyphvae_training.evaluation.hands import DOTTED
from glyphvae_training.measures.artefacts import common_pieces, has_dot, haze, pieces, specks, width_variation
from glyphvae_training.measures.comparison import Comparison, compare_by_label
from glyphvae_training.measures.strokes import stroke_width

Measured = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_]

HAZE, SPECKS, WIDTH, VARIATION = "haze", "specks", "stroke width", "variation of stroke width"
MEASURES: dict[str, Callable[[NDArray[np.uint8]], Measured]] = {
    HAZE: haze,
    SPECKS: specks,
    WIDTH: stroke_width,
    VARIATION: width_variation,
}
MORE_PIECES, NO_DOT = "in more pieces", "without a dot"


def compare_writing(real: Split, made: Split, names: Sequence[str], rng: np.random.Generator) -> dict[str, Comparison]:
    """Compare generated with real characters.

    Args:
        real: Real characters that the model has not seen.
        made: Generated characters.
        names: Of the labels of both.
        rng: Resamples.

    Returns:
        By name. "in more pieces" and "without a dot" are shares of the characters; "haze" and "specks" numbers in an
        image; "stroke width" is in pixels, and its variation within a character in shares.
    """
    measures = {
        name: compare_measured(measure(real.images), real, measure(made.images), made, names, rng)
        for name, measure in MEASURES.items()
    }
    counts = pieces(real.images), pieces(made.images)
    common = common_pieces(counts[0], real.labels)
    more = [count > pieces_of(common, split) for count, split in zip(counts, (real, made), strict=True)]
    measures[MORE_PIECES] = compare_measured(more[0], real, more[1], made, names, rng)
    a, b = (dotted(split, names) for split in (real, made))
    if len(a) and len(b):
        measures[NO_DOT] = compare_measured(~has_dot(a.images), a, ~has_dot(b.images), b, names, rng)
    return measures


def compare_measured(  # noqa: PLR0917 (two sets of values and characters)
    a: Measured, real: Split, b: Measured, made: Split, names: Sequence[str], rng: np.random.Generator
) -> Comparison:
    """Compare what was measured of real with what was measured of generated characters."""
    return compare_by_label(a, real.labels, b, made.labels, names, rng)


def pieces_of(common: dict[int, int], split: Split) -> NDArray[np.int64]:
    """Return in how many pieces, at most, each character's label commonly is; 1 if there are no real ones of it."""
    return np.array([common.get(label, 1) for label in split.labels.tolist()], np.int64)


def dotted(split: Split, names: Sequence[str]) -> Split:
    """Return the characters that have a dot."""
    return pick(split, np.isin(split.labels, [names.index(name) for name in DOTTED if name in names]))


def capped(split: Split, most: int, rng: np.random.Generator) -> Split:
    """Draw at most `most` characters of each label without replacement, sorted by label."""
    rows = [rng.permutation(np.flatnonzero(split.labels == label))[:most] for label in np.unique(split.labels)]
    return pick(split, np.concatenate(rows))
