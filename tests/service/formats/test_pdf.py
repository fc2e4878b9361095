"""Documents, as pypdf reads them strictly and as PDFium paints them."""

import io
import re
from collections.abc import Sequence

import numpy as np
import pypdf
import pypdfium2
import pytest
from numpy.typing import NDArray

from glyphvae.formats.colours import BLACK, WHITE, Colour
from glyphvae.formats.pdf import Page, Paper, document
from glyphvae.formats.svg import GLYPHS, Word
from glyphvae.vectors.paths import Curves, placed
from tests.service.support import counted_beats, expect_bar
from tests.service.vectors.support import strokes

CONSTANT, VARYING = [1, 1, 1, 1], [1, 1.3, 1, 0.8]
# A glyph pixel is a point.
PLAIN = Paper(28, 28, 1, BLACK, WHITE, Colour(0, 0, 255))
LATIN = "".join(map(chr, [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]))
QUOTES = "„“”‘’‚«»‹›–—…•€™œŒŠž"


def bars(*radii: Sequence[float]) -> Curves:
    """Return a bar for each radius, one below the other, each a glyph of the same cell."""
    n = len(radii)
    control = np.zeros((n, 1, 8, 2))
    control[..., 0], control[..., 1] = np.linspace(4, 24, 8), 5 + 6 * np.arange(n)[:, None, None]
    return placed(strokes(control, np.array(radii).reshape(n, 1, 4)), np.zeros(n), np.zeros(n), np.ones(n))


def made(*pages: Curves, paper: Paper = PLAIN, words: tuple[Word, ...] = (), title: str = "J") -> bytes:
    return document(paper, [Page(lambda curves=curves: curves, words) for curves in pages], title)  # type: ignore[misc]


def shown(content: bytes, scale: float = 4, page: int = 0) -> NDArray[np.uint8]:
    """Return a page as PDFium paints it on green paper."""
    file = pypdfium2.PdfDocument(content)
    picture = file[page].render(scale=scale, fill_color=(0, 255, 0, 255)).to_numpy()[..., ::-1]
    file.close()
    return np.array(picture, np.uint8)


def read(content: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(content), strict=True)


def selected(content: bytes) -> str:
    """Return the text that PDFium finds."""
    file = pypdfium2.PdfDocument(content)
    text: str = file[0].get_textpage().get_text_range()
    file.close()
    return text.replace("\r\n", "\n")


def contents(content: bytes, page: int = 0) -> str:
    return read(content).pages[page].get_contents().get_data().decode("ascii")  # type: ignore[union-attr]


@pytest.mark.parametrize("radius", [CONSTANT, [1, 1.2, 1, 1]])
def test_a_bar_is_where_it_is_in_pictures(radius: list[float]) -> None:
    ink = 255 - shown(made(bars(radius)))[..., 0]
    if radius == CONSTANT:
        expect_bar(ink, 5, 4)
    assert (ink[17:23, 20:90] == 255).all()


def test_a_width_that_stays_is_a_line_and_one_that_varies_an_outline() -> None:
    line, outline, both = (contents(made(bars(*radii))) for radii in ([CONSTANT], [VARYING], [CONSTANT, VARYING]))
    assert re.search(r" cm 40 w .* c\nS Q\n", line, re.DOTALL)
    assert re.search(r" c\nh\nf Q\n", outline, re.DOTALL)
    assert " w " not in outline
    assert " 1 J 1 j\n" in line  # round ends
    assert (both.count("S Q"), both.count("f Q")) == (1, 1)


def test_strokes_of_a_glyph_are_one_outline() -> None:
    control = [[np.stack([np.linspace(4, 24, 8), np.full(8, y)], axis=1) for y in (5.0, 9.0)]]
    curves = placed(strokes(control, [[VARYING, VARYING]]), np.zeros(1), np.zeros(1), np.ones(1))
    drawn = contents(made(curves))
    assert (drawn.count("f Q"), drawn.count("h\n")) == (1, 2)


