"""Templates of pen strokes from single-stroke fonts: where the strokes of each label begin to be learnt.

SVG fonts of polylines, in the order of writing where it matters. Hershey's sans serif (A. V. Hershey, U.S. National
Bureau of Standards) looks most like handprint; EMS Readability (SIL OFL) has a few characters in fewer pieces. What
neither has, or has as no person writes it, is in `drawn_strokes`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.alphabet import ALPHABET, CHARACTERS, MARKS
from glyphvae_training.data.drawn_strokes import CAP_HEIGHT, DRAWN, LETTER_MIDDLE
from glyphvae_training.data.entries import DataFolder
from glyphvae_training.data.lettering import BASELINE, CAP_UNITS
from glyphvae_training.data.pixels import BOX, CENTRE, SIDE
from glyphvae_training.errors import DataError, DataMissingError
from glyphvae_training.splines import basis

# A stroke as a polyline, float64 (n, 2), n at least 2; x to the right, y downwards.
Stroke = NDArray[np.float64]

SANS, READABILITY = "HersheySans1", "EMSReadability"
# Characters with fewer or plainer pieces there than in Hershey's.
FROM_READABILITY = "\"'%&@{}"
# Of a pen of medium weight, in units of the cell: strokes run half of it inside the box of the ink.
PEN = 1.8
# Points that a spline is fitted to.
SAMPLES = 64
# A closed piece below this, in cap heights, is the outline of a dot; a pen makes one by a short stroke.
DOT = 0.15
# Direction and sequence of writing, where a font's differs: the pieces in sequence, by their index.
SEQUENCE = {
    **dict.fromkeys("adgqij", (1, 0)),
    **dict.fromkeys("zZ", (1, 0, 2)),
    "7": (1, 0),
    "Ð": (1, 2, 0),
}
# Long strokes in which a spline of few control points would lose the form, cut at shares of their length.
CUTS = {"3": (0.4,), **dict.fromkeys("8S&$€§", (0.5,)), "@": (0.25, 0.62), "ß": (0.66,)}


@dataclass(frozen=True)
class Templates:
    """Strokes of every label in its cell of 28 units, as `Lettering` has it.

    Attributes:
        control: float32 (labels, strokes, control_points, 2), x to the right and y downwards, of clamped cubic
            B-splines in the order and direction of writing. Absent strokes repeat the first one.
        present: bool (labels, strokes), the present ones first.
    """

    control: NDArray[np.float32]
    present: NDArray[np.bool_]


def load_templates(folder: Path, strokes: int = 5, control_points: int = 8) -> Templates:
    """Load where the strokes of each label of `ALPHABET` begin to be learnt.

    Args:
        folder: Holds `HersheySans1.svg` and `EMSReadability.svg` at any depth.
        strokes: Of a label at most; of more, those whose ends are nearest become one.
        control_points: Of a stroke.

    Raises:
        DataMissingError: A font is not there.
        DataError: A font is not an SVG font of polylines, or lacks a character.
    """
    found = DataFolder(folder)
    sans, readability = (read_svg_font(found, name) for name in (SANS, READABILITY))
    control = np.zeros((len(ALPHABET), strokes, control_points, 2), np.float32)
    present = np.zeros((len(ALPHABET), strokes), bool)
    for label, character in enumerate(ALPHABET):
        pieces = written(character, readability if character in FROM_READABILITY else sans)
        pieces = joined(pieces, strokes)
        pieces = fit_cell(pieces, boxed=label < CHARACTERS, middle=0.0 if character in MARKS else None)
        fitted = np.stack([fit_spline(piece, control_points) for piece in pieces])
        control[label] = fitted[[*range(len(fitted)), *[0] * (strokes - len(fitted))]]
        present[label, : len(fitted)] = True
    return Templates(control, present)


def read_svg_font(folder: DataFolder, name: str) -> dict[str, list[Stroke]]:
    """Return the pieces of each character in cap heights, the baseline at y = 0."""
    entry = folder.first(rf"{name}\.svg")
    if entry is None:
        raise DataMissingError(f"{folder.path} does not hold the single-stroke font {name}.svg")
    try:
        root = ET.fromstring(entry.read())  # noqa: S314 - a file of the user's own
    except ET.ParseError as error:
        raise DataError(f"{entry} is no SVG font: {error}") from error
    outlines = {
        element.get("unicode", ""): element.get("d", "") for element in root.iter() if element.tag.endswith("glyph")
    }
    if "H" not in outlines:
        raise DataError(f"{entry} has no H")
    cap = np.ptp(np.concatenate(parse(outlines["H"]))[:, 1])
    # Only Hershey's accented letters and its ß have curves; they are not used.
    return {character: [piece / cap for piece in parse(d)] for character, d in outlines.items() if "C" not in d}


def parse(path: str) -> list[Stroke]:
    """Return the polylines of an SVG path of M and L, y downwards."""
    pieces = [np.array(re.findall(r"-?[\d.]+", piece), np.float64).reshape(-1, 2) for piece in path.split("M")[1:]]
    return [piece * (1, -1) for piece in pieces]


def written(character: str, font: dict[str, list[Stroke]]) -> list[Stroke]:
    """Return the strokes of a character in cap heights, in the order and direction of writing."""
    if character in DRAWN:
        # A mark is where it is over a letter whose middle is at x = 0.
        origin = (LETTER_MIDDLE, 0) if character in MARKS else (0, 0)
        pieces = [(piece - origin) / CAP_HEIGHT for piece in parse(DRAWN[character])]
    elif character in font:
        pieces = [downwards(dotted(piece)) for piece in font[character]]
        pieces = [pieces[index] for index in SEQUENCE.get(character, range(len(pieces)))]
    else:
        raise DataError(f"the single-stroke font lacks {character!r}")
    if character in CUTS:
        longest = max(range(len(pieces)), key=lambda index: length(pieces[index]))
        pieces[longest : longest + 1] = cut(pieces[longest], CUTS[character])
    return pieces


def length(stroke: Stroke) -> float:
    """Return the length of a stroke."""
    return float(distances(stroke)[-1])


def distances(stroke: Stroke) -> NDArray[np.float64]:
    """Return the distance of each point from the start along the stroke, float64 (n,)."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])


