"""The hand behind several letters: the latents by which a model draws them best.

An encoder says of each letter alone which hand wrote it, and is far too sure of it: each letter has its own bias, and
the hands of five letters deviate from those of thirty others of the same font by eight of their standard deviations. So
what the encoder says is only where a search begins. It looks for the most probable hand, one for all letters, and the
form of each letter,

    argmin  |hand|² + sum over letters: STIFFNESS·|form|² + |pixels − decoder(hand, form, label)|² / NOISE²,

by the method of Gauss and Newton: the decoder is linearised by differences, each letter's form is eliminated, and what
remains is a quadratic function of the hand for each letter. Their sum, with the prior counted once, is the posterior.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyphvae.models.latents import MAX_LATENT
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.scheduling.cost import fitting
from glyphvae.scheduling.steps import Offload, Program

Values = NDArray[np.float64]

# Chosen on eight fonts that `pen` has not learnt from, five letters each: the distance by HOG of their other letters,
# written in the hand, from the font's own. docs/hands.md has the figures.
STEPS = 6
# In grey levels: pixels do not deviate one by one, but in whole strokes.
NOISE = 200.0
# The inverse variance of a form, 1 in the prior: what can be the hand's is not to be taken for the letter's.
STIFFNESS = 6.0
# The difference of latents by which the decoder's derivative is taken: pixels are rounded to grey levels.
DIFFERENCE = 0.5
# Of a latent in a step: the linear decoder holds no farther.
LONGEST_STEP = 0.5
# The weight of the letters against the prior in what is told of the uncertainty: with 1, the hands of five letters
# would deviate from those of thirty others of the same font by 2.3 of their standard deviations, with this by 1.4.
EVIDENCE = 0.19

# Of log variances, so that their inverse stays finite.
_SMALLEST = -30.0


@dataclass(frozen=True)
class Hand:
    """The posterior of a hand, and how each letter agrees with the others.

    Attributes:
        mu: (hand,) float32, the most probable hand.
        logvar: (hand,) float32, log of the variance; that of the prior is 1.
        distances: (letters,) float64, how far what a letter says of the hand is from what the others say, in units of
            the deviation that the uncertainties of both let expect; empty for a single letter.
    """

    mu: Floats
    logvar: Floats
    distances: Values

    @property
    def left(self) -> Floats:
        """(hand,) the share of the prior's variance that is left."""
        return np.exp(self.logvar)

    @property
    def certainty(self) -> float:
        """The share of the prior's variance that the letters have taken away, the mean over the latents: 0 to 1."""
        return 1 - float(self.left.mean())


@dataclass(frozen=True)
class Fit:
    """A hand, and the form of each letter.

    Attributes:
        hand: (hand,).
        forms: (letters, form).
    """

    hand: Values
    forms: Values


@dataclass(frozen=True)
class Evidence:
    """The log likelihood of hands near that of a fit, by each letter: −½·d·precision·d + d·slope at a difference of d.

    Attributes:
        precision: (letters, hand, hand).
        slope: (letters, hand).
        forms: (letters, form), the change of each form if the hand stays.
        follow: (letters, form, hand), by how much each form changes less for a change of the hand.
    """

    precision: Values
    slope: Values
    forms: Values
    follow: Values


def fit_hand(model: Model, pixels: Pixels, labels: Labels) -> Program[Hand]:
    """Find the hand that wrote letters.

    Args:
        model: A model with a hand.
        pixels: (n, 28, 28), a letter each, at least one.
        labels: (n,).
    """
    size = model.manifest.hand_size
    mu, logvar = yield from model.encode(pixels, labels)
    fit = Fit(product_mean(mu[:, :size], logvar[:, :size]), np.zeros((len(labels), mu.shape[1] - size)))
    for _ in range(STEPS):
        fit = moved(fit, (yield from _evidence(model, fit, pixels, labels)))
    return posterior(fit, (yield from _evidence(model, fit, pixels, labels)))


def product_mean(mu: Floats, logvar: Floats) -> Values:
    """Return the mean (hand,) of the product of posteriors N(mu, exp(logvar)), both (n, hand), of single letters.

    Each is N(0, 1) times what a letter says; the prior counts once in the product. No posterior counts as wider than
    the prior.
    """
    precision = np.maximum(np.exp(-np.maximum(logvar.astype(np.float64), _SMALLEST)), 1)
    mean: Values = (precision * mu).sum(axis=0) / (1 + (precision - 1).sum(axis=0))
    return np.clip(mean, -MAX_LATENT, MAX_LATENT)