def test_colours_are_those_of_ink_paper_and_rules() -> None:
    paper = Paper(28, 28, 1, Colour(200, 0, 0), Colour(0, 0, 96), Colour(0, 99, 0), 2, [20], [14])
    picture = shown(made(bars(CONSTANT), paper=paper))
    assert picture[20, 40].tolist() == [200, 0, 0]
    assert picture[2, 2].tolist() == [0, 0, 96]
    assert picture[80, 2].tolist() == picture[2, 56].tolist() == [0, 99, 0]
    assert picture[20, 56].tolist() == [200, 0, 0]  # ink is above rules


def test_transparent_paper_is_none() -> None:
    assert shown(made(bars(CONSTANT), paper=PLAIN._replace(paper=None)))[2, 2].tolist() == [0, 255, 0]


def test_rules_may_run_one_way_only() -> None:
    picture = shown(made(bars(), paper=PLAIN._replace(thickness=1, columns=[14])))
    assert (picture[:, 55:57] == [0, 0, 255]).all()
    assert (picture[:, :50] == 255).all()


def test_each_page_is_drawn_over_the_same_background() -> None:
    content = made(bars(CONSTANT), bars(), bars(VARYING, VARYING))
    file = read(content)
    assert len(file.pages) == 3
    assert len({page.raw_get("/Contents")[0].idnum for page in file.pages}) == 1
    assert (shown(content, page=1) == 255).all()
    assert (shown(content, page=2)[44, 50] == 0).all()


def test_the_file_says_what_it_is() -> None:
    content = made(bars(CONSTANT), title="Zoë (5 €) Ł")
    file = read(content)
    assert file.metadata == {"/Title": "Zoë (5 €) Ł"}
    assert file.pages[0].mediabox.upper_right == (28, 28)
    assert str(file.root_object["/Lang"]) == ""
    assert content.startswith(b"%PDF-1.7\n")
    assert content == made(bars(CONSTANT), title="Zoë (5 €) Ł")


def test_sizes_are_points() -> None:
    file = read(made(bars(CONSTANT), paper=PLAIN._replace(width=595.2756, height=841.8898, unit=2.5)))
    assert [float(side) for side in file.pages[0].mediabox.upper_right] == [595.276, 841.89]


@pytest.mark.parametrize("text", [LATIN, QUOTES, "(a\\b)", "Łódź 中文 Ω", "x😀y"])
def test_text_is_selected_as_it_was_typed(text: str) -> None:
    content = made(bars(CONSTANT), words=(Word(text, 4, 20, 200),), paper=PLAIN._replace(width=300))
    assert selected(content) == text
    assert read(content).pages[0].extract_text() == text


def test_words_and_lines_are_kept_apart() -> None:
    words = Word("Hi ", 4, 10, 20), Word("you,", 24, 10, 30), Word("Max", 4, 40, 25)
    content = made(bars(CONSTANT), words=words, paper=PLAIN._replace(width=90, height=50))
    assert selected(content) == "Hi you,\nMax"
    assert read(content).pages[0].extract_text() == "Hi you,\nMax"


def test_words_are_found_where_they_stand_and_not_seen() -> None:
    word = Word("Hi", 30, 40, 20)
    content = made(bars(), words=(word,), paper=PLAIN._replace(width=90, height=50))
    assert (shown(content) == 255).all()
    page = pypdfium2.PdfDocument(content)[0].get_textpage()
    searcher = page.search("Hi")
    assert searcher.get_next() == (0, 2)
    left, bottom, right, top = page.get_rect(page.count_rects() - 1)
    assert 28 < left < 34
    assert 44 < right < 52
    assert 5 < (bottom + top) / 2 < 35


def test_glyphs_are_drawn_some_at_a_time() -> None:
    with counted_beats() as beats:
        content = made(bars(*[CONSTANT] * (GLYPHS + 1)))
    assert len(beats) == 2
    assert contents(content).count("S Q") == GLYPHS + 1


def test_numbers_beyond_all_handwriting_are_still_a_file() -> None:
    control = np.array([[[[0, 0], [1e9, 1e9], *[[5, 5]] * 6]]], np.float32)
    curves = placed(strokes(control, [[VARYING]]), np.zeros(1), np.zeros(1), np.full(1, 50.0))
    assert len(read(made(curves)).pages) == 1
