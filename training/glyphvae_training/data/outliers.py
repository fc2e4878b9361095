"""Images of no character, which teach a classifier to tell characters from everything else.

Exposed to outliers of some kinds, a classifier detects those of other kinds too (Hendrycks et al., "Deep anomaly
detection with outlier exposure", arXiv:1812.04606). Here they are drawn: letters of no script, tangles, polygons,
blots, textures and edges, and characters in parts, in pairs, crossed by strokes or the wrong way round.
"""

from collections.abc import Callable
from math import pi

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.dataset import Split
from glyphvae_training.data.pixels import BOX, FAINTEST_INK, SIDE, ink_box, normalise

Picture = NDArray[np.uint8]
Rng = np.random.Generator
Points = NDArray[np.float64]

# Pixels of a drawing's side.
FIELD = 112
MARGIN = 12
# Narrower or wider ink is a stroke, which may be a 1 or a dash.
NARROWEST = 0.4
# As wide by its length is no stroke of a fat marker.
THICKEST_STROKE = 0.3
# Characters that are none, or no others, from behind and upside down.
MIRRORED = frozenset("34BEFGKNQRaefghkr&?£€")
TURNED = frozenset("3AEFGKQRTYaegkt&?@")
# Likewise on a side.
LYING = frozenset("456ABFGJKPQRTaeghky&?@€£")
# Shares of letters that are symmetric, and of strokes that are upright or level.
SYMMETRIC, UPRIGHT = 0.3, 0.3
# Strokes across a character add at least this much to its ink.
LEAST_CROSSED = 1.25
# Not broad, so that another image is drawn.
BLANK = np.zeros((SIDE, SIDE), np.uint8)


def draw_outliers(characters: Split, count: int, rng: Rng) -> Picture:
    """Draw images of no character, in the convention `mnist-20x20-mass`; about 1 ms each.

    Args:
        characters: Some are made of these; labels are indices into the pen's alphabet, or into its beginning.
        count: How many.
        rng: Everything random.

    Returns:
        (count, 28, 28), paper 0, ink 255.
    """
    drawn = np.empty((count, SIDE, SIDE), np.uint8)
    done = 0
    while done < count:
        kind = _KINDS[int(rng.integers(len(_KINDS)))]
        image = kind(characters, rng)
        if (kind in _NARROW and image.any()) or is_broad(image):
            drawn[done] = normalise(image[None])[0]
            done += 1
    return drawn


def is_broad(image: Picture) -> bool:
    """Return whether the ink is neither a stroke nor so little that nothing is left of it."""
    left, top, right, bottom = ink_box(image)
    width, height = right - left, bottom - top
    return min(width, height) >= NARROWEST * max(width, height, 1)


def is_straight(image: Picture, thickest: float) -> bool:
    """Return whether the ink is a straight stroke, or there is none.

    Args:
        image: uint8 (height, width), paper 0.
        thickest: The standard deviation of a stroke's ink across it, by that along it, at most.
    """
    if not image.any():
        return True
    places = np.indices(image.shape).reshape(2, -1)
    across, along = np.linalg.eigvalsh(np.cov(places, aweights=image.ravel(), ddof=0))
    return bool(across <= thickest**2 * along)


