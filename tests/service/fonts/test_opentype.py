import io
import json
from pathlib import Path

import numpy as np
import ots
import pytest
from fontTools.ttLib import TTFont

from glyphvae.api.context import Context
from glyphvae.operations.render_text import RenderText, write
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import SHIPPED_MODELS
from glyphvae.text.pen_metrics import measure
from glyphvae.text.stroke_text import StrokeText
from tests.service.fonts.conftest import Fonts
from tests.service.fonts.setting import painted, shaped

# Whole files, written by a library's Python; the parts of a font have tests of their own.
pytestmark = pytest.mark.untraced

KINDS = ("ttf", "otf")
# In the second, many letters hang into the spaces and over the margin; the third has small characters.
TEXTS = ("Don't Joe's, back by 11:30? Zoë Müller, café (naïve) AVATAR Typo", "jolly jug, Ty Vj (j) fly", "5 m², Nº 1³")
LATIN_1 = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöùúûüýÿ"
# Bytes that a file may have.
LARGEST = 600_000


def read(fonts: Fonts, kind: str = "ttf", seed: int = 7) -> TTFont:
    return TTFont(io.BytesIO(fonts(kind, seed, 0.25)))


@pytest.mark.parametrize("kind", ["ttf", "otf", "woff2"])
def test_files_are_small_and_pass_the_sanitizer_of_browsers(fonts: Fonts, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "font"
    file.write_bytes(fonts(kind, 7, 0.25))
    assert file.stat().st_size <= LARGEST
    result = ots.sanitize(str(file), capture_output=True)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_font_has_all_labels_and_composed_accents(fonts: Fonts) -> None:
    font = read(fonts)
    characters = set(map(chr, font.getBestCmap()))
    labels = json.loads((SHIPPED_MODELS / "pen.json").read_text())["labels"]
    assert characters >= {*labels, *LATIN_1, *"ŸćŵĴĝ", *"ª²³¹º", " ", "\u00a0"}
    assert not characters & {*"ĳŀŉſ¼½¾"}  # of which the former are written as other characters
    assert {font["hmtx"][name][0] for name in ("space", "uni00A0")} == {420}
    assert font["hmtx"]["acutecomb"][0] == 0
    letter, mark = font["glyf"]["eacute"].components
    assert (letter.glyphName, mark.glyphName) == ("e", "acutecomb")
    assert font["glyf"]["acutecomb"].yMin + mark.y > font["glyf"]["e"].yMax
    assert [part.glyphName for part in font["glyf"]["iacute"].components] == ["dotlessi", "acutecomb"]


def test_lines_are_as_far_apart_everywhere_and_nothing_is_clipped(fonts: Fonts) -> None:
    font = read(fonts)
    head, hhea, os2 = font["head"], font["hhea"], font["OS/2"]
    assert (hhea.ascent, hhea.descent, hhea.lineGap) == (os2.sTypoAscender, os2.sTypoDescender, os2.sTypoLineGap)
    assert os2.fsSelection == 0xC0
    assert os2.usWinAscent >= head.yMax
    assert os2.usWinDescent >= -head.yMin
    names = [font.getBestCmap()[ord(character)] for character in LATIN_1]
    assert hhea.ascent >= max(font["glyf"][name].yMax for name in names)
    assert hhea.descent <= min(font["glyf"][name].yMin for name in names)
    assert 600 < os2.sCapHeight < 800
    assert 350 < os2.sxHeight < os2.sCapHeight


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_have_different_forms(fonts: Fonts, kind: str) -> None:
    content = fonts(kind, 7, 0.25)
    assert [glyph.name for glyph in shaped(content, "oooo o")] == ["o", "o.alt1", "o.alt2", "o.alt3", "space", "o"]
    assert [glyph.name for glyph in shaped(content, "é é")] == ["eacute", "space", "eacute.alt1"]
    assert [glyph.name for glyph in shaped(content, "oo", calt=False)] == ["o", "o"]
    assert [glyph.name for glyph in shaped(content, "e\u0301")] == ["eacute"]


def test_alternates_are_drawn_differently(fonts: Fonts) -> None:
    glyphs = read(fonts)["glyf"]
    for letter in "aegnot":
        drawn = [glyphs[name].coordinates for name in (letter, *(f"{letter}.alt{form}" for form in (1, 2, 3)))]
        assert len({tuple(outline) for outline in drawn}) == 4


@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize(("kind", "alternates"), [("ttf", False), ("otf", False), ("ttf", True)])
def test_a_text_in_the_font_is_that_of_render_text(
    fonts: Fonts, shipped: Context, kind: str, alternates: bool, seed: int
) -> None:
    # Alternates that do not vary look as the usual forms do.
    content = fonts(kind, seed, 0 if alternates else 0.25)
    for written in TEXTS:
        text = run_now(write(RenderText(text=written, seed=seed, variation=0, drift=0), shipped)).text
        assert isinstance(text, StrokeText)
        glyphs = shaped(content, written, calt=alternates)
        assert any("alt" in glyph.name for glyph in glyphs) is alternates
        left = 8 * float(text.cells[0, 0] + measure(text.strokes[:1]).boxes[0, 0])
        wanted = text.draw(8)
        found = painted(content, glyphs, wanted, baseline=8 * int(text.layout.baselines[0]), left=left)
        apart = np.abs(found.astype(int) - wanted)
        assert apart.mean() < 0.02 * 255
        assert apart.sum() < 0.08 * wanted.sum(dtype=int)  # of the ink


def test_the_same_hand_gives_the_same_bytes_at_any_time(fonts: Fonts) -> None:
    head = read(fonts)["head"]
    assert head.created == head.modified == 3_818_534_400
