"""Handwriting fonts that serve as writers: their parts, their families, and which characters are left out.

All are of Fontsource, under the SIL Open Font License 1.1 or Apache-2.0. Families were read off the copyright of each
file, characters to leave out were found by looking at all of them.
"""

from typing import Literal

from glyphvae_training.data.alphabet import CIRCUMFLEX, DIAERESIS, DOTLESS, MARKS, TILDE
from glyphvae_training.data.sources import SMALL_LETTERS

Part = Literal["train", "validation", "test"]

# Each part has light and heavy, upright and slanted, narrow and wide hands.
TEST = (
    "gochi-hand",
    "handlee",
    "kalam",
    "marck-script",
    "neucha",
    "reenie-beanie",
    "sedgwick-ave",
    "short-stack",
)
VALIDATION = (
    "bad-script",
    "coming-soon",
    "delicious-handrawn",
    "delius",
    "just-another-hand",
    "kristi",
    "mansalva",
    "mynerve",
)
TRAIN = (
    "amatic-sc",
    "annie-use-your-telescope",
    "architects-daughter",
    "caveat",
    "caveat-brush",
    "cedarville-cursive",
    "chilanka",
    "comic-neue",
    "crafty-girls",
    "darumadrop-one",
    "dawning-of-a-new-day",
    "edu-nsw-act-foundation",
    "edu-sa-beginner",
    "gaegu",
    "gamja-flower",
    "gloria-hallelujah",
    "hachi-maru-pop",
    "hi-melody",
    "indie-flower",
    "itim",
    "kavivanar",
    "klee-one",
    "la-belle-aurore",
    "long-cang",
    "loved-by-the-king",
    "mali",
    "nanum-brush-script",
    "nanum-pen-script",
    "nothing-you-could-do",
    "over-the-rainbow",
    "permanent-marker",
    "playpen-sans",
    "playwrite-us-trad",
    "rancho",
    "rock-salt",
    "shadows-into-light",
    "sriracha",
    "sue-ellen-francisco",
    "sunshiney",
    "swanky-and-moo-moo",
    "the-girl-next-door",
    "twinkle-star",
    "waiting-for-the-sunrise",
    "walter-turncoat",
    "yomogi",
    "zeyada",
)
FONTS: dict[Part, tuple[str, ...]] = {"train": TRAIN, "validation": VALIDATION, "test": TEST}

# Fonts of one designer or one foundry, who write in one hand more than two strangers do. Others are alone.
FAMILIES = {
    "Kimberly Geswein": (
        "annie-use-your-telescope",
        "architects-daughter",
        "cedarville-cursive",
        "dawning-of-a-new-day",
        "gloria-hallelujah",
        "indie-flower",
        "la-belle-aurore",
        "loved-by-the-king",
        "nothing-you-could-do",
        "over-the-rainbow",
        "shadows-into-light",
        "sue-ellen-francisco",
        "swanky-and-moo-moo",
        "the-girl-next-door",
        "waiting-for-the-sunrise",
        "zeyada",
    ),
    "Font Diner": ("crafty-girls", "permanent-marker", "rancho", "rock-salt", "sunshiney", "walter-turncoat"),
    "Pablo Impallari and Cadson Demak": ("caveat", "caveat-brush", "itim", "mali", "sriracha"),
    "Australian school hands": ("edu-nsw-act-foundation", "edu-sa-beginner"),
    "YoonDesign": ("gamja-flower", "hi-melody"),
    "Carolina Short": ("mansalva", "mynerve"),
    "Sandoll": ("nanum-brush-script", "nanum-pen-script"),
    "TypeTogether": ("playpen-sans", "playwrite-us-trad"),
}

# Small letters, and with them the marks above small letters, are small capitals.
SMALL_CAPITALS = "".join((*SMALL_LETTERS, *"ßæøðþ", DOTLESS, *MARKS))
# By font, the characters that a reader does not recognise, or would take for others.
LEFT_OUT = {
    "amatic-sc": SMALL_CAPITALS,
    "cedarville-cursive": "DGIJZÐbfrsz&§",  # cursive forms, like k and 3; an ampersand like a plus
    "crafty-girls": "V",  # like a gamma
    "darumadrop-one": "…",  # at mid-height
    "dawning-of-a-new-day": "DFGIJQSTÐÆbofrsz°ij",  # cursive forms, like œ; no dots
    "gaegu": "‘’“”",  # the width of an em
    "gochi-hand": "Gz",  # like 6 and 3
    "hachi-maru-pop": "ijl,;'‘’“”°…",  # rings for dots, dots for commas and quotes; an em wide; at mid-height
    "hi-melody": ".:;…¡¿°",  # rings in the place of dots; an em wide
    "just-another-hand": f"~{TILDE}",  # doubled
    "kavivanar": "ij",  # no dots
    "klee-one": "…",  # at mid-height
    "kristi": f"Jnr§{CIRCUMFLEX}{TILDE}{DIAERESIS}",  # like a slash, h and }; accents all like an acute
    "la-belle-aurore": "DGIJÐqr&%",  # cursive forms, like 8; an ampersand like a plus
    "long-cang": "fr`&£…–°",  # a small capital; like t; a comma; a crossed s; euro; at mid-height; an em wide
    "mali": "r,;:‘’“”",  # like p and small digits
    "mansalva": "Qq",  # crossed and underlined
    "mynerve": "Qq",  # crossed and underlined
    "nanum-brush-script": ".,",  # below the baseline
    "nothing-you-could-do": "kq&%¡¿",  # a capital; like e; scribbled; lighter than the rest
    "over-the-rainbow": "FXZqxyz!?&%",  # like 7, p, t, 8, p, yr, c, (, 2, 8 and a scribble
    "permanent-marker": SMALL_CAPITALS + "&",  # like a plus
    "playwrite-us-trad": "GIJZrsz",  # cursive forms
    "rock-salt": SMALL_CAPITALS,
    "sedgwick-ave": "0",  # crossed like Ø
    "shadows-into-light": "&[]",  # like a d; far below the baseline
    "sunshiney": "rÞ",  # like p and Ð
    "swanky-and-moo-moo": ".…",  # twice as heavy as the rest
    "the-girl-next-door": "q",  # like e
    "twinkle-star": "0GIJOQØ\\",  # curls; a vertical line
    "waiting-for-the-sunrise": "Ccr",  # like L and v
    "walter-turncoat": SMALL_CAPITALS,
    "yomogi": ".,:;'‘’“”…—",  # twice as heavy as the rest; as wide as an em
    "zeyada": f"JKQXÆfitx{DOTLESS}#&*}}",  # scribbled; like U, n, b, 2, z, n, 2 and 3
}
