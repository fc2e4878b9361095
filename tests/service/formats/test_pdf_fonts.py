import pytest

from glyphvae.formats.pdf_fonts import Fonts, text_string


def objects_of(fonts: Fonts) -> tuple[list[str], list[str]]:
    """Return the fonts as objects, and their maps, which are numbered from 91 on."""
    maps: list[str] = []

    def add(content: bytes) -> int:
        maps.append(content.decode("ascii"))
        return 90 + len(maps)

    return fonts.objects(add), maps


def test_windows_1252_is_written_in_its_own_codes() -> None:
    fonts = Fonts()
    assert fonts.runs("Zoë’s €5 – „ja“…") == [(0, "Zoë’s €5 – „ja“…".encode("cp1252"))]
    objects, maps = objects_of(fonts)
    assert objects == ["<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>"]
    assert maps == []


def test_other_characters_get_codes_and_a_map_to_unicode() -> None:
    fonts = Fonts()
    assert fonts.runs("aŁłb") == [(0, b"a"), (1, b'!"'), (0, b"b")]
    assert fonts.runs("ł😀") == [(1, b'"#')]
    (_, font), (mapped,) = objects_of(fonts)
    assert font.endswith("/ToUnicode 91 0 R>>")
    assert "3 beginbfchar\n<21> <0141>\n<22> <0142>\n<23> <d83dde00>\nendbfchar\n" in mapped


def test_many_characters_take_several_fonts() -> None:
    fonts = Fonts()
    text = "".join(map(chr, range(0x400, 0x400 + 200)))
    runs = fonts.runs(text)
    assert [(font, len(codes)) for font, codes in runs] == [(1, 94), (2, 94), (3, 12)]
    assert (min(runs[0][1]), max(runs[0][1])) == (0x21, 0x7E)
    objects, maps = objects_of(fonts)
    assert (len(objects), len(maps)) == (4, 3)


@pytest.mark.parametrize(("character", "stands"), [("\u00ad", "00ad"), ("\x07", "0007"), ("\ud800", "fffd")])
def test_what_viewers_would_change_is_mapped_too(character: str, stands: str) -> None:
    fonts = Fonts()
    assert fonts.runs(character) == [(1, b"!")]
    assert f"<21> <{stands}>" in objects_of(fonts)[1][0]


def test_texts_of_dictionaries_are_unicode() -> None:
    assert text_string("(é") == "<feff002800e9>"