def moved(fit: Fit, evidence: Evidence) -> Fit:
    """Return a fit after a step to the most probable hand and forms."""
    precision = np.eye(len(fit.hand)) + evidence.precision.sum(axis=0)
    change = _shortened(np.linalg.solve(precision, evidence.slope.sum(axis=0) - fit.hand))
    forms = _shortened(evidence.forms - evidence.follow @ change)
    return Fit(*(np.clip(values, -MAX_LATENT, MAX_LATENT) for values in (fit.hand + change, fit.forms + forms)))


def posterior(fit: Fit, evidence: Evidence) -> Hand:
    """Return the posterior at the end of a fit."""
    letters, slopes = EVIDENCE * evidence.precision, EVIDENCE * evidence.slope
    precision = np.eye(len(fit.hand)) + letters.sum(axis=0)
    variance = np.diagonal(np.linalg.inv(precision))
    distances = _distances(letters, slopes, precision, slopes.sum(axis=0) - fit.hand)
    return Hand(fit.hand.astype(np.float32), np.log(variance).astype(np.float32), distances)


def _distances(letters: Values, slopes: Values, precision: Values, slope: Values) -> Values:
    """Return the distance of each letter from the others, (letters,), empty for a single letter.

    Args:
        letters: (letters, hand, hand), the precision that each letter adds.
        slopes: (letters, hand), the slope that each letter adds.
        precision: (hand, hand), that of all letters and the prior.
        slope: (hand,), likewise.
    """
    if len(letters) == 1:
        return np.empty(0)
    others = precision - letters
    # The slope of each letter at the hand of the others, and its covariance where all are of one hand.
    there = np.linalg.solve(others, (slope - slopes)[..., None])
    own = slopes[..., None] - letters @ there  # (letters, hand, 1)
    covariance = letters + letters @ np.linalg.solve(others, letters)
    squared = own.swapaxes(1, 2) @ np.linalg.pinv(covariance, hermitian=True) @ own
    return np.sqrt(np.maximum(squared[:, 0, 0], 0) / len(slope))


def _evidence(model: Model, fit: Fit, pixels: Pixels, labels: Labels) -> Program[Evidence]:
    """Decode letters in the hand and the forms of a fit, and with each latent moved a little, and compare them."""
    z = np.hstack([np.tile(fit.hand, (len(labels), 1)), fit.forms])
    changes = DIFFERENCE * np.eye(1 + z.shape[1], z.shape[1], -1)  # nothing, then each latent
    rows = (z[:, None] + changes).reshape(-1, z.shape[1]).astype(np.float32)
    decoded = yield from model.decode(rows, np.repeat(labels, len(changes)))
    evidence: Evidence = yield Offload(fitting(decoded.size), compared, (fit, pixels, decoded))
    return evidence


def compared(fit: Fit, pixels: Pixels, decoded: Pixels) -> Evidence:
    """Compute what letters say of a hand.

    Args:
        fit: A hand, and the forms.
        pixels: (letters, 28, 28).
        decoded: (letters · (1 + latents), 28, 28), each letter by the fit, and then with `DIFFERENCE` added to each
            latent alone.
    """
    size, count = len(fit.hand), len(pixels)
    drawn = decoded.reshape(count, -1, pixels[0].size).astype(np.float32) / NOISE
    residual = (pixels.reshape(count, -1, 1) / NOISE) - drawn[:, 0, :, None]  # (letters, pixels, 1)
    slopes = (drawn[:, 1:] - drawn[:, :1]) / DIFFERENCE  # (letters, latents, pixels)
    curvature = (slopes @ slopes.swapaxes(1, 2)).astype(np.float64)
    pull = (slopes @ residual)[..., 0].astype(np.float64)
    of_forms = curvature[:, size:, size:] + STIFFNESS * np.eye(fit.forms.shape[1])
    both = curvature[:, :size, size:]  # (letters, hand, form)
    follow = np.linalg.solve(of_forms, both.swapaxes(1, 2)).astype(np.float64)
    forms = np.linalg.solve(of_forms, (pull[:, size:] - STIFFNESS * fit.forms)[..., None]).astype(np.float64)
    return Evidence(
        precision=curvature[:, :size, :size] - both @ follow,
        slope=pull[:, :size] - (both @ forms)[..., 0],
        forms=forms[..., 0],
        follow=follow,
    )


def _shortened(change: Values) -> Values:
    return np.clip(change, -LONGEST_STEP, LONGEST_STEP)
