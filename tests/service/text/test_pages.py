import numpy as np
import pytest

from glyphvae.formats.colours import LEVELS
from glyphvae.formats.svg import Word
from glyphvae.text.layout import LayoutError, Setting
from glyphvae.text.pages import INCH, Margins, PageGeometry, Pages, Ruling
from glyphvae.text.stroke_layout import set_strokes
from glyphvae.text.symbols import fold
from tests.service.text.pen import joined, stroke

LABELS = ("I",)
# A capital of 20 glyph pixels, which are a fifth of a millimetre each, and five lines.
MARGINS = Margins(10, 20, 6, 30)
GEOMETRY = PageGeometry(100, 60, MARGINS, 10, 4)
# Of the stroke below: a bar of two pixels that reaches from 2 below the baseline to 20 above it.
BAR = stroke(14, 5, 14, 25, baseline=24)


def paged(text: str, geometry: PageGeometry = GEOMETRY) -> Pages:
    script = fold(text, LABELS)
    setting = geometry.setting(Setting())
    return Pages(geometry, set_strokes(script, joined(*[BAR] * len(script.labels)), LABELS, setting), setting.margin)


def geometry_of(ruling: Ruling = "plain", *, middle: bool = False, line_height: float = 10) -> PageGeometry:
    return PageGeometry(100, 60, MARGINS, line_height, 4, ruling, middle)


def test_lengths_become_glyph_pixels() -> None:
    assert GEOMETRY.unit == 0.2
    # Between margins of 30 and 20 there are 50 mm; tails may hang into the smaller one.
    assert GEOMETRY.setting(Setting(align="right", word_space=7)) == Setting(
        width=250 + 2 * 100, align="right", word_space=7, line_height=50, margin=100
    )


def test_a_page_holds_the_lines_whose_baselines_are_between_its_margins() -> None:
    # Baselines at 14, 24, 34, 44 and 54; the lower margin begins at 54.
    assert GEOMETRY.capacity == 5
    assert GEOMETRY.baselines(5).tolist() == [14, 24, 34, 44, 54]
    assert PageGeometry(100, 59.9, MARGINS, 10, 4).capacity == 4


@pytest.mark.parametrize("geometry", [PageGeometry(100, 19, MARGINS, 10, 4), PageGeometry(50.1, 60, MARGINS, 10, 4)])
def test_a_page_without_room_is_refused(geometry: PageGeometry) -> None:
    with pytest.raises(LayoutError, match=r"leaves no room for capitals of 4 mm"):
        geometry.setting(Setting())


def test_a_line_is_a_glyph_pixel_high_at_least() -> None:
    assert PageGeometry(1000, 1000, MARGINS, 1, 400).setting(Setting()).line_height == 1


@pytest.mark.parametrize(
    ("ruling", "expected"), [("plain", [24, 34, 44]), ("ruled", [24, 34, 44]), ("squared", [24, 34, 44])]
)
def test_lines_in_the_middle_leave_as_much_above_as_below(ruling: Ruling, expected: list[float]) -> None:
    assert geometry_of(ruling, middle=True).baselines(3).tolist() == expected


def test_lines_in_the_middle_stand_on_rules_if_there_are_any() -> None:
    assert geometry_of("plain", middle=True).baselines(2).tolist() == [29, 39]
    assert geometry_of("ruled", middle=True).baselines(2).tolist() == [24, 34]


def test_plain_paper_has_no_rules() -> None:
    assert [len(places) for places in GEOMETRY.rules] == [0, 0]


def test_each_line_of_ruled_paper_has_a_rule() -> None:
    rows, columns = geometry_of("ruled").rules
    assert (rows.tolist(), columns.tolist()) == ([14, 24, 34, 44, 54], [])


@pytest.mark.parametrize(("line_height", "side"), [(10, 5), (9, 4.5), (3, 3), (14, 14 / 3)])
def test_squares_cover_the_paper_and_lines_stand_on_them(line_height: float, side: float) -> None:
    geometry = geometry_of("squared", line_height=line_height)
    rows, columns = geometry.rules
    assert np.diff(rows) == pytest.approx(side)
    assert np.diff(columns) == pytest.approx(side)
    for places, length in ((rows, 60), (columns, 100)):
        assert 0 < places[0] <= side
        assert length - side <= places[-1] < length
    assert np.abs(rows[:, None] - geometry.baselines(geometry.capacity)).min(axis=0) == pytest.approx(0, abs=1e-9)
    assert np.abs(columns - 30).min() == pytest.approx(0, abs=1e-9)


def test_lines_that_do_not_fit_are_on_the_next_page() -> None:
    pages = paged("\n".join(["I"] * 7))
    assert pages.count == 2
    first, second = pages.page(0), pages.page(1)
    assert (len(first.strokes), len(second.strokes)) == (5, 2)
    # The baseline is 24 glyph pixels below the cell's upper edge, and its bar begins 13 to the right of the left one.
    assert first.cells[:, 1] / 5 + 24 / 5 == pytest.approx([14, 24, 34, 44, 54])
    assert second.cells[:, 1] / 5 + 24 / 5 == pytest.approx([14, 24])
    assert first.cells[:, 0] / 5 + 13 / 5 == pytest.approx(30)
    assert second.curves().control[..., 1].max() / 5 == pytest.approx(24 + 1 / 5)


def test_a_text_without_letters_is_an_empty_page() -> None:
    pages = paged("")
    assert (pages.count, len(pages.page(0).strokes)) == (1, 0)
    assert not pages.draw(0, 72).any()


def test_words_move_with_their_lines() -> None:
    pages = paged("\n".join(["I"] * 6))
    words = [Word(f"{line}", 100, int(y), 2) for line, y in enumerate(pages.text.layout.baselines)]
    assert [word.text for word in pages.page(0, words).words] == list("01234")
    (last,) = pages.page(1, words).words
    assert (last.text, last.width) == ("5", 2)
    assert (last.x / 5, last.y / 5) == pytest.approx((30, 14))


@pytest.mark.parametrize("dpi", [72, 254, 600])
def test_letters_are_painted_where_they_stand_on_paper(dpi: int) -> None:
    picture = paged("I").draw(0, dpi)
    assert picture.shape == (round(60 * dpi / INCH), round(100 * dpi / INCH))
    rows, columns = (np.flatnonzero(picture.any(axis=axis)) * INCH / dpi for axis in (1, 0))
    pixel = INCH / dpi
    # The round ends of the bar are as far away as the pen is thick.
    assert [rows[0], rows[-1]] == pytest.approx([14 - 4, 14 + 0.4], abs=1.5 * pixel)
    assert [columns[0], columns[-1]] == pytest.approx([30, 30.4], abs=1.5 * pixel)


@pytest.mark.parametrize(("ruling", "rows", "columns"), [("ruled", 5, 0), ("squared", 12, 19)])
def test_rules_are_whole_pixels_below_the_ink(ruling: Ruling, rows: int, columns: int) -> None:
    pages = paged("I", geometry_of(ruling))
    picture, plain = pages.draw(0, 254), paged("I").draw(0, 254)
    on_rule = picture >= LEVELS
    assert np.array_equal(picture % LEVELS, plain // 2)
    # A fifth of a millimetre, which is two pixels.
    (whole_rows,), (whole_columns,) = np.nonzero(on_rule.all(axis=1)), np.nonzero(on_rule.all(axis=0))
    assert set(whole_rows) >= {139, 140, 239, 240, 339, 340, 439, 440, 539, 540}
    assert (len(whole_rows), len(whole_columns)) == (2 * rows, 2 * columns)
