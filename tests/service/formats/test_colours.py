from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.formats.colours import BLACK, WHITE, Colour, UnknownColourError, parse_ink, parse_paper

PART = st.integers(0, 255)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("black", BLACK),
        ("White", WHITE),
        ("navy", Colour(0, 0, 128)),
        ("#1a2b3c", Colour(26, 43, 60)),
        ("1A2B3C", Colour(26, 43, 60)),
        ("#f80", Colour(255, 136, 0)),
        ("f80", Colour(255, 136, 0)),
        ("rgb(1, 2,3)", Colour(1, 2, 3)),
        ("RGB( 255 ,0,0 )", Colour(255, 0, 0)),
        ("red", Colour(255, 0, 0)),
    ],
)
def test_every_notation_is_read(text: str, colour: Colour) -> None:
    assert parse_ink(text) == colour
    assert parse_paper(text) == colour


@given(PART, PART, PART)
def test_hexadecimal_and_decimal_notation_agree(red: int, green: int, blue: int) -> None:
    colour = Colour(red, green, blue)
    assert parse_ink(f"#{red:02x}{green:02X}{blue:02x}") == parse_ink(f"rgb({red},{green},{blue})") == colour


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "#12",
        "#1234",
        "#12345678",
        "blurple",
        "rgb(256,0,0)",
        "rgb(-1,0,0)",
        "rgb(1,2)",
        "rgb(١,٢,٣)",
        " red",
        "rgba(1,2,3,4)",
        "hsl(0,100%,50%)",
        "x" * 10000,
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UnknownColourError, match=r"allowed is a colour name.*#rrggbb"):
        parse_ink(text)
    with pytest.raises(UnknownColourError, match=r"allowed is transparent, a colour name"):
        parse_paper(text)


@given(st.text() | st.text("#0123456789abcdef", max_size=7))
def test_text_is_a_colour_or_refused(text: str) -> None:
    with suppress(UnknownColourError):
        colour = parse_ink(text)
        assert 0 <= min(colour.red, colour.green, colour.blue) <= max(colour.red, colour.green, colour.blue) <= 255


def test_only_paper_is_transparent() -> None:
    assert parse_paper("Transparent") is None
    with pytest.raises(UnknownColourError):
        parse_ink("transparent")


def test_grey_has_equal_parts() -> None:
    assert Colour(7, 7, 7).is_grey
    assert not Colour(7, 7, 8).is_grey
