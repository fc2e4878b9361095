import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.text.drift import Drift
from glyphvae.text.layout import LayoutError, Setting
from glyphvae.text.stroke_layout import set_strokes
from glyphvae.text.stroke_text import StrokeText
from glyphvae.text.symbols import fold
from glyphvae.vectors.strokes import Strokes
from tests.service.text.pen import ACUTE, CEDILLA, joined, random_strokes, stroke
from tests.service.text.test_layout import SETTINGS

LABELS = ("I", "e", "g", "'", ",", ACUTE, CEDILLA)
# Bearings of 1 at each side, where no letters are moved: ink 2 wide, from 20 above the baseline to 6 below it.
GLYPHS = {
    "I": stroke(14, 5, 14, 23, bearings=(1, 1)),
    "e": stroke(14, 11, 14, 23, bearings=(1, 1)),
    "g": stroke(14, 11, 14, 29, bearings=(1, 1)),
    "'": stroke(14, 5, 14, 9, bearings=(1, 1)),
    ",": stroke(14, 23, 14, 27, bearings=(1, 1)),
    ACUTE: stroke(12, 7, 16, 7, bearings=(5, 5)),
    CEDILLA: stroke(14, 25, 14, 27, bearings=(5, 5)),
}
# Letters are moved by two pixels.
STEP = 2 + 2 + 2


def set_text(text: str, setting: Setting | None = None, *, last: Strokes | None = None) -> StrokeText:
    script = fold(text, LABELS, "blank")
    glyphs = [GLYPHS[LABELS[label]] for label in script.labels] + ([] if last is None else [last])
    return set_strokes(script, joined(*glyphs), LABELS, setting or Setting())


def boxes(placed: StrokeText) -> list[list[int]]:
    """Return left, top, right and bottom of each glyph's picture."""
    corners = np.stack([placed.layout.x, placed.layout.y], axis=1)
    return [[int(edge) for edge in box] for box in np.concatenate([corners, placed.ends], axis=1)]


def test_letters_stand_in_their_places_on_the_line() -> None:
    placed = set_text("IegI")
    assert placed.layout.baselines.tolist() == [28]
    assert boxes(placed) == [
        [8, 8, 10, 28],
        [8 + STEP, 14, 10 + STEP, 28],
        [8 + 2 * STEP, 14, 10 + 2 * STEP, 34],
        [8 + 3 * STEP, 8, 10 + 3 * STEP, 28],
    ]
    assert placed.layout.size(1) == (10 + 3 * STEP + 8, 34 + 8)


def test_signs_keep_their_height_and_their_distance() -> None:
    assert boxes(set_text("'I,", Setting(margin=0))) == [[0, 0, 2, 6], [4, 0, 6, 20], [8, 18, 10, 24]]


def test_what_is_above_and_below_small_letters_hangs_into_the_margin() -> None:
    assert boxes(set_text("'"))[0][0] == 7
    left, hanging = (boxes(set_text("',", Setting(margin=margin))) for margin in (0, 8))
    assert hanging[1][0] - hanging[0][0] == left[1][0] - left[0][0]
    right = set_text("I,\nI", Setting(width=60, align="right"))
    assert boxes(right)[2][2] == 52


def test_a_space_is_measured_between_what_stands_on_the_line() -> None:
    tail = stroke(14, 24, 8, 29, bearings=(1, 1))
    script = fold("I gI", LABELS)
    with_tail = set_strokes(script, joined(GLYPHS["I"], tail, GLYPHS["I"]), LABELS, Setting())
    # The tail is 8 wide; 5 of its pixels may be in the space of 12.
    assert boxes(with_tail)[1][0] - boxes(with_tail)[0][2] == pytest.approx(8, abs=1)


def test_small_raised_and_lowered_glyphs_stand_where_their_levels_say() -> None:
    script = fold("I²", (*LABELS, "2"), compose=True)
    assert script.levels.tolist() == [0, 1]
    placed = boxes(set_strokes(script, joined(GLYPHS["I"], GLYPHS["I"]), (*LABELS, "2"), Setting()))
    assert placed[0][1::2] == [10, 30]
    # Twelve pixels high and nine above the baseline, by a pen that is not as much thinner.
    assert placed[1][1::2] == [30 - 9 - 12 - 1, 30 - 9 + 1]
    lowered = fold("I₂", (*LABELS, "2"), compose=True)
    below = boxes(set_strokes(lowered, joined(GLYPHS["I"], GLYPHS["I"]), (*LABELS, "2"), Setting()))
    assert below[1][3] == below[0][3] + 1 + 1