def draw_letter(_: Split, rng: Rng) -> Picture:
    """Draw a letter of no script: strokes, arcs and dots between the points of a lattice."""
    across, down = int(rng.integers(2, 5)), int(rng.integers(3, 5))
    x, y = np.meshgrid(np.linspace(0, 1, across), np.linspace(0, 1, down))
    unevenness = rng.choice([0.01, 0.05])
    lattice = np.stack([x.ravel(), y.ravel()], axis=1) + rng.normal(0, unevenness, (across * down, 2))
    shape = np.array([rng.uniform(0.5, 1.3), 1.0])
    end = int(rng.integers(len(lattice)))
    strokes = []
    for _stroke in range(rng.integers(2, 7)):
        # Half of the strokes begin where the last one ended.
        start = end if rng.random() < 0.5 else int(rng.integers(len(lattice)))
        end = int((start + rng.integers(1, len(lattice))) % len(lattice))
        if rng.random() < UPRIGHT:
            row, column = (start, end) if rng.random() < 0.5 else (end, start)
            end = row - row % across + column % across
        kind = rng.random()
        if kind < 0.15:
            strokes.append(lattice[start] + np.array([[0, 0], [0.01, 0.01]]))
        elif kind < 0.4:
            strokes.append(_arc(lattice[start], rng))
        else:
            middle = (lattice[start] + lattice[end]) / 2 + (rng.random() < 0.5) * rng.normal(0, 0.3, 2)
            strokes.append(_curve(np.array([lattice[start], middle, lattice[end]])))
    if rng.random() < SYMMETRIC:
        axis = rng.choice([0.5, 1.0])
        strokes += [stroke * [-1, 1] + [2 * axis, 0] for stroke in strokes]
    return _stroked([stroke * shape for stroke in strokes], rng)


def draw_tangle(_: Split, rng: Rng) -> Picture:
    """Draw one long line that wanders and turns as it goes on."""
    steps = int(rng.integers(60, 200))
    bend = np.cumsum(rng.normal(0, rng.uniform(0.02, 0.2), steps)) + rng.normal(0, 0.1)
    angle = np.cumsum(bend)
    return _stroked([np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0)], rng)


def draw_blot(_: Split, rng: Rng) -> Picture:
    """Draw the smooth outline of a blot, filled or not, or of several that overlap."""
    image = Image.new("L", (FIELD, FIELD))
    draw = ImageDraw.Draw(image)
    angle = np.linspace(0, 2 * pi, 97)
    for _blot in range(rng.integers(1, 4)):
        harmonics = np.arange(2, rng.integers(3, 10))[:, None]
        size = rng.normal(0, rng.uniform(0.1, 0.6), harmonics.shape) / harmonics**0.5
        radius = np.abs(1 + (size * np.cos(harmonics * angle + rng.uniform(0, 2 * pi, harmonics.shape))).sum(axis=0))
        reach = rng.uniform(8, 30) / radius.mean() * radius[:, None] * [rng.uniform(0.5, 1), 1]
        outline = _places(rng.uniform(40, FIELD - 40, 2) + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1))
        if rng.random() < 0.6:
            draw.polygon(outline, fill=255)
        else:
            draw.line(outline, fill=255, width=int(rng.integers(4, 12)), joint="curve")
    # A third is sharp.
    return np.asarray(image.filter(ImageFilter.GaussianBlur(max(0.0, rng.uniform(-5, 10)))))


def draw_hatching(_: Split, rng: Rng) -> Picture:
    """Draw parallel strokes, of one direction or of two."""
    strokes = []
    for _direction in range(rng.integers(1, 3)):
        count, angle = int(rng.integers(3, 7)), rng.uniform(0, pi)
        along, across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for place in np.linspace(-1, 1, count) + rng.normal(0, 0.05, count):
            ends = rng.uniform(0.6, 1.2, 2) * [-1, 1]
            strokes.append(place * across + ends[:, None] * along)
    return _stroked(strokes, rng)


