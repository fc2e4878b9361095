"""Hands of writers never seen: are other letters in them those of the writer, and how evenly is one hand drawn?

Fonts serve as writers. Letters written in a hand are compared with those of each font by their histograms of oriented
gradients, label by label, never by the model's own encoder: a hand that carries nothing cannot be found, and neither
can one that only the encoder knows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from glyphvae_training.data.alphabet import ALPHABET, CHARACTERS
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.data.pixels import SIDE
from glyphvae_training.export.exported import Exported
from glyphvae_training.measures.artefacts import has_dot
from glyphvae_training.measures.comparison import Interval, interval, means
from glyphvae_training.measures.hog import hog
from glyphvae_training.measures.measure import CONFIDENCE
from glyphvae_training.measures.strokes import FINER, stroke_width

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Floats = NDArray[np.float32]
Values = NDArray[np.float64]
# Images uint8 (n, 28, 28) of one writer and their labels (n,) to the latents of the hand, (hand,).
HandOf = Callable[[Pixels, Labels], Floats]
# Latents of a hand and labels (n,) to images uint8 (n, 28, 28).
Write = Callable[[Floats, Labels], Pixels]

GIVEN = (1, 3, 5, 10)
TRIES = 10
# Letters that the hands are taken from which write i and j, and forms that each of them writes.
DOTLESS_GIVEN, FORMS = 10, 10
DOTTED = ("i", "j")
# Of a variance that is divided by.
TINY = 1e-12


@dataclass(frozen=True)
class Letters:
    """Letters that all of several fonts have.

    Attributes:
        labels: int64 (letters,).
        images: uint8 (fonts, letters, side, side).
        size: float32 (fonts, letters), cap heights in a unit of the cell, which is 28 units wide.
    """

    labels: Labels
    images: Pixels
    size: Floats

    def coarse(self) -> "Letters":
        """Return them at 28×28 pixels, by the mean of each pixel's part."""
        fonts, letters, side = self.images.shape[:3]
        parts = self.images.reshape(fonts, letters, SIDE, side // SIDE, SIDE, side // SIDE)
        return Letters(self.labels, np.round(parts.mean(axis=(3, 5))).astype(np.uint8), self.size)


def letters_of_all(*lettering: Lettering, count: int = CHARACTERS) -> Letters:
    """Return the letters that all fonts have.

    Args:
        lettering: Of fonts in one version each, as the held-out parts are.
        count: Only labels below it.
    """
    fonts: list[dict[int, tuple[Pixels, Floats]]] = []
    for part in lettering:
        for font in range(len(part.names)):
            rows = np.flatnonzero((part.fonts == font) & (part.labels < count)).tolist()
            fonts.append({int(part.labels[row]): (part.images[row], part.metrics[row]) for row in rows})
    labels = sorted(set.intersection(*(set(font) for font in fonts)))
    images, metrics = (np.array([[font[label][one] for label in labels] for font in fonts]) for one in range(2))
    return Letters(np.array(labels, np.int64), images, metrics[:, :, 0])


def font_distances(
    letters: Letters, hand_of: HandOf, write: Write, given: int, rng: np.random.Generator, *, tries: int = TRIES
) -> Values:
    """Measure how far letters written in the hand of each font are from those of every font.

    Some letters of the font are given, and all others are written in the hand of these. A distance is that of features
    of two letters of one label, summed over the letters that were not given.

    Args:
        letters: At 28×28 pixels.
        hand_of: Returns the hand that wrote images.
        write: Writes labels in a hand.
        given: Letters that the hand is taken from, fewer than there are.
        rng: Draws them.
        tries: With other letters each.

    Returns:
        (fonts, tries, fonts): of the hand of a font to the letters of a font.
    """
    fonts, count = letters.images.shape[:2]
    own = hog(letters.images.reshape(-1, SIDE, SIDE)).reshape(fonts, count, -1)
    apart = np.zeros((fonts, tries, fonts))
    for font in range(fonts):
        for one in range(tries):
            order = rng.permutation(count)
            known, others = order[:given], order[given:]
            hand = hand_of(letters.images[font, known], letters.labels[known])
            written = hog(write(hand, letters.labels[others]))  # (others, features)
            apart[font, one] = np.linalg.norm(own[:, others] - written, axis=2).sum(axis=1)
    return apart


def found_nearest(apart: Values) -> NDArray[np.bool_]:
    """Return where a hand's letters are nearest to its own font.

    Letters that are halfway between all writers are nearest to the plainest of the fonts, whosever hand they are in.

    Args:
        apart: (fonts, tries, fonts), as `font_distances` returns it.

    Returns:
        bool (fonts, tries); of hands that carry nothing, one in as many as there are fonts.
    """
    return np.asarray(apart.argmin(axis=2) == np.arange(len(apart))[:, None])


def found_relative(apart: Values) -> NDArray[np.bool_]:
    """Return where letters are nearest to their own font, beside how near those in all hands are to each font.

    This tells whether the hand is there, even if it is too faint for `found_nearest`; arguments and result as there.
    """
    return found_nearest(apart - apart.mean(axis=(0, 1)))


def intraclass_correlation(values: NDArray[np.floating]) -> list[Interval]:
    """Compute ICC(1), the share of a latent's variance between writers, with its interval by the F distribution.

    Shrout & Fleiss, "Intraclass correlations: uses in assessing rater reliability" (1979), case 1.

    Args:
        values: (writers, letters, latents), two or more writers and letters.

    Returns:
        Of each latent, 1 where all letters of a writer agree, about 0 where they do no more than those of others do.
    """
    x = np.asarray(values, np.float64)
    writers, count = x.shape[:2]
    between = count * x.mean(axis=1).var(axis=0, ddof=1)
    within = np.maximum(x.var(axis=1, ddof=1).mean(axis=0), TINY)
    freedoms, tail = (writers - 1, writers * (count - 1)), (1 - CONFIDENCE) / 2
    ratio = between / within
    bounds = (ratio, ratio / stats.f.isf(tail, *freedoms), ratio * stats.f.isf(tail, *freedoms[::-1]))
    shares = np.stack([(one - 1) / (one + count - 1) for one in bounds], axis=1)  # (latents, 3)
    return [Interval(*row) for row in shares.tolist()]


def width_between_letters(images: Pixels, size: NDArray[np.floating], finer: int = FINER) -> Values:
    """Measure how much the stroke width differs between the letters of each hand.

    Args:
        images: uint8 (hands, letters, side, side), the painted ink.
        size: (hands, letters), cap heights in a unit of the cell: letters that were scaled to one size are measured at
            their own.
        finer: As for `glyphvae_training.measures.strokes.widths_along`.

    Returns:
        (hands,), the coefficient of variation: the standard deviation over the mean. Letters without ink do not
        count; a hand without any has none, NaN.
    """
    hands, letters, side = images.shape[:3]
    pixels = stroke_width(images.reshape(-1, side, side), finer).reshape(hands, letters)
    widths = pixels * (SIDE / side) * size
    inked = [hand[hand > 0] for hand in widths]
    return np.array([hand.std() / hand.mean() if hand.size else np.nan for hand in inked])


def mean_over_fonts(values: Values | NDArray[np.bool_], rng: np.random.Generator) -> Interval:
    """Return the mean of values (fonts, ...), with an interval by the bootstrap over fonts."""
    return interval(means(np.asarray(values, np.float64).reshape(len(values), -1).mean(axis=1), rng))


class Hands:
    """Hands of an exported model.

    A model without a form has only hands: all of its latents are taken from the letters that are given.

    Args:
        model: With labels.
    """

    def __init__(self, model: Exported) -> None:
        self._model = model

    def of(self, images: Pixels, labels: Labels) -> Floats:
        """Return the mean of the hand that wrote all of the images, uint8 (n, 28, 28): float32 (hand,)."""
        mu, logvar = (values[:, : self._model.hand_size] for values in self._model.encode(images, labels))
        return product_mean(mu, logvar)

    def single(self, letters: Letters) -> Floats:
        """Return the mean of the hand of each letter alone: (fonts, letters, hand)."""
        fonts, count = letters.images.shape[:2]
        mu, _ = self._model.encode(letters.images.reshape(-1, SIDE, SIDE), np.tile(letters.labels, fonts))
        return mu[:, : self._model.hand_size].reshape(fonts, count, -1)

    def latents(self, hand: Floats, labels: Labels, form: Floats | None = None) -> Floats:
        """Return latents (n, latent) of labels in a hand, in forms (n, form), by default the middle of each."""
        rest = self._model.latent_size - self._model.hand_size
        forms = np.zeros((len(labels), rest), np.float32) if form is None else form
        return np.concatenate([np.broadcast_to(hand, (len(labels), len(hand))), forms], axis=1)

    def write(self, hand: Floats, labels: Labels, form: Floats | None = None) -> Pixels:
        """Write labels (n,) in a hand, in forms as for `latents`: uint8 (n, 28, 28)."""
        return self._model.decode(self.latents(hand, labels, form), labels)[0]

    def forms(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw forms, (count, form)."""
        return rng.standard_normal((count, self._model.latent_size - self._model.hand_size), dtype=np.float32)


def product_mean(mu: Floats, logvar: Floats) -> Floats:
    """Return the mean of one hand behind several glyphs, (hand,).

    The posterior of each glyph is N(0, I) times what the glyph says of the hand; the prior counts once in the product.
    No posterior is taken for wider than the prior.

    Args:
        mu: Posterior means of single glyphs, (glyphs, hand).
        logvar: Likewise, log variances.
    """
    precision = np.maximum(np.exp(-logvar), 1)
    total = 1 + (precision - 1).sum(axis=0)
    return np.asarray((precision * mu).sum(axis=0) / total, np.float32)


def dotted_shares(letters: Letters, hands: Hands, rng: np.random.Generator, tries: int = TRIES) -> dict[str, Interval]:
    """Measure how often i and j have their dot in hands of fonts that dot theirs.

    Args:
        letters: Of the fonts, at 28×28.
        hands: Of a model.
        rng: Draws the letters that each hand is taken from, ten that have no dot, and forms.
        tries: Hands of each font; each writes ten forms.

    Returns:
        By label, if a font dots it.
    """
    names = [ALPHABET[label] for label in letters.labels]
    plain = np.array([column for column, name in enumerate(names) if name not in DOTTED])
    found = {}
    for column, name in enumerate(names):
        fonts = np.flatnonzero(has_dot(letters.images[:, column])) if name in DOTTED else np.array([], np.int64)
        shares = []
        for font in np.repeat(fonts, tries):
            given = rng.permutation(plain)[:DOTLESS_GIVEN]
            hand = hands.of(letters.images[font, given], letters.labels[given])
            label = np.full(FORMS, letters.labels[column])
            shares.append(has_dot(hands.write(hand, label, hands.forms(FORMS, rng))).mean())
        if shares:
            found[name] = mean_over_fonts(np.reshape(shares, (len(fonts), tries)), rng)
    return found
