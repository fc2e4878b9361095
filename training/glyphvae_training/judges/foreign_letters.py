"""Letters of other scripts, drawn by fonts: they look written and are no characters of the alphabet.

A classifier that learns from them detects letters of fonts and of scripts that it has not seen, too (Hendrycks et al.,
"Deep anomaly detection with outlier exposure", arXiv:1812.04606). Letters that look like a character of the alphabet,
such as О, are left out: no picture tells them apart.
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.alphabet import INDEX
from glyphvae_training.data.dataset import Split, first_of_each
from glyphvae_training.data.entries import DataFolder
from glyphvae_training.data.fonts import Font, Ink, Variation, drawing_key
from glyphvae_training.data.outliers import is_broad
from glyphvae_training.data.pixels import SIDE, normalise
from glyphvae_training.measures.hog import hog
from glyphvae_training.measures.prdc import nearest

Picture = NDArray[np.uint8]

# The alphabet, and letters of other scripts that have the form of one of its characters by their origin.
KNOWN = frozenset("ªºΑΒΕΖΗΙΚΜΝΟΡΤΥΧικνορυχАВЕЗКМНОРСТУХЬЅІЈаекморсухьѕіј") | INDEX.keys()
# Packages @fontsource/NAME by the script that a file of theirs, NAME-SCRIPT-400-normal.woff2, has.
FONTS = {
    "adlam": ("noto-sans-adlam",),
    "arabic": ("noto-kufi-arabic", "noto-naskh-arabic", "playpen-sans-arabic"),
    "armenian": ("noto-sans-armenian", "noto-serif-armenian"),
    "balinese": ("noto-sans-balinese",),
    "bengali": ("noto-sans-bengali",),
    "cyrillic": (
        "amatic-sc",
        "caveat",
        "comfortaa",
        "noto-sans",
        "noto-serif",
        "pangolin",
        "playpen-sans",
    ),
    "devanagari": ("noto-sans-devanagari", "playpen-sans-deva"),
    "ethiopic": ("noto-sans-ethiopic",),
    "georgian": ("noto-sans-georgian", "noto-serif-georgian"),
    "glagolitic": ("noto-sans-glagolitic",),
    "gothic": ("noto-sans-gothic",),
    "greek": ("comfortaa", "gfs-didot", "gfs-neohellenic", "noto-sans", "noto-serif"),
    "gujarati": ("noto-sans-gujarati",),
    "gurmukhi": ("noto-sans-gurmukhi",),
    "hebrew": (
        "amatic-sc",
        "gveret-levin",
        "noto-sans-hebrew",
        "noto-serif-hebrew",
        "playpen-sans-hebrew",
    ),
    "javanese": ("noto-sans-javanese",),
    "kannada": ("noto-sans-kannada",),
    "khmer": ("noto-sans-khmer",),
    "lao": ("noto-sans-lao",),
    "malayalam": ("chilanka",),
    "meetei-mayek": ("noto-sans-meetei-mayek",),
    "myanmar": ("noto-sans-myanmar",),
    "nko": ("noto-sans-nko",),
    "ol-chiki": ("noto-sans-ol-chiki",),
    "old-permic": ("noto-sans-old-permic",),
    "osmanya": ("noto-sans-osmanya",),
    "runic": ("noto-sans-runic",),
    "samaritan": ("noto-sans-samaritan",),
    "sinhala": ("noto-sans-sinhala",),
    "syriac": ("noto-sans-syriac",),
    "tai-tham": ("noto-sans-tai-tham",),
    "tamil": ("kavivanar", "noto-sans-tamil"),
    "telugu": ("noto-sans-telugu",),
    "thaana": ("noto-sans-thaana",),
    "thai": ("itim", "mali", "playpen-sans-thai", "sriracha"),
    "tifinagh": ("noto-sans-tifinagh",),
    "vai": ("noto-sans-vai",),
}
# Pictures of each font, so that scripts of many letters weigh no more than others.
EACH = 600
# Pixels of a cap height: twice what NIST's characters were scanned with.
CAP = 80
# Standard deviations of slant and width, and the limits of weight: handwriting differs more than fonts.
SLANT, WIDTH = 0.15, 0.12
THINNER, BOLDER = -0.02, 0.05
# Of each label, so many characters are compared with letters; of these, one in so many is held out.
COMPARED, HELD = 220, 11
# A letter is a look-alike if its nearest character is as near as that of this share of characters.
ALIKE = 0.9


def find_foreign_fonts(folder: Path) -> dict[str, bytes]:
    """Return the content of each font of another script in a data folder, by NAME-SCRIPT.

    Args:
        folder: Holds any of them, at any depth, as `NAME-SCRIPT-400-normal.woff2` or `NAME-SCRIPT.woff2`; or none.

    Raises:
        DataMissingError: It is not a folder.
    """
    found = DataFolder(folder)
    names = [f"{name}-{script}" for script, names in FONTS.items() for name in names]
    entries = {name: found.first(rf"{name}(-400-normal)?\.woff2") for name in names}
    return {name: entry.read() for name, entry in entries.items() if entry}


def key_of(fonts: Mapping[str, bytes]) -> str:
    """Return a hash of fonts and of how this module draws them; empty without fonts."""
    return drawing_key(fonts, __file__) if fonts else ""


def draw_letters(fonts: Mapping[str, bytes], characters: Split, rng: np.random.Generator, each: int = EACH) -> Picture:
    """Draw letters of other scripts, each time in another hand; about 1 ms each.

    Args:
        fonts: Their content by name.
        characters: Of the alphabet, whose look-alikes are left out.
        rng: Everything random.
        each: Pictures of each font.

    Returns:
        (n, 28, 28) in the convention `mnist-20x20-mass`, paper 0, ink 255. A font without letters adds none.

    Raises:
        DataError: A font cannot be read.
    """
    letters = {name: letters_of(Font(name, content, CAP)) for name, content in fonts.items()}
    alike = look_alikes([pair for drawn in letters.values() for pair in drawn.items()], characters)
    pictures = [np.empty((0, SIDE, SIDE), np.uint8)]
    for drawn in letters.values():
        if kept := [ink for letter, ink in drawn.items() if letter not in alike]:
            pictures += [_fitted(_varied(kept[int(rng.integers(len(kept)))], rng)) for _ in range(each)]
    return np.concatenate(pictures)


def letters_of(font: Font) -> dict[str, Ink]:
    """Draw the letters of a font that are not of the alphabet, strokes aside, which may be a 1 or a dash."""
    drawn = {letter: font.draw(letter) for letter in font.characters if is_letter(letter)}
    return {letter: ink for letter, ink in drawn.items() if ink and is_broad(ink.pixels)}


def is_letter(character: str) -> bool:
    """Return whether a character is a letter of another script and is drawn unlike those of the alphabet."""
    is_foreign = "LATIN" not in unicodedata.name(character, "LATIN")
    return is_foreign and unicodedata.category(character) in {"Lu", "Ll", "Lo"} and character not in KNOWN


def look_alikes(letters: list[tuple[str, Ink]], characters: Split) -> set[str]:
    """Return the letters that are as near to some character as characters are to each other.

    Compared are histograms of oriented gradients; of a letter in several fonts, the median distance counts.
    """
    if not letters:
        return set()
    compared = hog(first_of_each(characters, COMPARED).images)
    is_held = np.arange(len(compared)) % HELD == 0
    near = np.quantile(nearest(compared[is_held], compared[~is_held]), ALIKE)
    apart = nearest(hog(np.concatenate([_fitted(ink) for _, ink in letters])), compared[~is_held])
    found: dict[str, list[float]] = {}
    for (letter, _), distance in zip(letters, apart.tolist(), strict=True):
        found.setdefault(letter, []).append(distance)
    return {letter for letter, every in found.items() if np.median(every) <= near}


def _varied(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return a letter in another hand, as heavy as it is where its strokes would break or its counters close."""
    slant, width = rng.normal(0, [SLANT, WIDTH])
    other = Variation(slant, width).apply(ink) or ink
    return Variation(weight=rng.uniform(THINNER, BOLDER)).apply(other) or other


def _fitted(ink: Ink) -> Picture:
    return normalise(ink.pixels[None])