def draw_polygon(_: Split, rng: Rng) -> Picture:
    """Draw an irregular polygon of three to fourteen corners, filled or not, or two that overlap."""
    image = Image.new("L", (FIELD, FIELD))
    draw = ImageDraw.Draw(image)
    for _polygon in range(rng.integers(1, 3)):
        corners = int(rng.integers(3, 15))
        angle = np.sort(rng.uniform(0, 2 * pi, corners))
        radius = rng.uniform(rng.uniform(0.2, 0.9), 1, corners) * rng.uniform(20, 36)
        centre = rng.uniform(44, FIELD - 44, 2)
        outline = _places(centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
        if rng.random() < 0.5:
            draw.polygon(outline, fill=255)
        else:
            draw.line([*outline, outline[0]], fill=255, width=int(rng.integers(4, 12)), joint="curve")
    return np.asarray(image)


def draw_waves(_: Split, rng: Rng) -> Picture:
    """Draw a few plane waves that interfere, over all of a square or a part of it."""
    y, x = np.mgrid[-1 : 1 : FIELD * 1j, -1 : 1 : FIELD * 1j]
    field = np.zeros_like(x)
    for _wave in range(rng.integers(1, 6)):
        angle, frequency = rng.uniform(0, 2 * pi), rng.uniform(3, 16)
        field += np.sin(frequency * (np.cos(angle) * x + np.sin(angle) * y) + rng.uniform(0, 2 * pi))
    field = field / field.std() * rng.uniform(0.5, 4) + rng.normal(0, 0.7)
    if rng.random() < 0.5:
        field -= 4 * np.maximum(0, np.hypot(x / rng.uniform(0.4, 1), y / rng.uniform(0.4, 1)) - 0.8) * 4
    return _levels(255 * np.clip(field + 0.5, 0, 1))


def draw_cells(_: Split, rng: Rng) -> Picture:
    """Draw the cells around random points, each of a random grey."""
    points = rng.uniform(-0.1, 1.1, (int(rng.integers(8, 60)), 2)) * FIELD
    y, x = np.mgrid[:FIELD:2, :FIELD:2]
    nearest = ((x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2).argmin(axis=2)
    greys = rng.uniform(0, 255, len(points)) * (rng.random(len(points)) < rng.uniform(0.3, 0.9))
    return _levels(greys[nearest])


def draw_edges(_: Split, rng: Rng) -> Picture:
    """Draw the corner that two or three straight edges of different sharpness leave, with grain."""
    y, x = np.mgrid[-1 : 1 : FIELD * 1j, -1 : 1 : FIELD * 1j]
    field = np.ones_like(x)
    for _edge in range(rng.integers(1, 4)):
        angle, place = rng.uniform(0, 2 * pi), rng.uniform(-0.4, 0.4)
        distance = np.cos(angle) * x + np.sin(angle) * y - place
        field = np.minimum(field, distance * np.exp(rng.uniform(0, 3)))
    grain = np.asarray(
        Image.fromarray(_levels(rng.uniform(0, 255, x.shape))).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 4)))
    )
    grained = np.clip(field, 0, 1) * (1 + rng.uniform(0, 3) * (grain / 127.5 - 1))
    return _levels(255 * np.clip(grained, 0, 1))


def draw_bump(_: Split, rng: Rng) -> Picture:
    """Draw what a straight edge leaves of a blot: sharp on one side, round, pointed or soft on the other."""
    y, x = np.mgrid[0 : 1 : FIELD * 1j, -1 : 1 : FIELD * 1j]
    middle, steepness = rng.uniform(-0.5, 0.5), rng.uniform(0.5, 3)
    outline = rng.uniform(0.15, 0.8) * np.clip(1 - np.abs(x - middle) ** steepness, 0, 1)
    outline += rng.uniform(0, 0.05) * np.sin(rng.uniform(2, 20) * x + rng.uniform(0, 2 * pi))
    ink = np.clip((outline - y) * np.exp(rng.uniform(1, 4)), 0, 1) * (outline > 0)
    return np.rot90(np.pad(_levels(255 * ink), MARGIN), int(rng.integers(4)))


def draw_bar(_: Split, rng: Rng) -> Picture:
    """Draw a bar with edges of different sharpness, fading along and across; nothing where it is thin as a stroke."""
    angle = rng.normal(0, 0.15) + rng.choice([0, pi / 2])
    y, x = np.mgrid[-1 : 1 : FIELD * 1j, -1 : 1 : FIELD * 1j]
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    length, width = 0.8, 0.8 * rng.uniform(THICKEST_STROKE, 0.7)
    field = np.ones_like(x)
    for distance in (length - along, length + along, width - across, width + across):
        field = np.minimum(field, distance * np.exp(rng.uniform(0.5, 4)))
    fading = 1 + rng.uniform(-0.8, 0.8) * along + rng.uniform(-0.8, 0.8) * across / width
    return _unless_straight(_levels(255 * np.clip(np.clip(field, 0, 1) * fading, 0, 1)))


