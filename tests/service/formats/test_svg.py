"""Documents, as a viewer without custom properties shows them, and as XML."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from glyphvae.formats.colours import BLACK, WHITE, Colour
from glyphvae.formats.svg import GLYPHS, Frame, Look, Word, document
from glyphvae.vectors.paths import Curves, placed
from tests.service.support import counted_beats, expect_bar, resvg
from tests.service.vectors.support import strokes

NS = "{http://www.w3.org/2000/svg}"
PLAIN = Look(4, BLACK, WHITE)
CONSTANT, VARYING = [1, 1, 1, 1], [1, 1.3, 1, 0.8]


def bars(*radii: object, heights: object = None) -> Curves:
    """Return a bar for each radius, one below the other, each a glyph of the same cell."""
    ys = range(5, 5 + 6 * len(radii), 6) if heights is None else heights
    control = [[np.stack([np.linspace(4, 24, 8), np.full(8, float(y))], axis=1)] for y in ys]  # type: ignore[attr-defined]
    n = len(radii)
    return placed(strokes(control, [[radius] for radius in radii]), np.zeros(n), np.zeros(n), np.ones(n))


def read(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314 (our own)


def made(curves: Curves, look: Look = PLAIN, title: str = "J", words: tuple[Word, ...] = ()) -> bytes:
    return document(Frame(28, 28, look, title), curves, words)


def paths(content: bytes) -> list[ET.Element]:
    return list(read(content).iter(f"{NS}path"))


@pytest.mark.parametrize("radius", [CONSTANT, [1, 1.09, 1, 1], [1, 1.2, 1, 1]])
def test_a_glyph_is_one_path(radius: list[float]) -> None:
    content = made(bars(radius))
    (path,) = paths(content)
    assert ("stroke-width" in path.attrib) is (max(radius) <= 1.1)
    if radius == CONSTANT:
        expect_bar(255 - resvg(content)[..., 0], 5, 4)


def test_the_size_is_that_of_the_png_and_the_units_are_glyph_pixels() -> None:
    root = read(made(bars(CONSTANT), Look(4, BLACK, WHITE)))
    assert [root.get(name) for name in ("width", "height", "viewBox")] == ["112", "112", "0 0 28 28"]


@pytest.mark.parametrize("radii", [[CONSTANT], [VARYING], [CONSTANT, VARYING]])
def test_colours_are_the_requests_where_custom_properties_are_unknown(radii: list[list[float]]) -> None:
    content = made(bars(*radii), Look(4, Colour(200, 0, 0), Colour(0, 0, 96)))
    shown = resvg(content)
    for number in range(len(radii)):
        assert shown[20 + 24 * number, 56].tolist() == [200, 0, 0]
    assert shown[-1, -1].tolist() == [0, 0, 96]
    style = read(content).findtext(f"{NS}style") or ""
    assert style.startswith("@supports(--a:0){")
    assert "var(--ink)" in style
    assert "var(--paper)" in style


def test_transparent_paper_draws_no_rectangle() -> None:
    content = made(bars(VARYING), Look(1, BLACK, None))
    assert read(content).find(f"{NS}rect") is None
    assert b"--paper" not in content


def test_a_title_is_read_aloud_and_holds_no_markup() -> None:
    root = read(made(bars(CONSTANT), title="<script>&\"'\x00\x0b\ud800\U0001f600"))
    says = "<script>&\"'\ufffd\ufffd\ufffd\U0001f600"
    assert (root.get("role"), root.get("aria-label"), root.findtext(f"{NS}title")) == ("img", says, says)
    assert root.find(f".//{NS}script") is None


def test_words_can_be_selected_line_by_line() -> None:
    words = (Word("a<b ", 8, 30, 20), Word("c", 28, 30, 9), Word("d", 8, 60, 10))
    lines = list(read(made(bars(CONSTANT), words=words)).iter(f"{NS}text"))
    assert [line.get("y") for line in lines] == ["30", "60"]
    spans = [(span.text, span.get("x"), span.get("textLength")) for line in lines for span in line]
    assert spans == [("a<b ", "8", "20"), ("c", "28", "9"), ("d", "8", "10")]
    assert np.array_equal(resvg(made(bars(CONSTANT), words=words)), resvg(made(bars(CONSTANT))))


def test_centres_are_thin_lines_of_a_real_size_without_paper() -> None:
    look = Look(4, BLACK, WHITE, centre=True)
    content = made(bars(VARYING, CONSTANT), look, words=(Word("J", 0, 28, 28),))
    root = read(content)
    assert root.get("width") == "29.63mm"  # 112 pixels of 1/96 inch
    assert root.find(f"{NS}rect") is None
    assert root.find(f".//{NS}text") is None
    (group,) = root.findall(f"{NS}g")
    assert group.get("fill") == "none"
    starts = [re.match(r"M(\d+) (\d+)", path.get("d", "")) for path in paths(content)]
    assert [start and start.groups() for start in starts] == [("80", "100"), ("80", "220")]
    assert not any("z" in path.get("d", "") for path in paths(content))
    ink = resvg(made(bars(VARYING), Look(4, WHITE, None, centre=True)))[..., 0] > 100
    assert 80 <= np.count_nonzero(ink) <= 2 * 84


def test_glyphs_without_ink_are_paper() -> None:
    none = bars(VARYING, CONSTANT).of(np.zeros(2, bool))
    for look in (PLAIN, Look(4, BLACK, WHITE, animate=True), Look(4, WHITE, WHITE, centre=True)):
        assert paths(made(none, look)) == []
    first = bars(VARYING, CONSTANT)
    some = first.of(first.glyph == 1)
    assert len(paths(made(some))) == len(paths(made(some, Look(4, BLACK, WHITE, animate=True)))) == 1


def test_each_glyph_alone_is_the_same_document() -> None:
    curves = bars(CONSTANT, VARYING)
    each = Frame(28, 28, PLAIN, "J").around_each(curves)
    assert each == [made(curves.part(0, 1)), made(curves.part(1, 2))]


@pytest.mark.parametrize("centre", [False, True])
def test_strokes_are_written_one_after_the_other(centre: bool) -> None:
    look = Look(4, WHITE, None if centre else BLACK, centre=centre, animate=True)
    content = made(bars(CONSTANT, VARYING), look)
    drawn = [path for path in paths(content) if "pathLength" in path.attrib]
    times = [[float(value) for value in re.findall(r":([\d.]+)s", path.get("style", ""))] for path in drawn]
    assert times[0] == [0, pytest.approx(20 / 150, abs=0.01)]
    assert times[1] == [pytest.approx(sum(times[0]) + 0.06, abs=0.02), times[0][1]]
    clipped = [path.get("clip-path") for path in drawn]
    assert clipped[0] is None
    assert (clipped[1] is None) is centre
    style = read(content).findtext(f"{NS}style") or ""
    # All is seen where nothing moves: the dashes are only for those who have not asked for less motion.
    assert style.index("@media(prefers-reduced-motion:no-preference){") < style.index("stroke-dasharray")
    assert "stroke-dash" not in "".join(ET.tostring(path, "unicode") for path in drawn)
    still = made(bars(CONSTANT, VARYING), Look(4, WHITE, look.paper, centre=centre))
    assert np.abs(resvg(content).astype(int) - resvg(still)).mean() < 0.5


def test_an_outline_that_a_page_holds_twice_has_one_name() -> None:
    look = Look(4, BLACK, WHITE, animate=True)
    names = [re.findall(rb'id="(\w+)"', made(bars(radius), look)) for radius in (VARYING, VARYING, [2, 1, 1, 1])]
    assert names[0] == names[1] != names[2]


def test_a_long_text_is_written_in_twenty_seconds() -> None:
    n = 300
    content = made(bars(*[CONSTANT] * n, heights=[5] * n), Look(1, BLACK, WHITE, animate=True))
    begin, takes = (float(value) for value in re.findall(rb":([\d.]+)s", content)[-2:])
    assert begin + takes == pytest.approx(20, abs=0.1)


def test_long_work_comes_in_pieces() -> None:
    n = GLYPHS + 1
    with counted_beats() as beats:
        content = made(bars(*[VARYING] * n, heights=[5] * n))
    assert len(beats) == 2
    assert len(paths(content)) == n


def test_a_glyph_of_many_bends_gets_fewer_curves() -> None:
    wave = np.stack([np.linspace(3, 25, 8), 8 + 4 * (-1.0) ** np.arange(8)], axis=1)
    one = strokes([[wave + np.array([0, down]) for down in (0, 6, 12)]], [[VARYING] * 3])
    curves = placed(one, np.zeros(1), np.zeros(1), np.ones(1))
    alone = paths(made(curves))[0].get("d", "")
    two = Curves(np.tile(curves.control, (2, 1, 1)), np.tile(curves.radius, (2, 1)), np.repeat([0, 1], 3), 2)
    among_others = paths(made(two))[0].get("d", "")
    assert len(alone) <= 650 < len(among_others) < 1000


def test_a_glyph_that_no_number_of_curves_makes_short_is_whole() -> None:
    wave = np.stack([np.linspace(3, 25, 8), 4 + 2 * (-1.0) ** np.arange(8)], axis=1)
    one = strokes([[wave + np.array([0, down]) for down in range(0, 20, 2)]], [[VARYING] * 10])
    content = made(placed(one, np.zeros(1), np.zeros(1), np.ones(1)))
    (path,) = paths(content)
    assert len(path.get("d", "")) > 650
    assert path.get("d", "").count("M") == 10
