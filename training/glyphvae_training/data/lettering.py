"""Lettering of fonts: writers who wrote every character, each of them in several versions.

Characters 0-9, A-Z and a-z have the convention `mnist-20x20-mass` at twice its resolution, as NIST's do. All other
labels keep their size: what tells a comma from a stroke is how large it is and where it stands.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glyphvae_training.data import font_families
from glyphvae_training.data.alphabet import (
    ACUTE,
    ALPHABET,
    CEDILLA,
    CHARACTERS,
    CIRCUMFLEX,
    DIAERESIS,
    GRAVE,
    MARKS,
    RING,
    TILDE,
)
from glyphvae_training.data.cache import cache_folder
from glyphvae_training.data.entries import DataFolder
from glyphvae_training.data.font_families import FONTS, LEFT_OUT, Part
from glyphvae_training.data.fonts import CAP, Font, Ink, Variation, drawing_key
from glyphvae_training.data.pixels import BOX, CENTRE, FAINTEST_INK, SIDE
from glyphvae_training.errors import DataMissingError
from glyphvae_training.files import replacing
from glyphvae_training.progress import StageProgress, no_stage_progress

# Pixels of the cell's side, and of its unit, a pixel of NIST.
FIELD = 56
PIXELS = FIELD // SIDE
# Units of a cap height, and from the top of the cell to the baseline, of characters at their true size.
CAP_UNITS = 20
BASELINE = 24
# Reduced further, a character that is larger than the cell would no longer look written by the same pen.
SMALLEST = 0.7
VARIANTS = 5
# Standard deviations of `Variation`: farther than fonts differ from upright, from normal width and from one weight.
SLANT, WIDTH, WEIGHT = 0.12, 0.10, 0.012
# In standard deviations: beyond, letters are caricatures.
FARTHEST = 2.5
# Of half the width of a font's strokes, which are thinner here and there and must not break.
THINNED = 0.3
# What is no letter of its own: a letter with the mark, and the letter that it is taken off.
MARKED = {
    GRAVE: ("è", "e"),
    ACUTE: ("é", "e"),
    CIRCUMFLEX: ("ê", "e"),
    TILDE: ("ñ", "n"),
    DIAERESIS: ("ë", "e"),
    RING: ("å", "a"),
    CEDILLA: ("ç", "c"),
}
SOURCE = "Fontsource: the file NAME-latin-400-normal.woff2 of the npm package @fontsource/NAME"


@dataclass(frozen=True)
class Lettering:
    """Characters of several writers.

    Attributes:
        images: uint8 (n, 56, 56), paper 0, ink 255.
        labels: int64 (n,), indices into `ALPHABET`.
        writers: int64 (n,), one number for each version of each font.
        fonts: int64 (n,), indices into `names`.
        metrics: float32 (n, 4): the cap heights in a unit of the cell, which is 28 units wide; the units from the top
            of the cell down to the baseline; the left and the right side bearing in cap heights.
        names: of the fonts.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]
    fonts: NDArray[np.int64]
    metrics: NDArray[np.float32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Cell:
    """A character in its cell: `image` uint8 (side, side), and the four `metrics` of `Lettering`."""

    image: NDArray[np.uint8]
    metrics: tuple[float, float, float, float]


def load_lettering(
    folder: Path,
    part: Part,
    *,
    variants: int = VARIANTS,
    cache: Path | None = None,
    progress: StageProgress = no_stage_progress,
) -> Lettering:
    """Load the characters of the fonts of one part.

    Args:
        folder: Holds the fonts, at any depth, as `NAME.woff2` or `NAME-latin-400-normal.woff2`.
        part: "train", "validation" or "test"; `font_families` has the fonts of each.
        variants: Further versions of each font for training. The other parts have the fonts as they are.
        cache: Where rendered parts are kept; the platform's cache folder by default.
        progress: Called while fonts are rendered, with the fonts done and in all.

    Raises:
        DataMissingError: Fonts are not there; the message names them and where they come from.
        DataError: A font cannot be read.
    """
    versions = variants + 1 if part == "train" else 1
    contents = find_fonts(folder, part)
    parent = cache_folder() if cache is None else cache
    path = parent / f"lettering-{part}-{versions}-{drawing_key(contents, __file__, font_families.__file__)[:20]}.npz"
    if path.is_file():
        return read_cache(path)
    result = render(contents, versions, progress)
    write_cache(path, result)
    return result


def find_fonts(folder: Path, part: Part) -> dict[str, bytes]:
    """Return the content of each font of a part by its name; raises as `load_lettering`."""
    found = DataFolder(folder)
    entries = {name: found.first(rf"{name}(-latin-400-normal)?\.woff2") for name in FONTS[part]}
    if lacking := [name for name, entry in entries.items() if entry is None]:
        raise DataMissingError(f"{found.path} does not hold the fonts {', '.join(lacking)}. They are from {SOURCE}")
    return {name: entry.read() for name, entry in entries.items() if entry}


def load_large_lettering(folder: Path, part: Part, side: int, progress: StageProgress = no_stage_progress) -> Lettering:
    """Load the characters of the fonts of one part as they are, in images (n, side, side) of the same cells.

    They are not kept; arguments and errors as for `load_lettering`.
    """
    return render(find_fonts(folder, part), 1, progress, side)


def render(contents: dict[str, bytes], versions: int, progress: StageProgress, side: int = FIELD) -> Lettering:
    """Render each font in `versions` versions, of which the first is the font as it is, in cells of `side` pixels."""
    cells: list[Cell] = []
    indices: list[tuple[int, int, int]] = []
    for number, (name, content) in enumerate(contents.items()):
        drawn = draw(Font(name, content, max(CAP, side)), LEFT_OUT.get(name, ""))
        thinnest = -THINNED * float(np.median([ink.stroke for ink, _ in drawn.values()])) / 2
        for version, variation in enumerate(variations(name, versions, thinnest)):
            for label, (ink, letter) in drawn.items():
                if cell := fitted(label, ink, letter, variation, side):
                    cells.append(cell)
                    indices.append((label, number * versions + version, number))
        progress("rendering fonts", number + 1, len(contents))
    labels, writers, numbers = np.array(indices, np.int64).T
    return Lettering(
        np.stack([cell.image for cell in cells]),
        labels,
        writers,
        numbers,
        np.array([cell.metrics for cell in cells], np.float32),
        tuple(contents),
    )


def variations(name: str, count: int, thinnest: float) -> list[Variation]:
    """Return `count` versions of a font, the first of which changes nothing. The name decides the others.

    Args:
        name: Of the font.
        count: At least 1.
        thinnest: The least weight.
    """
    drawn = np.random.default_rng(list(name.encode())).normal(size=(count - 1, 3)).clip(-FARTHEST, FARTHEST)
    others = (drawn * (SLANT, WIDTH, WEIGHT)).tolist()
    return [Variation(), *(Variation(slant, width, max(weight, thinnest)) for slant, width, weight in others)]


def draw(font: Font, left_out: str) -> dict[int, tuple[Ink, Ink]]:
    """Draw every label that a font has, but for those left out.

    Returns:
        The ink of each label, and the ink over whose middle it is centred: its own, or the letter of a mark.
    """
    wanted = [label for label, character in enumerate(ALPHABET) if character not in left_out]
    return {label: drawn for label in wanted if (drawn := draw_label(font, ALPHABET[label]))}


def draw_label(font: Font, character: str) -> tuple[Ink, Ink] | None:
    """Draw a character or, as the part of an accented letter that the plain letter lacks, a mark."""
    if character not in MARKS:
        ink = font.draw(character)
        return None if ink is None else (ink, ink)
    marked, letter = (font.draw(each) for each in MARKED[character])
    if marked is None or letter is None:
        return None
    _, top, _, bottom = letter.box()
    # A cedilla grows out of its letter; all other marks are pieces of their own, or are left out.
    mark = marked.below(letter.top - bottom) if character == CEDILLA else marked.above(letter.top - top)
    return None if mark is None else (mark, letter)


def fitted(label: int, ink: Ink, letter: Ink, variation: Variation, side: int = FIELD) -> Cell | None:
    """Return a character, varied, in its cell, or None if the variation breaks it or it is too large."""
    varied = variation.apply(ink)
    if varied is None:
        return None
    if label < CHARACTERS:
        return boxed(varied, side)
    around = varied if letter is ink else variation.apply(letter)
    return None if around is None else true_size(varied, around, side)


def boxed(ink: Ink, side: int = FIELD) -> Cell:
    """Scale the longer side of a character to 20 units and centre it by its mass, as `pixels.normalise` does."""
    left, top, right, bottom = ink.box(FAINTEST_INK)
    unit = max(right - left, bottom - top) / BOX
    mass = ink.pixels.astype(np.float64)
    corner = []
    for axis, start, end in ((0, left, right), (1, top, bottom)):
        profile = mass.sum(axis)
        middle = np.average(np.arange(len(profile)) + 0.5, weights=profile)
        # CENTRE is the index of a pixel, whose middle is half a unit farther.
        corner.append(min(max(middle - (CENTRE + 0.5) * unit, end - SIDE * unit), start))
    return cell(ink, corner[0], corner[1], unit, side)


def true_size(ink: Ink, around: Ink, side: int = FIELD) -> Cell | None:
    """Put a character at its size on the baseline of the cell, the middle of `around` in the middle.

    One that would stick out moves by as much, and is reduced if it is larger than the cell; None if it is much larger.
    """
    left, top, right, bottom = ink.box(FAINTEST_INK)
    reduced = max(1.0, (right - left) * CAP_UNITS / ink.cap / SIDE, (bottom - top) * CAP_UNITS / ink.cap / SIDE)
    if reduced > 1 / SMALLEST:
        return None
    unit = reduced * ink.cap / CAP_UNITS
    first, _, last, _ = around.box()
    middle = around.left + (first + last) / 2 - ink.left
    x = min(max(middle - SIDE / 2 * unit, right - SIDE * unit), left)
    y = min(max(ink.top - BASELINE * unit, bottom - SIDE * unit), top)
    return cell(ink, x, y, unit, side)


def cell(ink: Ink, x: float, y: float, unit: float, side: int) -> Cell:
    """Scale a square of the image, its corner at (x, y) and `unit` pixels to a unit, to a cell of `side` pixels."""
    length = SIDE * unit
    height, width = ink.pixels.shape
    before = max(0, int(np.ceil(-min(x, y))))
    after = max(0, int(np.ceil(max(x + length - width, y + length - height))))
    padded = Image.fromarray(np.pad(ink.pixels, (before, after)))
    box = (x + before, y + before, x + before + length, y + before + length)
    image = np.asarray(padded.resize((side, side), Image.Resampling.BOX, box=box))
    return Cell(image, (unit / ink.cap, (ink.top - y) / unit, *ink.bearings))


def write_cache(path: Path, data: Lettering) -> None:
    """Write a rendered part completely or not at all."""
    arrays = {field.name: np.asarray(getattr(data, field.name)) for field in fields(Lettering)}
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def read_cache(path: Path) -> Lettering:
    """Read the rendered part in a cache file."""
    with np.load(path) as stored:
        arrays = {field.name: stored[field.name] for field in fields(Lettering)}
    return Lettering(**arrays | {"names": tuple(str(name) for name in arrays["names"])})
