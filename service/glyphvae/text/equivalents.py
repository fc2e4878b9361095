"""Equivalents of characters without a label: white space, invisible characters, and the nearest other characters.

Compatibility forms follow Unicode Standard Annex 15 (NFKC); the table adds what Unicode does not call equivalent.
"""

import unicodedata
from typing import NamedTuple

SPACES = ("\t", *" \u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u205f\u3000")
NO_BREAK_SPACES = ("\u00a0", "\u2007", "\u202f")
LINE_BREAKS = ("\n", "\r", "\r\n", "\u0085", "\u2028", "\u2029")
# They have no shape: a soft hyphen, joiners, marks of the direction and of the byte order.
INVISIBLE = ("\u00ad", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff")
BREAK_OPPORTUNITY = "\u200b"
# A line may end after them between letters or digits; U+2011, which looks alike, forbids that.
HYPHENS = ("-", "\u2010", "–", "—")

# Quotes are looked for in this order: “ is " where there is no “, and ' twice where there is neither.
_NEAREST = {
    "‐": "-", "‒": "– -", "–": "-", "—": "– -", "―": "— – -", "−": "– -", "⁃": "-", "\u00af": "-", "¬": "-",
    "‘": "'", "’": "'", "‚": ",", "‛": "‘ '", "ʼ": "’ '", "ʻ": "‘ '", "′": "'", "‹": "<", "›": ">", "´": "’ '",
    "“": "\" ''", "”": "\" ''", "„": ",, \"", "‟": "“ \"", "″": "\" ''", "«": "<<", "»": ">>", "¨": "\"",
    "¸": ",", "`": "' ‘", "˜": "~", "ˆ": "^", "•": "·  - .", "·": ".", "‧": "·  .", "∙": "· .", "¦": "|",
    "×": "x *", "÷": ": /", "±": "+/-", "⁄": "/", "∕": "/", "¢": "c", "¥": "Y", "€": "EUR", "£": "GBP", "¤": "o",
    "©": "(c)", "®": "(r)", "¶": "P", "\u03bc": "u", "¡": "!", "¿": "?", "æ": "ae", "Æ": "AE",
    "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "TH", "ø": "o", "Ø": "O", "ð": "d", "Ð": "D", "ß": "ss", "ẞ": "SS",
}  # fmt: skip
# Unicode's names of what small raised or lowered characters are made of.
_RAISED, _LOWERED, _FRACTION, _SLASH = "<super>", "<sub>", "<fraction>", "\u2044"


class Part(NamedTuple):
    """A character of a composition.

    Attributes:
        name: The character.
        level: 1 for one that is small and raised, -1 for one that is small and lowered, else 0.
    """

    name: str
    level: int


def nearest(character: str) -> list[str]:
    """Return what a character may be written as instead, the best first; nothing if there is nothing like it."""
    compatible = unicodedata.normalize("NFKC", character).replace(_SLASH, "/")
    found = _NEAREST.get(character, "").split()
    if compatible != character and not compatible.startswith(" "):
        found += [compatible, *_NEAREST.get(compatible, "").split()]
    return found


def composition(character: str) -> list[Part]:
    """Return the small characters that ², ½, ª, ™, · and their like consist of; nothing for other characters."""
    if character == "·":  # Unicode has none for it
        return [Part(".", 1)]
    kind, *codes = unicodedata.decomposition(character).split() or [""]
    parts = [chr(int(code, 16)) for code in codes] if kind in {_RAISED, _LOWERED, _FRACTION} else []
    if kind != _FRACTION:
        return [Part(part, 1 if kind == _RAISED else -1) for part in parts]
    bar = parts.index(_SLASH)
    levels = [1] * bar + [0] + [-1] * (len(parts) - bar - 1)
    return [Part("/" if part == _SLASH else part, level) for part, level in zip(parts, levels, strict=True)]
