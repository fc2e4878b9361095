"""Forms of letters that recur in a word: a hand does not write the same letter twice."""

from math import sqrt

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from glyphvae.text.symbols import BREAK, Symbols

# Standard deviations, per latent, that a letter differs by from the one before it in a word: half as much again as two
# differ by at random, which is hardly seen in `ll` or `oo`.
_DISTANCE = 2.2


def apart(deviations: NDArray[float32], script: Symbols, variation: float) -> NDArray[float32]:
    """Return deviations of which those of a letter that recurs in a word differ visibly.

    One that is too near to that of the same letter before it is turned away from it, and lengthened.

    Args:
        deviations: (n, latent) of the glyphs of a text from its style, 0 in latents that do not vary.
        script: Its symbols.
        variation: Their standard deviation; with 0 all letters are repeated as they are.
    """
    pairs = _repeated(script)
    if not pairs or not variation:
        return deviations
    found = deviations.copy()
    least = _DISTANCE * variation * sqrt(np.count_nonzero(deviations.any(axis=0)))
    for before, after in pairs:
        away = found[after] - found[before]
        distance = float(np.linalg.norm(away))
        if 0 < distance < least:
            # From the style if that leads away from the other, so that runs of a letter do not wander off.
            start = np.maximum(np.sign(away @ found[before]), 0) * found[before]
            found[after] = start + away * (least / distance)
    return found


def _repeated(script: Symbols) -> list[tuple[int, int]]:
    """Return the numbers of the glyphs of a text that repeat another one's label in a word, after that one's."""
    pairs: list[tuple[int, int]] = []
    latest: dict[int, int] = {}
    glyph = 0
    for symbol in script.symbols.tolist():
        if symbol >= 0:
            if symbol in latest:
                pairs.append((latest[symbol], glyph))
            latest[symbol] = glyph
            glyph += 1
        elif symbol != BREAK:
            latest.clear()
    return pairs
