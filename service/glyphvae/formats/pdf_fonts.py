"""Fonts of a PDF's text that is not seen: Courier, which every viewer has, and whose characters are equally wide.

Characters of Windows-1252 have its codes. Others get codes in more fonts, 94 each, with maps from codes to Unicode.
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
# The first code of others, and how many there are. PDFium leaves out text whose codes have no shape, so these have one.
_FIRST, _CODES = 0x21, 94
_SURROGATES = range(0xD800, 0xE000)
_UNKNOWN = "\ufffd"
_FONT = "<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding"
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
        return 1 + index // _CODES, _FIRST + index % _CODES

    def objects(self, add_stream: Callable[[bytes], int]) -> list[str]:
        """Return the fonts as PDF objects.

        Args:
            add_stream: Adds a stream to the document and returns its number.
        """
        others = list(self._others)
        parts = [others[first : first + _CODES] for first in range(0, len(others), _CODES)]
        return [f"{_FONT}>>", *(f"{_FONT}/ToUnicode {add_stream(_unicode_map(part))} 0 R>>" for part in parts)]


def _unicode_map(characters: Sequence[str]) -> bytes:
    """Return the map from codes to characters; no more of them than a block of it may have, which is a hundred."""
    lines = [f"<{code:02x}> {_utf16(character)}\n" for code, character in enumerate(characters, _FIRST)]
    return _MAP.format(f"{len(lines)} beginbfchar\n{''.join(lines)}endbfchar\n").encode()


def text_string(text: str) -> str:
    """Return a text as it stands in dictionaries."""
    return _utf16("\ufeff" + text)


def _utf16(text: str) -> str:
    return f"<{text.encode('utf-16-be', 'replace').hex()}>"
