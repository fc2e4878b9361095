import pytest
from pydantic import ValidationError

from glyphvae.api.pages import SIZES, PageParameters, title_of
from glyphvae.text.pages import Margins, PageGeometry


def geometry(**asked: object) -> PageGeometry:
    return PageParameters.model_validate(asked).geometry


def test_a_page_is_a_letter_on_a4_by_default() -> None:
    assert geometry() == PageGeometry(210, 297, Margins(21, 21, 21, 21), 9, 0.45 * 9, "plain", middle=False)


@pytest.mark.parametrize("name", SIZES)
def test_sizes_have_names(name: str) -> None:
    upright, across = geometry(size=name), geometry(size=name, landscape=True)
    assert (upright.width, upright.height) == (across.height, across.width) == SIZES[name]


@pytest.mark.parametrize("size", [[90, 40], [40, 90]])
def test_landscape_makes_the_longer_side_the_width(size: list[float]) -> None:
    assert (geometry(size=size).width, geometry(size=size).height) == tuple(size)
    turned = geometry(size=size, landscape=True)
    assert (turned.width, turned.height) == (90, 40)


@pytest.mark.parametrize(
    ("margin", "expected"), [(None, (4, 4, 4, 4)), (0, (0, 0, 0, 0)), (7.5, (7.5,) * 4), ([1, 2, 3, 4], (1, 2, 3, 4))]
)
def test_margins_are_one_or_four(margin: object, expected: tuple[float, ...]) -> None:
    assert geometry(size=[90, 40], margin=margin).margins == expected


@pytest.mark.parametrize(
    ("asked", "line", "letter"),
    [
        ({}, 9, 4.05),
        ({"lines": "squared"}, 10, 4.5),
        ({"line_height": 8}, 8, 3.6),
        ({"letter_height": 9}, 20, 9),
        ({"line_height": 8, "letter_height": 4}, 8, 4),
    ],
)
def test_letters_and_lines_suit_each_other(asked: dict[str, object], line: float, letter: float) -> None:
    found = geometry(**asked)
    assert (found.line_height, found.letter_height) == pytest.approx((line, letter))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("size", "A7", "Input should be A3, A4, A5, A6, Letter, Legal or [width, height] in millimetres, 10 to 2000"),
        ("size", [9, 40], "10 to 2000 each"),
        ("size", [40, 2001], "10 to 2000 each"),
        ("size", [40], "[width, height]"),
        ("size", [1.0] * 1000, "[width, height]"),
        ("margin", -1, "a number of millimetres, 0 to 1000, or [top, right, bottom, left]"),
        ("margin", [1, 2], "[top, right, bottom, left]"),
        ("lines", "dotted", "'plain', 'ruled' or 'squared'"),
        ("line_height", 0, "greater than or equal to 1"),
        ("letter_height", float("nan"), "finite"),
        ("number", 0, "greater than or equal to 1"),
        ("number", 101, "less than or equal to 100"),
    ],
)
def test_what_no_page_has_is_refused_once(field: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        geometry(**{field: value})
    (error,) = caught.value.errors()
    assert error["loc"] == (field,)
    assert says in error["msg"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        (" Dear\n Zoë, ", "Dear Zoë,"),
        ("a" * 60, "a" * 60),
        ("a" * 61, "a" * 60 + "…"),
        ("four " * 13, "four four four four four four four four four four four four…"),
    ],
)
def test_a_title_is_the_first_words(text: str, title: str) -> None:
    assert title_of(text) == title