def enlarge(characters: Split, rng: Rng) -> Picture:
    """Show a few pixels of a character large; nothing where that is a straight stroke."""
    image, side = _any(characters, rng), int(rng.integers(6, 10))
    top, left = rng.integers(4, SIDE - 4 - side, 2, endpoint=True)
    window = Image.fromarray(image[top : top + side, left : left + side])
    return _unless_straight(np.asarray(window.resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC)))


def recombine(characters: Split, rng: Rng) -> Picture:
    """Join parts of different characters, one above or beside the other, which is from behind."""
    first, second = _any(characters, rng), _any(characters, rng)[:, ::-1]
    place = int(rng.integers(11, 18))
    joined = np.where(np.arange(SIDE)[:, None] < place, first, second)
    if rng.random() < 0.5:
        joined = np.where(np.arange(SIDE) < place, first, second)
    return np.asarray(joined)


def superpose(characters: Split, rng: Rng) -> Picture:
    """Put one character over another, or two."""
    field = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    for _ in range(rng.integers(2, 4)):
        top, left = rng.integers(8, 20, 2)
        part = field[top : top + SIDE, left : left + SIDE]
        np.maximum(part, _any(characters, rng), out=part)
    return field


def cut_between(characters: Split, rng: Rng) -> Picture:
    """Cut out what is between two neighbours, a part of each."""
    gap = int(rng.integers(0, 6))
    line = np.concatenate([np.pad(_cropped(_any(characters, rng)), ((0, 0), (0, gap))) for _ in range(2)], axis=1)
    middle, reach = line.shape[1] // 2, int(rng.integers(7, 13))
    return line[:, max(0, middle - reach) : middle + reach]


def cross(characters: Split, rng: Rng) -> Picture:
    """Draw strokes and arcs from the ink of a character; nothing where they hardly change it."""
    character = Image.fromarray(_any(characters, rng)).resize((4 * SIDE, 4 * SIDE), Image.Resampling.BICUBIC)
    image = character.copy()
    draw = ImageDraw.Draw(image)
    inked = np.argwhere(np.asarray(image) > 127)[:, ::-1]
    width = int(rng.integers(6, 16))
    for _stroke in range(rng.integers(1, 4)):
        start = inked[int(rng.integers(len(inked)))] if len(inked) else np.full(2, 2 * SIDE)
        if rng.random() < 0.4:
            points = start + 2.3 * SIDE * _arc(np.zeros(2), rng)
        else:
            end = rng.uniform(MARGIN, 4 * SIDE - MARGIN, 2)
            points = _curve(np.array([start, (start + end) / 2 + rng.normal(0, 8, 2), end]))
        draw.line(_places(points), fill=255, width=width, joint="curve")
    before, after = (int(np.asarray(one, np.int64).sum()) for one in (character, image))
    return np.asarray(image.reduce(4)) if after > LEAST_CROSSED * before else BLANK


def permute(characters: Split, rng: Rng) -> Picture:
    """Cut a character into squares and put them in another order."""
    count = int(rng.choice([2, 4]))
    size = SIDE // count
    image = _any(characters, rng).reshape(count, size, count, size).swapaxes(1, 2).reshape(count**2, size, size)
    order = rng.permutation(count**2)
    squares = image[order].reshape(count, count, size, size).swapaxes(1, 2)
    return np.asarray(squares.reshape(SIDE, SIDE))


def turn(characters: Split, rng: Rng) -> Picture:
    """Show a character lying, from behind or upside down; nothing where it is one that way, too."""
    index = int(rng.integers(len(characters)))
    name = ALPHABET[characters.labels[index]]
    ways = [way for names, way in _WAYS if name in names]
    return ways[int(rng.integers(len(ways)))](characters.images[index]) if ways else BLANK


