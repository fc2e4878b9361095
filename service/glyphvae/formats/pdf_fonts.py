"""Fonts of a PDF's text that is not seen: Courier, which every viewer has, and whose characters are equally wide.

Characters of Windows-1252 have its codes. Others get codes in more fonts, 255 each, with maps from codes to Unicode.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

# Of every character, in thousandths of the font's size.
WIDTH = 600

# Without the space that breaks no line and the hyphen that is not seen, which viewers read as usual ones.
_STANDARD = {
    character: code
    for code in (*range(0x20, 0x7F), *range(0x80, 0x100))
    if (character := bytes([code]).decode("cp1252", "ignore")) and code not in {0xA0, 0xAD}
}
_CODES = 255
# Mappings of a block in a map.
_BLOCK = 100
_SURROGATES = range(0xD800, 0xE000)
_UNKNOWN = "\ufffd"
_FONT = "<</Type/Font/Subtype/Type1/BaseFont/Courier"
_DESCRIPTION = (
    "<</Type/FontDescriptor/FontName/Courier/Flags 35/FontBBox[-23 -250 715 805]/ItalicAngle 0/Ascent 629/Descent -157"
    "/CapHeight 562/StemV 51>>"
)
_MAP = (
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
    "/CIDSystemInfo <</Registry (Adobe)/Ordering (UCS)/Supplement 0>> def\n"
    "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
    "1 begincodespacerange <00> <ff> endcodespacerange\n{}"
    "endcmap CMapName currentdict /CMap defineresource pop end end\n"
)


class Fonts:
    """The fonts of a document, number 0 with the standard encoding, and as many more as its characters need."""

    def __init__(self) -> None:
        self._others: dict[str, int] = {}

    def runs(self, text: str) -> list[tuple[int, bytes]]:
        """Return a text as codes, each run of them with the number of its font."""
        codes = [self._code(character) for character in text]
        return [(font, bytes(code for _, code in run)) for font, run in groupby(codes, itemgetter(0))]

    def _code(self, character: str) -> tuple[int, int]:
        code = _STANDARD.get(character)
        if code is not None:
            return 0, code
        if ord(character) in _SURROGATES:
            character = _UNKNOWN
        index = self._others.setdefault(character, len(self._others))
        return 1 + index // _CODES, 1 + index % _CODES

    def objects(self, add: Callable[[str], int], add_stream: Callable[[bytes], int]) -> list[str]:
        """Return the fonts as PDF objects.

        Args:
            add: Adds an object to the document and returns its number.
            add_stream: Adds a stream to the document and returns its number.
        """
        fonts = [f"{_FONT}/Encoding/WinAnsiEncoding>>"]
        others = list(self._others)
        described = add(_DESCRIPTION) if others else 0
        for first in range(0, len(others), _CODES):
            characters = others[first : first + _CODES]
            codes = range(1, len(characters) + 1)
            names = "".join(f"/u{ord(character):04X}" for character in characters)
            widths = " ".join([str(WIDTH)] * len(characters))
            fonts.append(
                f"{_FONT}/FirstChar 1/LastChar {codes[-1]}/Widths[{widths}]/FontDescriptor {described} 0 R"
                f"/Encoding<</Type/Encoding/Differences[1{names}]>>"
                f"/ToUnicode {add_stream(_unicode_map(characters))} 0 R>>"
            )
        return fonts


def _unicode_map(characters: Sequence[str]) -> bytes:
    """Return the map from codes, from 1 on, to characters."""
    lines = [f"<{code:02x}> {_utf16(character)}\n" for code, character in enumerate(characters, 1)]
    blocks = [lines[first : first + _BLOCK] for first in range(0, len(lines), _BLOCK)]
    mapped = "".join(f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n" for block in blocks)
    return _MAP.format(mapped).encode()


def text_string(text: str) -> str:
    """Return a text as it stands in dictionaries."""
    return _utf16("\ufeff" + text)


def _utf16(text: str) -> str:
    return f"<{text.encode('utf-16-be', 'replace').hex()}>"
