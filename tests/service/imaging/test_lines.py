import cv2
import numpy as np

from glyphvae.imaging.lines import find_lines, rules_of, without

LENGTH = 200


def mask_of(*lines: tuple[tuple[int, int], tuple[int, int], int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    mask = np.zeros((LENGTH, LENGTH), np.uint8)
    for start, end, width in lines:
        cv2.line(mask, start, end, 255, width)
    return mask


def test_a_line_is_followed_to_its_ends_though_it_is_interrupted() -> None:
    mask = mask_of(((10, 50), (190, 54), 2))
    mask[:, 100:103] = 0
    (line,) = find_lines(mask)
    assert not line.upright
    assert abs(line.start - 10) <= 1
    assert abs(line.end - 191) <= 1
    assert np.allclose(line.at[[10, 190]], [50, 54], atol=1)
    assert 1 <= line.width <= 3


def test_an_empty_mask_has_no_lines() -> None:
    assert find_lines(np.zeros((50, 50), np.uint8)) == []


def test_what_is_thick_or_broken_is_no_line() -> None:
    assert find_lines(mask_of(((0, 100), (199, 100), 24))) == []
    dots = mask_of()
    dots[100:102, ::4] = 255
    assert rules_of(find_lines(dots), dots.shape) == []


def test_lines_through_the_picture_are_rules_and_short_ones_are_not() -> None:
    mask = mask_of(((0, 50), (199, 50), 1), ((60, 100), (140, 100), 1))
    rules = rules_of(find_lines(mask), mask.shape)
    assert [float(rule.at[0]) for rule in rules] == [50]


def test_sides_of_a_box_are_rules_and_those_of_a_corner_are_not() -> None:
    sides = [((50, 50), (150, 50), 1), ((150, 50), (150, 150), 1), ((150, 150), (50, 150), 1), ((50, 150), (50, 50), 1)]
    box = mask_of(*sides)
    assert len(rules_of(find_lines(box), box.shape)) == 4
    corner = mask_of(*sides[:2])
    assert rules_of(find_lines(corner), corner.shape) == []


def test_strokes_that_cross_a_line_stay_whole() -> None:
    rule, stroke = ((0, 100), (199, 100), 2), ((60, 20), (140, 180), 8)
    mask, alone = mask_of(rule, stroke), mask_of(stroke)
    left = without(mask, mask, find_lines(mask_of(rule)))
    assert np.count_nonzero(left != alone) < 0.02 * np.count_nonzero(alone)


def test_far_darker_ink_on_a_line_is_a_stroke() -> None:
    mask = mask_of(((0, 100), (199, 100), 2))
    ink = mask // 4
    ink[:, 80:120] = mask[:, 80:120]
    left = without(mask, ink, find_lines(mask))
    assert left[:, 80:120].any()
    assert not left[:, :70].any()


def test_without_lines_nothing_is_taken_out() -> None:
    mask = mask_of(((60, 20), (140, 180), 8))
    assert np.array_equal(without(mask, mask, []), mask)


def test_a_line_that_is_not_there_is_not_taken_out() -> None:
    lines = find_lines(mask_of(((0, 100), (199, 100), 2)))
    empty = mask_of()
    assert np.array_equal(without(empty, empty, lines), empty)


def test_a_stroke_too_thick_for_a_line_is_none_though_its_edge_is_straight() -> None:
    mask = mask_of(((20, 100), (180, 100), 9))
    mask[104:130, 30:170:2] = 255
    assert rules_of(find_lines(mask), mask.shape) == []


def test_dense_squares_are_all_found_though_a_blot_covers_some() -> None:
    squares = [((0, place), (199, place), 1) for place in range(5, 200, 10)]
    mask = mask_of(*squares, *(((y, x), (v, u), width) for (x, y), (u, v), width in squares))
    cv2.circle(mask, (100, 100), 30, 255, -1)
    assert len(rules_of(find_lines(mask), mask.shape)) == 40
