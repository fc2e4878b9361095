import pytest

from glyphvae.fonts.names import Names, ascii_name, file_name


@pytest.mark.parametrize(
    ("family", "name"), [("Zoë’s Hand", "ZoesHand"), ("手書き", ""), ("A (b) [c] /d%", "Abcd"), ("x" * 80, "x" * 55)]
)
def test_postscript_names_have_latin_letters_and_digits(family: str, name: str) -> None:
    assert ascii_name(family) == name
    names = Names(family, "1234", "Made.")
    assert names.postscript == f"{name or 'Hand1234'}-Regular"
    assert len(names.postscript) <= 63
    assert file_name(names) == (name or "Hand1234")


def test_names_that_are_not_given_are_left_out() -> None:
    assert set(Names("A", "1", "Made.").records()) == {
        *("familyName", "styleName", "uniqueFontIdentifier", "fullName", "version", "psName", "description")
    }
    assert Names("A", "1", "Made.", licence="Mine.").records()["licenseDescription"] == "Mine."
