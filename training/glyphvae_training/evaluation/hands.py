"""Hands of writers never seen: are other letters in them those of the writer, and how evenly is one hand drawn?

Fonts serve as writers. Letters written in a hand are compared with those of each font by their histograms of oriented
gradients, label by label, never by the model's own encoder: a hand that carries nothing cannot be found, and neither
can one that only the encoder knows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from glyphvae_training.data.alphabet import CHARACTERS
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.data.pixels import SIDE
from glyphvae_training.measures.hog import hog
from glyphvae_training.measures.strokes import stroke_width
from glyphvae_training.models.pen import Pen, combined
from glyphvae_training.models.strokes import paint, pixel_centres

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


def letters_of_all(lettering: Lettering, count: int = CHARACTERS) -> Letters:
    """Return the letters that all fonts have.

    Args:
        lettering: Of fonts in one version each, as the held-out parts are.
        count: Only labels below it.
    """
    fonts = [
        {label: row for label, row in zip(lettering.labels[rows].tolist(), rows.tolist(), strict=True) if label < count}
        for rows in (np.flatnonzero(lettering.fonts == font) for font in range(len(lettering.names)))
    ]
    labels = sorted(set.intersection(*(set(font) for font in fonts)))
    rows = np.array([[font[label] for label in labels] for font in fonts])  # (fonts, letters)
    return Letters(np.array(labels, np.int64), lettering.images[rows], lettering.metrics[rows, 0])


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


def single_hands(letters: Letters, hand_of: HandOf) -> Floats:
    """Return the hand of each letter alone: (fonts, letters, hand)."""
    hands = [
        [hand_of(images[row : row + 1], letters.labels[row : row + 1]) for row in range(len(letters.labels))]
        for images in letters.images
    ]
    return np.array(hands, np.float32)


def intraclass_correlation(values: NDArray[np.floating]) -> Values:
    """Compute ICC(1), the share of a latent's variance that is between writers.

    Shrout & Fleiss, "Intraclass correlations: uses in assessing rater reliability" (1979), case 1.

    Args:
        values: (writers, letters, latents), two or more writers and letters.

    Returns:
        (latents,), 1 where all letters of a writer agree, about 0 where they do no more than those of others do.
    """
    x = np.asarray(values, np.float64)
    count = x.shape[1]
    between = count * x.mean(axis=1).var(axis=0, ddof=1)
    within = x.var(axis=1, ddof=1).mean(axis=0)
    return np.asarray((between - within) / (between + (count - 1) * within))


def width_between_letters(images: Pixels, size: NDArray[np.floating]) -> Values:
    """Measure how much the stroke width differs between the letters of each hand.

    Args:
        images: uint8 (hands, letters, side, side), the painted ink.
        size: (hands, letters), cap heights in a unit of the cell: letters that were scaled to one size are measured at
            their own.

    Returns:
        (hands,), the coefficient of variation: the standard deviation over the mean. Letters without ink do not
        count; a hand without any has none, NaN.
    """
    hands, letters, side = images.shape[:3]
    pixels = stroke_width(images.reshape(-1, side, side)).reshape(hands, letters)
    widths = pixels * (SIDE / side) * size
    inked = [hand[hand > 0] for hand in widths]
    return np.array([hand.std() / hand.mean() if hand.size else np.nan for hand in inked])


class PenHand:
    """Hands of a pen, at the middle of each label's form.

    Args:
        pen: On the CPU.
    """

    def __init__(self, pen: Pen) -> None:
        self._pen = pen.eval()

    @torch.inference_mode()
    def hand_of(self, images: Pixels, labels: Labels) -> Floats:
        """Return the mean of the hand that wrote all of the images, uint8 (n, 28, 28): float32 (hand,)."""
        size = self._pen.config.hand_size
        mu, logvar = self._pen.posterior(torch.from_numpy(images).float() / 255, torch.from_numpy(labels))
        hand, _ = combined(mu[None, :, :size], logvar[None, :, :size])
        return hand[0].numpy()

    def write(self, hand: Floats, labels: Labels) -> Pixels:
        """Write labels (n,) in a hand: uint8 (n, 28, 28)."""
        return self.paint(hand, labels, SIDE)[0]

    @torch.inference_mode()
    def paint(self, hand: Floats, labels: Labels, side: int, softness: float | None = None) -> tuple[Pixels, Floats]:
        """Write labels in a hand, at any resolution.

        Args:
            hand: (hand,).
            labels: (n,).
            side: Pixels.
            softness: Width of the edges in units of the cell; the model's own, of 28×28 pixels, by default.

        Returns:
            uint8 (n, side, side), and the cap heights in a unit of the cell, (n,).
        """
        label = torch.from_numpy(labels)
        hands = torch.from_numpy(hand).expand(len(labels), -1)
        form = torch.zeros(len(labels), self._pen.config.form_size)
        latents = self._pen.formed(hands, form, label)
        writing = self._pen.write(latents, label)
        edges = writing.softness if softness is None else torch.full((len(labels),), softness)
        ink = paint(self._pen.strokes(writing), edges, pixel_centres(side))
        return (ink * 255).round().to(torch.uint8).view(-1, side, side).numpy(), writing.metrics[:, 0].numpy()
