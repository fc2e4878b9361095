import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from glyphvae.text.layout import Alignment, Layout, LayoutError, Setting, layout
from glyphvae.text.symbols import BLANK, Symbols, fold

LABELS = tuple(string.digits + string.ascii_uppercase)
TEXT = st.text(st.sampled_from("AQ1J \n"), max_size=60)
SETTINGS = st.builds(
    Setting,
    width=st.none() | st.integers(68, 400),
    align=st.sampled_from(["left", "centre", "right", "justify"]),
    letter_gap=st.integers(-10, 20),
    word_space=st.integers(0, 40),
    line_height=st.integers(1, 60),
    margin=st.integers(0, 20),
)


def box(height: int = 20, width: int = 10, top: int = 4, left: int = 9) -> NDArray[np.uint8]:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[top : top + height, left : left + width] = 255
    return pixels


def boxes(script: Symbols, seed: int = 0) -> NDArray[np.uint8]:
    """Draw a filled box of random size and place for every glyph."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 29, (len(script.labels), 2)).tolist()
    return np.array(
        [box(h, w, int(random.integers(29 - h)), int(random.integers(29 - w))) for h, w in sizes], np.uint8
    ).reshape(-1, 28, 28)


def set_text(text: str, setting: Setting | None = None) -> Layout:
    """`text` in boxes 10 wide and 20 high. With a gap of -5, boxes side by side touch."""
    script = fold(text, LABELS)
    pixels = np.tile(box(), (len(script.labels), 1, 1))
    return layout(script, pixels, LABELS, setting or Setting(letter_gap=-5, word_space=7))


def lefts(placed: Layout) -> list[int]:
    return [int(x) + 9 for x in placed.x]


def test_letters_are_set_by_their_ink() -> None:
    placed = set_text("AB C")
    assert lefts(placed) == [8, 18, 35]
    assert (placed.width, placed.height) == (8 + 37 + 8, 8 + 20 + 8)
    assert placed.size(3) == (3 * placed.width, 3 * placed.height)


def test_gap_adds_paper() -> None:
    assert lefts(set_text("ABC", Setting(letter_gap=-2))) == [8, 21, 34]


def test_ink_stands_on_the_baseline_and_the_tail_hangs_below() -> None:
    script = fold("AQJ", LABELS)
    pixels = np.stack([box(20, top=0), box(20, top=8), box(10, top=3)])
    placed = layout(script, pixels, LABELS, Setting(margin=5))
    assert placed.baselines.tolist() == [25]
    assert (placed.y + np.array([20, 28, 13])).tolist() == [25, 28, 25]
    assert placed.height == 5 + 20 + 3 + 5


def test_lines_are_a_line_height_apart() -> None:
    placed = set_text("A\n\nB", Setting(line_height=30))
    assert placed.baselines.tolist() == [28, 58, 88]
    assert placed.line.tolist() == [0, 2]
    assert placed.y.tolist() == [4, 64]


def test_text_is_wrapped_to_the_width_of_the_picture() -> None:
    setting = Setting(width=53, letter_gap=-5, word_space=7)
    assert set_text("AB C", setting).line.tolist() == [0, 0, 0]
    narrower = set_text("AB C", Setting(width=52, letter_gap=-5, word_space=7))
    assert narrower.line.tolist() == [0, 0, 1]
    assert narrower.width == 52
    assert lefts(narrower) == [8, 18, 8]


@pytest.mark.parametrize(
    ("align", "expected"),
    [
        ("left", [8, 25, 8, 18, 8]),
        ("centre", [19, 36, 23, 33, 28]),
        ("right", [31, 48, 38, 48, 48]),
        ("justify", [8, 30, 8, 18, 8]),
    ],
)
def test_shorter_lines_are_aligned(align: Alignment, expected: list[int]) -> None:
    placed = set_text("A B CD\nE", Setting(width=66, align=align, letter_gap=-5, word_space=7))
    assert placed.line.tolist() == [0, 0, 1, 1, 2]
    assert lefts(placed) == expected


def justified(text: str, width: int, word_space: int = 7) -> list[int]:
    setting = Setting(width=width, align="justify", letter_gap=-5, word_space=word_space)
    return lefts(set_text(text, setting))


def test_justified_lines_share_the_paper_among_all_spaces() -> None:
    assert justified("A B C D", 69) == [8, 29, 51, 8]
    assert justified("A B C D", 71, word_space=8) == [8, 30, 53, 8]


def test_a_justified_line_stays_ragged_where_its_spaces_would_be_holes() -> None:
    # Spaces of 7 are widened by three quarters, to 12.
    assert justified("A B C D", 70) == justified("A B C D", 72) == [8, 30, 52, 8]


def test_a_justified_line_may_have_narrower_spaces() -> None:
    # Three letters with two spaces of 10 are 50 wide; each space may lose 2.
    assert justified("A B C", 62, word_space=10) == [8, 26, 44]
    assert justified("A B C", 61, word_space=10) == [8, 35, 8]


def test_without_a_space_nothing_is_widened() -> None:
    assert justified("ABC D", 53) == [8, 18, 28, 8]


def test_without_a_width_lines_are_aligned_to_the_longest() -> None:
    assert lefts(set_text("A\nBC", Setting(align="right", letter_gap=-5))) == [18, 8, 18]


def test_blank_keeps_a_place_and_has_no_glyph() -> None:
    script = fold("A,B", LABELS, unknown="blank")
    assert BLANK in script.symbols
    placed = layout(script, np.stack([box(), box()]), LABELS, Setting(letter_gap=-5))
    assert lefts(placed) == [8, 28]


def test_text_without_glyphs_is_an_empty_picture() -> None:
    assert set_text(" ").size(1) == (16, 36)
    assert set_text("", Setting(margin=0)).size(1) == (1, 20)
    assert set_text("\n\n", Setting(line_height=10)).baselines.tolist() == [28, 38]


def test_width_must_hold_a_glyph() -> None:
    assert set_text("A", Setting(width=44)).width == 44
    with pytest.raises(LayoutError, match=r"width of 43 with margins of 8 .* at least 44"):
        set_text("A", Setting(width=43))


@given(TEXT, SETTINGS, st.integers(0, 99))
def test_ink_stays_in_the_picture_and_in_order(text: str, setting: Setting, seed: int) -> None:
    script = fold(text, LABELS)
    pixels = boxes(script, seed)
    placed = layout(script, pixels, LABELS, setting)
    assert placed.width >= 1
    assert placed.height >= 1
    for x, y, glyph in zip(placed.x, placed.y, pixels, strict=True):
        rows, columns = np.nonzero(glyph)
        assert setting.margin <= x + columns.min() <= x + columns.max() < placed.width - setting.margin
        assert setting.margin <= y + rows.min() <= y + rows.max() < placed.height - setting.margin
    assert (np.diff(placed.line) >= 0).all()
    starts = placed.x + np.array([np.nonzero(glyph)[1].min() for glyph in pixels], np.int64)
    assert (np.diff(starts)[np.diff(placed.line) == 0] > 0).all()
