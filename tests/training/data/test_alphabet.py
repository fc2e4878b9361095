import unicodedata

import pytest

from glyphvae_training.data.alphabet import ALPHABET, CHARACTERS, DOTLESS, INDEX, MARKS, decompose
from glyphvae_training.data.sources import CAPITALS, DIGITS, SMALL_LETTERS

LATIN_1 = [chr(code) for code in range(0xC0, 0x100) if chr(code).isalpha()]


def test_the_sequence_of_labels() -> None:
    assert ALPHABET[:CHARACTERS] == DIGITS + CAPITALS + SMALL_LETTERS
    assert "".join(ALPHABET[CHARACTERS:94]) == "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    assert "".join(ALPHABET[94:119]) == "‘’“”–—…¡¿«»€£§°ßæøÆØðþÐÞ" + DOTLESS
    assert ALPHABET[119:] == MARKS == tuple("\u0300\u0301\u0302\u0303\u0308\u030a\u0327")
    assert len(INDEX) == len(ALPHABET) == 126
    assert all(ALPHABET[index] == character for character, index in INDEX.items())


def test_printable_ascii_is_covered() -> None:
    assert all(decompose(chr(code)) == (chr(code),) for code in range(0x21, 0x7F))


@pytest.mark.parametrize("letter", LATIN_1)
def test_every_letter_of_latin_1_has_its_parts(letter: str) -> None:
    parts = decompose(letter)
    assert set(parts) <= set(ALPHABET)
    assert unicodedata.normalize("NFC", "".join(parts).replace(DOTLESS, "i")) == letter
    assert decompose(unicodedata.normalize("NFD", letter)) == parts
    assert len(parts) == (1 if letter in "ßæøÆØðþÐÞ" else 2)


def test_an_i_loses_its_dot_below_a_mark() -> None:
    assert decompose("ï") == (DOTLESS, "\u0308")
    assert decompose("Ï") == ("I", "\u0308")
    assert decompose("i\u0327") == ("i", "\u0327")
    assert decompose("i") == ("i",)


@pytest.mark.parametrize("character", ["ж", "ő", " "])
def test_what_the_alphabet_lacks(character: str) -> None:
    with pytest.raises(ValueError, match="the pen cannot write"):
        decompose(character)