def test_the_letter_by_which_marks_are_placed_is_not_small() -> None:
    script = fold(f"e{ACUTE}²", (*LABELS, "2"), compose=True)
    glyphs = joined(GLYPHS["e"], GLYPHS[ACUTE], GLYPHS["I"], GLYPHS["e"])
    plain = boxes(set_text(f"e{ACUTE}", last=GLYPHS["e"]))
    baseline = plain[0][3]
    placed = set_strokes(script, glyphs, (*LABELS, "2"), Setting())
    assert boxes(placed)[1][1] - placed.layout.baselines[0] == plain[1][1] - baseline


def test_lines_drift_as_a_seed_says() -> None:
    script = fold("IegI Ie\ngI", LABELS)
    glyphs = joined(*(GLYPHS[LABELS[label]] for label in script.labels))
    straight, again, drifting, other, strong = (
        set_strokes(script, glyphs, LABELS, Setting(), drift)
        for drift in (None, Drift(0, 7), Drift(1, 7), Drift(1, 8), Drift(4, 7))
    )
    assert np.array_equal(straight.cells, again.cells)
    assert np.array_equal(straight.strokes.control, again.strokes.control)
    assert not np.array_equal(drifting.cells, other.cells)
    assert np.array_equal(drifting.layout.baselines[1:] - drifting.layout.baselines[:1], [32])
    bent, more = (each.cells[:, 1] - each.layout.baselines[each.layout.line] for each in (drifting, strong))
    level = straight.cells[:, 1] - straight.layout.baselines[straight.layout.line]
    assert 0.05 < np.abs(bent - level).max() < 4
    assert more - level == pytest.approx(4 * (bent - level), abs=0.4)
    # Slanting is a shear of the strokes about the baseline.
    moved = drifting.strokes.control - straight.strokes.control
    assert not moved[..., 1].any()
    shear = moved[:, 0, :, 0] / (24 - straight.strokes.control[:, 0, :, 1])
    assert shear == pytest.approx(np.repeat(shear[:, :1], 8, axis=1), abs=1e-4)


def test_a_mark_drifts_with_its_letter() -> None:
    placed = [
        set_strokes(
            fold(f"Ie{ACUTE}I", LABELS), joined(*(GLYPHS[name] for name in f"Ie{ACUTE}I")), LABELS, Setting(), d
        )
        for d in (None, Drift(3, 5))
    ]
    apart = [each.cells[2, 1] - each.cells[1, 1] for each in placed]
    assert apart[0] == pytest.approx(apart[1], abs=1e-3)
    for name in ("I", "e"):
        assert placed[1].layout.baselines[0] >= placed[0].layout.baselines[0], name


def test_cells_are_those_that_glyphs_are_painted_in() -> None:
    placed = set_text("I", Setting(margin=3))
    assert placed.cells[0] == pytest.approx([3 - 13, 3 - 4], abs=1e-4)


def test_glyphs_have_their_true_size() -> None:
    script = fold("I", LABELS)
    placed = set_strokes(script, stroke(14, 5, 14, 23, size=0.5), LABELS, Setting())
    # In half the size it is a capital of 10, below the top of a line of capitals.
    assert boxes(placed) == [[8, 18, 9, 28]]
    assert placed.cells[0] == pytest.approx([8 - 6.5, 28 - 12])


def test_a_mark_takes_no_room() -> None:
    plain, marked = boxes(set_text("eee")), boxes(set_text(f"ee{ACUTE}e"))
    assert [box[:1] + box[2:3] for box in (marked[0], marked[1], marked[3])] == [box[:1] + box[2:3] for box in plain]
    left, top, right, bottom = marked[2]
    assert (left + right) / 2 == (marked[1][0] + marked[1][2]) / 2
    # Its ink is from 18 to 16 above the baseline.
    assert (top, bottom) == (28 - 18, 28 - 16)


def test_marks_are_raised_over_capitals_and_the_picture_has_room_for_them() -> None:
    placed = set_text(f"I{ACUTE}{CEDILLA}")
    baseline = int(placed.layout.baselines[0])
    assert baseline == 8 + 20 + 4
    # The mark is wider than its letter, which stands in the middle of it, and hangs into the margins.
    assert boxes(placed)[1] == [6, baseline - 24, 12, baseline - 22]
    assert boxes(placed)[2] == [8, baseline, 10, baseline + 4]
    assert boxes(placed)[0] == [8, baseline - 20, 10, baseline]
    assert placed.layout.size(1) == (8 + 2 + 8, baseline + 4 + 8)
    within = set_text(f"I{ACUTE}{CEDILLA}", Setting(margin=0))
    assert boxes(within)[1] == [0, 0, 6, 2]
    assert within.layout.size(1)[0] == 6