_WAYS: tuple[tuple[frozenset[str], Callable[[Picture], Picture]], ...] = (
    (MIRRORED, lambda image: image[:, ::-1]),
    (TURNED, lambda image: image[::-1, ::-1]),
    (LYING, np.rot90),
    (LYING, lambda image: np.rot90(image, 3)),
)
# Letters of no script are what is most like those of other scripts.
_KINDS: tuple[Callable[[Split, Rng], Picture], ...] = (
    *10 * (draw_letter,),
    draw_tangle,
    draw_blot,
    draw_hatching,
    draw_polygon,
    draw_waves,
    draw_cells,
    draw_edges,
    draw_bump,
    draw_bar,
    enlarge,
    recombine,
    superpose,
    cut_between,
    cross,
    permute,
    turn,
    turn,
)
# What is none although it may be as narrow as a stroke.
_NARROW = (draw_bump, draw_bar)


def _any(characters: Split, rng: Rng) -> Picture:
    image: Picture = characters.images[int(rng.integers(len(characters)))]
    return image


def _unless_straight(image: Picture) -> Picture:
    return BLANK if is_straight(image, THICKEST_STROKE) else image


def _cropped(image: Picture) -> Picture:
    """Return the columns of a character that have ink; all of them if none has."""
    columns = np.flatnonzero((image >= FAINTEST_INK).any(axis=0))
    return image[:, columns[0] : columns[-1] + 1] if columns.size else image


def _curve(points: Points) -> Points:
    """Return a quadratic Bézier curve through the middle one of three points (3, 2), as (12, 2)."""
    t = np.linspace(0, 1, 12)[:, None]
    first, middle, last = points
    control = 2 * middle - (first + last) / 2
    return np.asarray((1 - t) ** 2 * first + 2 * t * (1 - t) * control + t**2 * last)


def _arc(start: Points, rng: Rng) -> Points:
    """Return a part of an ellipse, or all of it, from a point (2,) on: (24, 2)."""
    first = rng.uniform(0, 2 * pi) if rng.random() < 0.5 else rng.integers(4) * pi / 2
    angle = first + np.linspace(0, rng.choice([0.5, 1.0, 1.4, 2.0]) * pi, 24) * rng.choice([-1, 1])
    radii = rng.uniform(0.15, 0.5) * np.array([rng.uniform(0.6, 1.2), 1.0])
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(start + radii * (circle - circle[0]))


def _stroked(strokes: list[Points], rng: Rng) -> Picture:
    """Draw lines (n, 2) with a round or a broad pen, scaled to the field."""
    every = np.concatenate(strokes)
    low, size = every.min(axis=0), float(np.ptp(every, axis=0).max())
    width = int(rng.integers(6, 18))
    # A broad pen is as thin as a third of its width, along one direction.
    thin = width if rng.random() < 0.6 else max(3, round(rng.uniform(0.3, 0.8) * width))
    angle = rng.uniform(0, pi)
    reach = (width - thin) / 2 * np.array([np.cos(angle), np.sin(angle)])
    image = Image.new("L", (FIELD, FIELD))
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        for offset in np.linspace(-1, 1, 1 + (width - thin)):
            places = _places(
                MARGIN + (stroke - low) / max(size, 1e-6) * (FIELD - 2 * MARGIN) + (width > thin) * offset * reach
            )
            draw.line(places, fill=255, width=thin, joint="curve")
            for x, y in (places[0], places[-1]):  # round ends
                draw.ellipse((x - thin / 2, y - thin / 2, x + thin / 2, y + thin / 2), fill=255)
    # To the resolution that characters have been scanned with.
    return np.asarray(image.reduce(FIELD // (2 * BOX)))


def _places(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points.tolist()]


def _levels(field: NDArray[np.floating]) -> Picture:
    return np.asarray(np.rint(field), np.uint8)
