import pytest

from glyphvae.scheduling.cost import (
    INLINE,
    NOTHING,
    Cost,
    converting,
    decoding,
    drawing,
    one_by_one,
    painting,
    parsing,
    together,
    tracing,
    typesetting,
)

MEGA = 1_000_000


def test_bytes_are_work_whatever_they_hold() -> None:
    assert parsing(INLINE).work == decoding(INLINE, 0, 1).work == converting(INLINE, 0, floats=False).work == INLINE
    assert (parsing(7).held, parsing(7, copies=2).held) == (0, 14)


def test_a_glyph_stays_on_the_event_loop_and_a_megapixel_leaves_it() -> None:
    assert decoding(1000, 784, 1).work <= INLINE < decoding(1000, MEGA, 1).work
    assert converting(848, 784, floats=False).work <= INLINE < converting(1000, MEGA, floats=False).work
    assert drawing("image/png", 784).work <= INLINE < drawing("image/png", MEGA).work


@pytest.mark.parametrize("scans", [2, 10, 32])
def test_each_scan_passes_over_all_pixels(scans: int) -> None:
    once, again = decoding(0, MEGA, 1).work, decoding(0, MEGA, 1, 2).work
    assert decoding(0, MEGA, 1, scans).work == once + (scans - 1) * (again - once) > once


def test_memory_is_counted_by_the_mode_and_its_copies() -> None:
    grey, colour = decoding(0, MEGA, 1).held, decoding(0, MEGA, 4).held
    assert colour - grey == 3 * MEGA
    assert grey >= 3 * MEGA
    assert converting(0, MEGA, floats=True).held - converting(0, MEGA, floats=False).held == 9 * MEGA
    colours = converting(0, MEGA, channels=3, floats=True).held - converting(0, MEGA, channels=3, floats=False).held
    assert colours == 27 * MEGA
    assert converting(0, MEGA, channels=4, floats=False).held - converting(0, MEGA, floats=False).held == 8 * MEGA
    assert drawing("image/webp", MEGA).held > drawing("image/png", MEGA).held >= 3 * MEGA


def test_finding_the_ink_holds_no_more_for_large_images() -> None:
    extra = [decoding(0, pixels, 1).held - 3 * pixels for pixels in (1 << 10, 1 << 18, 1 << 24)]
    assert extra == [64 << 10, 64 << 18, 64 << 18]


def test_frames_cost_work_and_no_memory() -> None:
    one, many = drawing("image/gif", MEGA), drawing("image/gif", MEGA, 1000)
    assert (many.work > one.work, many.held) == (True, one.held)


def test_of_steps_one_by_one_the_largest_counts_for_memory() -> None:
    assert one_by_one([Cost(1, 10), Cost(2, 30), Cost(3, 20)]) == Cost(6, 30)
    assert one_by_one([]) == NOTHING


def test_painting_is_work_for_each_glyph_and_memory_for_some() -> None:
    assert painting(0) == NOTHING
    assert painting(1000).work == 1000 * painting(1).work
    assert painting(4).held == 4 * painting(1).held
    assert painting(1000).held == painting(33).held == painting(32).held


def test_what_is_held_together_adds_up() -> None:
    assert together(Cost(1, 5), Cost(10, 7)) == Cost(11, 12)


def test_setting_strokes_is_more_work_and_holds_their_curves() -> None:
    pixels, strokes = typesetting(100), typesetting(100, strokes=True)
    assert (pixels.work < strokes.work, pixels.held, strokes.held > 0) == (True, 0, True)
    assert typesetting(0, strokes=True) == NOTHING


def test_a_short_text_stays_on_the_event_loop_and_a_long_one_leaves_it() -> None:
    assert typesetting(20, strokes=True).work <= INLINE < typesetting(100, strokes=True).work
    short, long = (together(drawing("image/png", n * 40 * 80), painting(n)) for n in (16, 80))
    assert short.work <= INLINE < long.work


def test_a_document_is_work_and_memory_for_each_glyph() -> None:
    assert tracing(20).work <= INLINE < tracing(100).work
    assert tracing(200).held - tracing(100).held == tracing(300).held - tracing(200).held > 100_000
