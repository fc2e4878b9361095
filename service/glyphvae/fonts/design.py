"""The design of a font: every glyph with its place, before it is written to a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.fonts.forms import FORMS, Forms, measured
from glyphvae.fonts.kerning import Spacing, space
from glyphvae.fonts.outlines import UNIT, Outline, outlines
from glyphvae.fonts.repertoire import Repertoire, repertoire
from glyphvae.text.pen_metrics import within_reach
from glyphvae.vectors.strokes import Strokes

# Font units that the middle of a mark is left of its origin, about where a letter before it has its middle.
_BACK = 250


@dataclass(frozen=True)
class Component:
    """A glyph in another one.

    Attributes:
        glyph: Its number.
        x: Font units that it is moved to the right.
        y: Likewise, up.
    """

    glyph: int
    x: int
    y: int


@dataclass(frozen=True)
class Design:
    """The glyphs of a font: c characters in one form after the other, g = `FORMS` x c glyphs.

    Attributes:
        repertoire: The characters.
        outlines: By its number, the outline of each glyph that is a single label.
        components: By its number, the parts of each letter with marks, itself first.
        advance: (g,) font units; of a mark 0.
        spacing: Of the glyphs that are no marks.
        kind: (g,) the class of each glyph in `spacing`, -1 of a mark.
        form: (g,) the number of each glyph in `spacing.forms`, -1 if it has none.
        edges: (g, 2) font units from the origin to where each seems to begin, and from where it seems to end to its
            advance, as of `optical_edges`.
        heights: (g, 2) font units of the ink above and below the baseline.
    """

    repertoire: Repertoire
    outlines: dict[int, Outline]
    components: dict[int, list[Component]]
    advance: NDArray[int64]
    spacing: Spacing
    kind: NDArray[int64]
    form: NDArray[int64]
    edges: NDArray[int64]
    heights: NDArray[float64]


def design(labels: Sequence[str], strokes: Strokes) -> Design:
    """Design a font.

    Args:
        labels: The model's labels.
        strokes: Of `FORMS` x labels glyphs, all labels in one form after the other.

    Raises:
        Problem: As `checkpoint`.
    """
    characters = repertoire(labels)
    forms = measured(characters, labels, within_reach(strokes))
    is_mark, count = np.tile(characters.is_mark, FORMS), len(characters.characters)
    usual = np.arange(len(is_mark)) % count
    single = forms.letter == np.arange(len(is_mark))

    # Alternates of letters with marks are spaced like those of their letters.
    spaced = np.flatnonzero(~is_mark & (single | (usual == np.arange(len(is_mark)))))
    place = np.full(len(is_mark), -1)
    place[spaced] = np.arange(len(spaced))
    own, kind = place[forms.letter], place[usual]
    exact = single[spaced] & _of_characters(str.isalpha, characters)[usual[spaced]]
    spacing = space(
        forms.ink.take(spaced),
        _of_characters(str.isalnum, characters)[usual[spaced]],
        own[spaced],
        place[usual[forms.letter[spaced]]],
        exact,
        unit=UNIT,
    )
    number = np.where(exact, np.cumsum(exact) - 1, -1)

    boxes = UNIT * forms.ink.boxes
    advance = np.where(is_mark, 0, spacing.advance[own])
    shift = np.where(is_mark, -_BACK - UNIT * forms.middle, spacing.left[own] - boxes[:, 0])
    begin, end = UNIT * forms.ends + shift
    drawn = np.flatnonzero(single)
    return Design(
        repertoire=characters,
        outlines=dict(zip(drawn.tolist(), outlines(forms.strokes[drawn], shift[drawn]), strict=True)),
        components=_components(forms, shift),
        advance=advance,
        spacing=spacing,
        kind=np.where(is_mark, -1, spacing.number[kind]),
        form=np.where(is_mark, -1, number[own]),
        edges=np.rint(np.stack([begin, advance - end], axis=1)).astype(int64),
        heights=UNIT * forms.around[:, [1, 3]] * (-1, 1),
    )


def _components(forms: Forms, shift: NDArray[float64]) -> dict[int, list[Component]]:
    """Return the letter and the marks of each glyph that has marks."""
    moved = UNIT * forms.offset
    moved[:, 0] += shift[forms.owner] - shift[forms.mark]
    places = np.rint(moved * (1, -1)).astype(int64).tolist()
    found: dict[int, list[Component]] = {}
    for owner, mark, (x, y) in zip(forms.owner.tolist(), forms.mark.tolist(), places, strict=True):
        parts = found.setdefault(owner, [Component(int(forms.letter[owner]), 0, 0)])
        parts.append(Component(mark, x, y))
    return found


def _of_characters(holds: Callable[[str], bool], characters: Repertoire) -> NDArray[np.bool]:
    return np.array([holds(character) for character in characters.characters], np.bool)
