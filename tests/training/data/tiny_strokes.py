"""Single-stroke fonts in which every character is one of few figures."""

from pathlib import Path

from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.drawn_strokes import DRAWN

# Of the font for tests: cap height 600, every character a T of two pieces, the stem drawn upwards.
PIECES = "M 100 0 L 100 600 M 0 600 L 200 600"
# What is cut has points to be cut at.
ARC = "M 200 600 L 100 550 L 0 450 L 0 300 L 0 150 L 100 50 L 200 0"


def svg_font(glyphs: dict[str, str]) -> str:
    found = "".join(f'<glyph unicode="&#{ord(character)};" d="{path}"/>' for character, path in glyphs.items())
    return f'<svg xmlns="http://www.w3.org/2000/svg"><defs><font>{found}</font></defs></svg>'


def write_fonts(folder: Path, special: dict[str, str]) -> Path:
    needed = [character for character in ALPHABET if character not in DRAWN]
    # As many pieces as the sequence of writing names.
    glyphs = dict.fromkeys(needed, PIECES) | dict.fromkeys("zZ", PIECES + " M 0 0 L 200 0")
    glyphs |= dict.fromkeys("38S&@€", ARC) | {"Ð": PIECES + " M 0 300 L 100 300"} | special
    for name in ("HersheySans1", "EMSReadability"):
        (folder / f"{name}.svg").write_text(svg_font(glyphs), encoding="utf-8")
    return folder