def dotted(stroke: Stroke) -> Stroke:
    """Return a short stroke in place of the outline of a dot, any other stroke as it is."""
    size = np.ptp(stroke, axis=0)
    if size.max() > DOT or not np.allclose(stroke[0], stroke[-1]):
        return stroke
    middle, half = (stroke.min(0) + stroke.max(0)) / 2, size / 4
    return np.stack([middle - half, middle + half])


def downwards(stroke: Stroke) -> Stroke:
    """Turn round a stroke that mostly rises, or that is level and runs to the left."""
    x, y = stroke[-1] - stroke[0]
    return stroke[::-1] if (y < 0 and -y > abs(x)) or (x < 0 and abs(y) < -x / 2 and len(stroke) == 2) else stroke


def cut(stroke: Stroke, shares: Iterable[float]) -> list[Stroke]:
    """Cut a stroke at the points that are nearest to shares of its length."""
    far = distances(stroke)
    inner = [int(np.abs(far[1:-1] - share * far[-1]).argmin()) + 1 for share in shares]
    return [stroke[start : end + 1] for start, end in pairwise([0, *inner, len(stroke) - 1])]


def joined(strokes: list[Stroke], most: int) -> list[Stroke]:
    """Join strokes, those with the nearest ends first, until there are at most `most`."""
    strokes = list(strokes)
    while len(strokes) > most:
        gaps = [
            (float(np.hypot(*(end[-1] - start[0]))), first, second)
            for first, end in enumerate(strokes)
            for second, start in enumerate(strokes)
            if first != second
        ]
        _, first, second = min(gaps)
        strokes[first] = np.concatenate([strokes[first], strokes[second]])
        del strokes[second]
    return strokes


def fit_cell(strokes: list[Stroke], *, boxed: bool, middle: float | None) -> list[Stroke]:
    """Place strokes in the cell.

    Args:
        strokes: In cap heights, the baseline at y = 0.
        boxed: Scale the longer side of the ink to the box and centre it by its mass; else keep its size and baseline.
        middle: The x that comes to the middle of the cell, if it is not boxed; the middle of the ink by default.
    """
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    if boxed:
        scale = (BOX - PEN) / (high - low).max()
        # Strokes have mass by their length.
        even = np.concatenate([resampled(stroke, max(2, round(100 * length(stroke)))) for stroke in strokes])
        offset = CENTRE + 0.5 - scale * even.mean(0)
    else:
        # One that is larger than the cell is reduced to it.
        scale = min(CAP_UNITS - PEN, (SIDE - PEN) / (high - low).max())
        across = (low[0] + high[0]) / 2 if middle is None else middle
        offset = np.array([SIDE / 2 - scale * across, BASELINE - PEN / 2])
    # As far as needed for the whole pen to lie in the cell.
    lowest, highest = scale * low + offset, scale * high + offset
    offset = offset + np.maximum(PEN / 2 - lowest, 0) - np.maximum(highest - (SIDE - PEN / 2), 0)
    return [scale * stroke + offset for stroke in strokes]


def resampled(stroke: Stroke, count: int) -> Stroke:
    """Return `count` points on a stroke at equal distances, its ends included."""
    far = distances(stroke)
    places = np.linspace(0, far[-1], count)
    return np.stack([np.interp(places, far, stroke[:, axis]) for axis in (0, 1)], axis=1)


def fit_spline(stroke: Stroke, control_points: int) -> NDArray[np.float32]:
    """Return the control points, float32 (control_points, 2), of the spline nearest to a stroke by least squares."""
    matrix = basis(control_points, SAMPLES).astype(np.float64)
    control, *_ = np.linalg.lstsq(matrix, resampled(stroke, SAMPLES), rcond=None)
    return control.astype(np.float32)
