"""Slow changes of a hand along its lines: no one keeps baseline, slant and distances as a ruler does.

Everything is drawn from a seed in the order of the text, so that a longer text begins as a shorter one does, unless its
lines are broken elsewhere.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.models.latents import draw_drift

# Standard deviations with an amount of 1, chosen by looking at texts: of the slant, a shear; of the distances of
# letters and of words, of a line's place and of the baseline around it, in glyph pixels; of its slope.
_SLANT, _LETTERS, _WORDS, _PLACE, _BASELINE, _SLOPE = 0.025, 0.3, 0.7, 0.5, 0.38, 0.003
# What is more than so many deviations would be seen as a mistake, in a space.
_USUAL = 1.25
# Letters and glyph pixels from one drawn value to the next; between them it changes smoothly.
_GLYPHS, _PIXELS = 7, 48
# Values that are drawn for a text, and for each of its lines; after the last one comes the first.
_OF_TEXT, _OF_LINE = 128, 32


@dataclass(frozen=True)
class Drift:
    """The drift of a text along its lines.

    Attributes:
        amount: 1 as usual, 0 for lines as by a ruler.
        seed: 0 to `MAX_SEED`.
        guided: Whether rules guide the hand, so that whole lines are neither off them nor aslant.
    """

    amount: float = 0.0
    seed: int = 0
    guided: bool = False

    def slants(self, n: int) -> NDArray[float64]:
        """Return (n,) the shear of each letter of a text, to the right per height."""
        return self.amount * _SLANT * _smooth(self._of_text[0], np.arange(n) / _GLYPHS)

    def letters(self, n: int) -> NDArray[float64]:
        """Return (n,) what is added to the distance after each letter, in glyph pixels."""
        return self.amount * _LETTERS * _smooth(self._of_text[1], np.arange(n) / _GLYPHS)

    def words(self, n: int) -> NDArray[float64]:
        """Return (n,) what is added to the space before each letter, if it begins a word, in glyph pixels."""
        drawn = np.clip(self._of_text[2], -_USUAL, _USUAL)
        found: NDArray[float64] = self.amount * _WORDS * np.resize(drawn, n)
        return found

    def baselines(self, line: NDArray[int64], x: NDArray[float64]) -> NDArray[float64]:
        """Return (n,) how far below its line's baseline each letter stands.

        Args:
            line: (n,) its line.
            x: (n,) its middle, in glyph pixels.
        """
        lines = int(line.max(initial=0)) + 1
        drawn = self._drawn(lines)[3 * _OF_TEXT :].reshape(lines, _OF_LINE + 2)
        place, slope = drawn[line, 0], drawn[line, 1]
        waves = _smooth(drawn[:, 2:], x / _PIXELS, line)
        whole = 0 if self.guided else _PLACE * place + _SLOPE * slope * x
        below: NDArray[float64] = self.amount * (whole + _BASELINE * waves)
        return below

    @cached_property
    def _of_text(self) -> NDArray[float64]:
        return self._drawn(0).reshape(3, _OF_TEXT)

    def _drawn(self, lines: int) -> NDArray[float64]:
        return draw_drift(self.seed, 3 * _OF_TEXT + lines * (_OF_LINE + 2))


def _smooth(drawn: NDArray[float64], place: NDArray[float64], row: NDArray[int64] | None = None) -> NDArray[float64]:
    """Return values at places between drawn ones, without a bend.

    Args:
        drawn: (values,), or (rows, values).
        place: (n,) >= 0.
        row: (n,) indices into the rows.
    """
    first = np.floor(place).astype(int64)
    share = place - first
    share *= share * (3 - 2 * share)
    before, after = first % drawn.shape[-1], (first + 1) % drawn.shape[-1]
    rows = () if row is None else (row,)
    begin = drawn[*rows, before]
    found: NDArray[float64] = begin + share * (drawn[*rows, after] - begin)
    return found
