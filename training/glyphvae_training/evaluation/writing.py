"""Comparison of generated with real characters, label by label and averaged over labels.

None of the measures is trained together with a model, and none follows the frequency of labels. Each has its definition
in the module that computes it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split, pick
from glyphvae_training.evaluation.real_or_made import IMAGES, ToldApart, tell_apart
from glyphvae_training.measures.artefacts import common_pieces, has_dot, haze, pieces, specks, width_variation
from glyphvae_training.measures.comparison import Comparison, Interval, compare_by_label
from glyphvae_training.measures.reading import compare_reading
from glyphvae_training.measures.strokes import stroke_width

Measured = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_]

MEASURES: dict[str, Callable[[NDArray[np.uint8]], Measured]] = {
    "haze": haze,
    "specks": specks,
    "stroke width": stroke_width,
    "variation of stroke width": width_variation,
}
READ, MORE_PIECES, NO_DOT = "read right", "in more pieces", "without a dot"
DOTTED = ("i", "j")


@dataclass(frozen=True)
class Writing:
    """Comparison of generated with real characters.

    Attributes:
        measures: By name. "read right", "in more pieces" and "without a dot" are shares of the characters; "haze" and
            "specks" numbers in an image; "stroke width" is in pixels, and its variation within a character in shares.
        told_apart: Areas under the curve, of "grey" and of "binarised" images.
    """

    measures: dict[str, Comparison]
    told_apart: dict[str, ToldApart]


def compare_writing(
    real: Split,
    made: Split,
    names: Sequence[str],
    rng: np.random.Generator,
    *,
    reading: Split | None = None,
    images: int = IMAGES,
) -> Writing:
    """Compare generated with real characters.

    Args:
        real: Real characters that the model has not seen.
        made: Generated characters.
        names: Of the labels of both.
        rng: Resamples, deals and halves.
        reading: Real characters that are read and whose readers read the generated ones, if there are more than
            `real`: the readers, which a model has not seen either, may learn from what it was trained on.
        images: That each classifier of `tell_apart` sees.
    """
    read = reading or real
    measures = {READ: compare_reading(read.images, read.labels, made.images, made.labels, names, rng)}
    for name, measure in MEASURES.items():
        measures[name] = compare_measured(measure(real.images), real, measure(made.images), made, names, rng)
    counts = pieces(real.images), pieces(made.images)
    common = common_pieces(counts[0], real.labels)
    more = [count > pieces_of(common, split) for count, split in zip(counts, (real, made), strict=True)]
    measures[MORE_PIECES] = compare_measured(more[0], real, more[1], made, names, rng)
    a, b = (dotted(split, names) for split in (real, made))
    if len(a) and len(b):
        measures[NO_DOT] = compare_measured(~has_dot(a.images), a, ~has_dot(b.images), b, names, rng)
    return Writing(measures, tell_apart(real, made, rng, images))


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


def lines(writing: Writing) -> Iterator[str]:
    """Yield a table: means over labels, then areas under the curve, then every label."""
    yield f"{'mean over labels':27}    real    made   difference                 ratio"
    for name, found in writing.measures.items():
        mean = found.mean
        yield f"{name:27} {mean.real:7.3f} {mean.made:7.3f}   {shown(mean.difference)}   {shown(found.ratio, sign='')}"
    for name, area in writing.told_apart.items():
        yield f"AUC, {name:9}  {shown(area.made, sign='')}   real against real {shown(area.control, sign='')}"
    for name, found in writing.measures.items():
        yield f"{name}, by label"
        for label, one in found.labels.items():
            yield f"  {label} {one.real:7.3f} {one.made:7.3f}   {shown(one.difference)}"


def shown(figure: Interval, sign: str = "+") -> str:
    """Format a figure with its interval."""
    return f"{figure.value:{sign}.3f} [{figure.low:{sign}.3f}, {figure.high:{sign}.3f}]"