def test_the_x_height_is_that_of_the_letter_after_the_text() -> None:
    low = stroke(14, 15, 14, 23)
    usual, lower = boxes(set_text(f"e{ACUTE}")), boxes(set_text(f"e{ACUTE}", last=low))
    assert usual[0][1] == usual[1][1] + 4
    # Over a letter 10 high the mark would be 4 above it; so it is 4 higher over one of 14.
    assert lower[0][1] == lower[1][1] + 8


def test_neighbours_stay_clear_of_marks() -> None:
    placed = boxes(set_text(f"I{ACUTE}I{ACUTE}"))
    assert placed[3][0] - placed[1][2] >= 1


def test_a_blank_keeps_a_place() -> None:
    placed = set_text("I?I")
    # A narrow letter's 10 pixels, two pixels from the ink at its sides.
    assert [box[0] for box in boxes(placed)] == [8, 8 + 2 + 2 + 10 + 2]
    assert len(placed.strokes) == 2


def test_lines_are_wrapped_aligned_and_justified() -> None:
    setting = Setting(width=8 + 28 + 8, align="justify")
    placed = set_text("I I I I", setting)
    # Three words of 2 with two spaces of 12 are 30 wide, and the column is 28: so the spaces are narrower.
    assert placed.layout.line.tolist() == [0, 0, 0, 1]
    assert [box[0] for box in boxes(placed)] == [8, 21, 34, 8]
    assert placed.layout.baselines.tolist() == [28, 60]
    # Wider spaces do for two words of 2 and 14 up to 25 pixels, and letters take their share.
    wider = boxes(set_text("II I II I", Setting(width=8 + 30 + 8, align="justify")))
    assert wider[1][0] - wider[0][0] > STEP - 1
    assert wider[2][2] <= 38
    right = set_text("I I I I", Setting(width=8 + 28 + 8, align="right"))
    assert [box[2] for box in boxes(right)] == [22, 36, 22, 36]


def test_a_mark_is_in_the_line_of_its_letter() -> None:
    placed = set_text(f"II{ACUTE}I{ACUTE}", Setting(width=44, letter_gap=30))
    assert placed.layout.line.tolist() == [0, 1, 1, 2, 2]


def test_width_must_hold_a_glyph() -> None:
    with pytest.raises(LayoutError, match="at least 44 is needed"):
        set_text("I", Setting(width=43))
    script, wide = fold("I", LABELS), stroke(0, 5, 28, 5, radius=1, size=2)
    # A bar above small letters may hang into the margins by 2.5 pixels each.
    assert boxes(set_strokes(script, wide, LABELS, Setting(width=71)))[0][::2] == [5, 66]
    with pytest.raises(LayoutError, match="at least 71 is needed"):
        set_strokes(script, wide, LABELS, Setting(width=70))
    assert boxes(set_strokes(script, wide, LABELS, Setting(width=60, margin=0)))[0][::2] == [0, 60]


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_text_without_glyphs_is_an_empty_picture(text: str) -> None:
    placed = set_text(text, Setting(line_height=10))
    assert placed.layout.size(1) == (16, 36 + 10 * max(0, text.count("\n") - 1))
    assert len(placed.strokes) == 0


@given(
    st.text(st.sampled_from(f"Ieg',{ACUTE}{CEDILLA}? \n"), max_size=40),
    SETTINGS,
    st.integers(0, 99),
    st.sampled_from([0, 1, 10]),
)
def test_ink_stays_in_the_picture_and_in_order(text: str, setting: Setting, seed: int, drift: float) -> None:
    script = fold(text, LABELS, "blank", compose=True)
    try:
        strokes = random_strokes(len(script.labels), seed)
        placed = set_strokes(script, strokes, LABELS, setting, Drift(drift, seed))
    except LayoutError:
        assert setting.width is not None
        return
    found = np.array(boxes(placed), np.int64).reshape(-1, 4)
    assert (found[:, 0] >= 0).all()
    assert (found[:, 1] >= setting.margin).all()
    assert (found[:, 2:] <= np.array(placed.layout.size(1)) - (0, setting.margin)).all()
    assert (found[:, 2:] > found[:, :2]).all()
    assert (np.diff(placed.layout.line) >= 0).all()
