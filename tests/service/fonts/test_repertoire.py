from glyphvae.fonts.repertoire import repertoire

ACUTE = "\u0301"


def test_letters_and_marks_make_accented_letters() -> None:
    found = repertoire(["A", "e", "i", "ı", ACUTE, "sch", "'"])
    assert found.characters == ("A", "e", "i", "ı", ACUTE, "'", "Á", "é", "í")
    assert found.is_mark.tolist() == [name == ACUTE for name in found.characters]
    # The last three are letters with the mark; í stands on a letter without its dot.
    assert found.number.tolist() == [0, 1, 2, 3, 4, 5, 0, 4, 1, 4, 3, 4]
    assert found.carrier.tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 8, 8, 10, 10]


def test_a_label_is_no_composed_letter() -> None:
    assert repertoire(["e", "é", ACUTE]).characters == ("e", "é", ACUTE)
    assert repertoire(["e", "e" + ACUTE, ACUTE]).characters == ("e", ACUTE)


def test_there_may_be_no_characters() -> None:
    assert repertoire(["sch"]).characters == ()


def test_small_characters_are_glyphs_of_their_own() -> None:
    found = repertoire(["2", "a", "~"])
    assert found.characters == ("2", "a", "~", "ª", "²")
    assert found.number.tolist() == [0, 1, 2, 3, 4]
    assert found.script.levels.tolist()[::2] == [0, 0, 0, 1, 1]
    assert repertoire(["."]).characters == (".", "·")


def test_what_is_written_as_another_character_is_not_in_a_font() -> None:
    # A text has them all: Ø as O, ÷ as :, ĳ as ij, é as É and ß as SS.
    assert repertoire([*"Oij:ES", ACUTE]).characters == (*"Oij:ES", ACUTE, *"ÉÓíŚ")
