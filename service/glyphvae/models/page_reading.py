"""The labels of the characters of a sheet: by their shape, and by their size and place on the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glyphvae.imaging.mark_cells import mark_cell
from glyphvae.models.elbo import kl_divergence
from glyphvae.models.posterior import evidence_of, read_labels
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.scheduling.cost import fitting
from glyphvae.scheduling.deadline import checkpoint
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.text.line_metrics import Metrics, fitness, measure
from glyphvae.text.word_forms import weighed
from glyphvae.text.word_gaps import word_starts

if TYPE_CHECKING:
    from glyphvae.imaging.written_page import Character, WrittenPage

Places = NDArray[np.float64]

# How much rarer marks are than letters and digits, of the same likelihood.
_MARKS = 0.03
# In cap heights, a piece of ink that is wider is no single character.
_JOINED = 1.6


@dataclass(frozen=True)
class PageReading:
    """Labels of the n characters of a page, in reading order.

    Attributes:
        characters: (n,).
        lines: (n,) the line of each, from 0.
        starts: (n,) whether each begins a word.
        labels: (n,) the most likely label of each.
        posterior: (n, labels) float64, of each label.
        glyphs: (n, 28, 28) as models learn characters of these labels.
        joined: (n,) whether its ink looks like that of several characters.
        percentiles: (n,) among the real characters of its label; None if they are not known.
    """

    characters: Sequence["Character"]
    lines: NDArray[np.intp]
    starts: NDArray[np.bool]
    labels: Labels
    posterior: NDArray[np.float64]
    glyphs: Pixels
    joined: NDArray[np.bool]
    percentiles: Sequence[float] | None


def read_characters(model: Model, sheet: "WrittenPage", possible: Sequence[int]) -> Program[PageReading]:
    """Find the label of each character.

    Args:
        model: Reads them; has labels.
        sheet: Its characters.
        possible: The labels among which it chooses, at least one.
    """
    characters, lines, places = _parts(sheet)
    glyphs = np.stack([character.glyph for character in characters])
    names = model.manifest.labels
    boxed = [label for label in possible if _is_boxed(names[label])]
    marks = [label for label in possible if not _is_boxed(names[label])]
    # A letter that looks like a mark at any size is less likely.
    shapes = (yield from read_labels(model, glyphs, possible)).posterior.astype(np.float64)
    posterior = np.zeros(shapes.shape)
    parted = np.array([character.pieces > 1 for character in characters])
    likely = shapes[:, boxed or possible]
    metrics = _measured(model, places, lines, likely, boxed or possible, sheet.size)
    # The second time with what size and place tell.
    for _ in range(2 if boxed else 0):
        likely = shapes[:, boxed] * np.exp(fitness(places, parted, metrics, [names[label] for label in boxed]))
        metrics = _measured(model, places, lines, likely, boxed, sheet.size)
        posterior[:, boxed] = likely
    each = range(len(sheet.lines))
    starts = np.concatenate(
        word_starts([places[lines == line] for line in each], [metrics.cap[lines == line] for line in each])
    )
    cells = glyphs
    if marks:
        cells = yield Offload(fitting(glyphs.size), _cells, (characters, metrics))
        posterior[:, marks] = _MARKS * (yield from read_labels(model, cells, possible)).posterior[:, marks]
    posterior = weighed(posterior, starts, names)
    posterior /= posterior.sum(axis=1, keepdims=True)
    labels = posterior.argmax(axis=1)
    pixels = np.where(np.isin(labels, marks)[:, None, None], cells, glyphs)
    return PageReading(
        characters,
        lines,
        starts,
        labels,
        posterior,
        pixels,
        _joined(places, metrics),
        (yield from _percentiles(model, pixels, labels)),
    )


def _measured(  # noqa: PLR0917 (as there)
    model: Model, places: Places, lines: NDArray[np.intp], likely: Places, labels: Sequence[int], size: float
) -> Metrics:
    """Measure lines by the likelihood (n, labels) that each character has each of some labels."""
    names = model.manifest.labels
    return measure(places, lines, [names[labels[best]] for best in likely.argmax(axis=1)], size)


def glyphs_under(model: Model, sheet: "WrittenPage", labels: Labels) -> Program[Pixels]:
    """Return the characters of a sheet, (n, 28, 28), as models learn those of their labels (n,)."""
    characters, lines, places = _parts(sheet)
    glyphs = np.stack([character.glyph for character in characters])
    names = [model.manifest.labels[label] for label in labels]
    is_boxed = np.array([_is_boxed(name) for name in names])
    if is_boxed.all():
        return glyphs
    cells: Pixels = yield Offload(fitting(glyphs.size), _cells, (characters, measure(places, lines, names, sheet.size)))
    return np.where(is_boxed[:, None, None], glyphs, cells)


def _parts(sheet: "WrittenPage") -> tuple[Sequence["Character"], NDArray[np.intp], NDArray[np.float64]]:
    """Return the n characters of a sheet, the line of each, and the place (n, 4) of each."""
    characters = [character for line in sheet.lines for character in line]
    lines = np.repeat(np.arange(len(sheet.lines)), [len(line) for line in sheet.lines])
    return characters, lines, np.array([character.place for character in characters])


def _is_boxed(name: str) -> bool:
    """Return whether models learn a label at one size: characters of NIST, whose own size is lost."""
    return name.isascii() and name.isalnum()


def _cells(characters: Sequence["Character"], metrics: Metrics) -> Pixels:
    cells = []
    for character, base, cap in zip(characters, metrics.base.tolist(), metrics.cap.tolist(), strict=True):
        checkpoint()
        cells.append(mark_cell(character.ink, character.corner, base, cap))
    return np.stack(cells)


def _joined(places: NDArray[np.float64], metrics: Metrics) -> NDArray[np.bool]:
    wide = (places[:, 2] - places[:, 0]) / metrics.cap
    high = (places[:, 3] - places[:, 1]) / metrics.cap
    return np.asarray((wide > _JOINED) & (high > metrics.x_height / 2))


def _percentiles(model: Model, pixels: Pixels, labels: Labels) -> Program[Sequence[float] | None]:
    if model.encoded is None:
        return None
    evidence: Floats = yield from evidence_of(model, pixels, labels)
    mu, logvar = yield from model.encode(pixels, labels)
    return model.encoded.find(labels, evidence, kl_divergence(mu, logvar))
