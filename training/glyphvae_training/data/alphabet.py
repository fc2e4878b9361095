"""Labels of the pen: the 62 characters of `byclass`, then marks, foreign letters and the accents of Latin-1.

An accented letter has no label. It is written as a letter and the mark above or below it.
"""

import unicodedata

from glyphvae_training.data.sources import CAPITALS, DIGITS, SMALL_LETTERS

# Their size on paper is lost in the box that NIST and MNIST are scaled to; all other labels keep it.
BOXED = DIGITS + CAPITALS + SMALL_LETTERS
CHARACTERS = len(BOXED)
PRINTABLE = tuple(chr(code) for code in range(ord(" ") + 1, 0x7F))
QUOTES_AND_DASHES = tuple("‘’“”–—…")
SIGNS = tuple("¡¿«»€£§°")
FOREIGN_LETTERS = tuple("ßæøÆØðþÐÞ")
DOTLESS = "ı"
GRAVE, ACUTE, CIRCUMFLEX, TILDE, DIAERESIS, RING, CEDILLA = "\u0300\u0301\u0302\u0303\u0308\u030a\u0327"
MARKS = (GRAVE, ACUTE, CIRCUMFLEX, TILDE, DIAERESIS, RING, CEDILLA)
ALPHABET = (
    *BOXED,
    *(character for character in PRINTABLE if character not in BOXED),
    *QUOTES_AND_DASHES,
    *SIGNS,
    *FOREIGN_LETTERS,
    DOTLESS,
    *MARKS,
)
INDEX = {character: index for index, character in enumerate(ALPHABET)}

# Unicode's combining class of marks above a letter.
ABOVE = 230


def decompose(character: str) -> tuple[str, ...]:
    """Return the labels that a character is written with: itself, or a letter and its mark.

    Args:
        character: In any normalisation form. An i loses its dot below a mark.

    Raises:
        ValueError: The alphabet lacks a part of it.
    """
    letter, *marks = tuple(unicodedata.normalize("NFD", character))
    if letter == "i" and any(unicodedata.combining(mark) == ABOVE for mark in marks):
        letter = DOTLESS
    if lacking := [part for part in (letter, *marks) if part not in INDEX]:
        raise ValueError(f"the pen cannot write {character!r}: it has no {' and no '.join(map(repr, lacking))}")
    return letter, *marks
