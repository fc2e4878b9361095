from contextvars import copy_context

import numpy as np
import pytest

from glyphvae.errors import DeadlineExceeded
from glyphvae.imaging.text_lines import Boxes, lines_of, tilt_of
from glyphvae.scheduling.deadline import Deadline, current

SIZE = 20.0
Lines = list[list[list[int]]]


def found(*boxes: tuple[float, float, float, float], blots: tuple[int, ...] = ()) -> Lines:
    """Return the lines of boxes, whose usual height is 20."""
    every = np.array(boxes, float)
    return lines_of(every, every, np.isin(np.arange(len(boxes)), blots), SIZE)


def row(count: int, top: float = 0, left: float = 0) -> list[tuple[float, float, float, float]]:
    """Return boxes of characters beside one another."""
    return [(left + 15 * i, top, left + 15 * i + 10, top + SIZE) for i in range(count)]


def turned(boxes: Boxes, degrees: float) -> Boxes:
    """Return boxes whose middles are turned."""
    turn = np.deg2rad(degrees)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    moved = middle @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) - middle
    return np.asarray(boxes + np.tile(moved, 2))


@pytest.mark.parametrize("degrees", [-25, -3, 0, 5, 25])
def test_the_tilt_of_lines_is_found(degrees: float) -> None:
    boxes = np.array([box for line in range(4) for box in row(12, 45 * line)], float)
    assert tilt_of(turned(boxes, degrees), SIZE) == pytest.approx(degrees, abs=0.4)


def test_two_characters_have_no_tilt() -> None:
    assert tilt_of(np.array([(0, 0, 10, 20), (15, 8, 25, 28)], float), SIZE) == 0


def test_lines_are_read_from_top_to_bottom_and_left_to_right() -> None:
    assert found(*row(3, 50)[::-1], *row(2)) == [[[3], [4]], [[2], [1], [0]]]


def test_a_line_is_followed_where_it_climbs() -> None:
    boxes = [(30 * i, 100 - 4 * i, 30 * i + 20, 120 - 4 * i) for i in range(12)]
    assert found(*boxes) == [[[i] for i in range(12)]]


def test_lines_within_one_another_are_one() -> None:
    """A low letter after a quotation mark begins a line of its own at first."""
    assert found((0, 0, 6, 9.9), (10, 10, 20, 20), (25, 0, 35, 20), (40, 0, 50, 20)) == [[[0], [1], [2], [3]]]


def test_a_dot_belongs_to_the_stem_below_it() -> None:
    """It is nearer to the ascender beside it."""
    assert found((0, -4, 10, 20), (14, 6, 18, 20), (13, -2, 17, 1)) == [[[0], [1, 2]]]


def test_the_point_of_an_exclamation_mark_belongs_to_it() -> None:
    assert found(*row(1), (15, 0, 18, 14), (15, 17, 18, 20)) == [[[0], [1, 2]]]


def test_a_broken_piece_belongs_to_its_character() -> None:
    assert found((0, 0, 10, 20), (10.5, 5, 13, 8)) == [[[0, 1]]]


def test_points_and_apostrophes_that_nearly_touch_a_character_are_none_of_its_pieces() -> None:
    assert found(*row(1), (10.2, 17, 13, 20), (15, 0, 25, 20)) == [[[0], [1], [2]]]
    assert found(*row(1), (9.5, -2, 12, 6), (15, 0, 25, 20)) == [[[0], [1], [2]]]
    assert found(*row(1), (8, -2, 18, 1), (25, 0, 35, 20)) == [[[0, 1], [2]]]  # too wide


def test_parts_above_one_another_are_one_character() -> None:
    assert found((0, 0, 10, 8), (1, 10, 9, 20)) == [[[1, 0]]]


def test_a_stem_under_an_overhang_is_a_character() -> None:
    assert found((0, 0, 20, 20), (17, 5, 22, 20)) == [[[0], [1]]]
    assert found((0, 0, 20, 20), (14, 5, 19, 20)) == [[[0, 1]]]


def test_marks_are_characters_of_the_nearest_line() -> None:
    comma, colon = (27, 17, 29, 23), [(27, 6, 29, 8), (27, 16, 29, 18)]
    assert found(*row(2), *row(2, 60), comma) == [[[0], [1], [4]], [[2], [3]]]
    assert found(*row(2), *colon) == [[[0], [1], [2, 3]]]


def test_the_strokes_of_a_quotation_mark_are_one_character() -> None:
    opening, closing = [(27, -1, 29, 6), (31, 0, 33, 6)], [(50, 0, 52, 6), (54, 0, 56, 6)]
    assert found(*row(2), *opening, *closing) == [[[0], [1], [2, 3], [4, 5]]]
    # Points, strokes that are far apart or on different lines, and a comma before an apostrophe are not.
    assert found(*row(2), (27, 18, 30, 20), (33, 18, 36, 20)) == [[[0], [1], [2], [3]]]
    assert found(*row(2), (27, 0, 29, 6), (39, 0, 41, 6)) == [[[0], [1], [2], [3]]]
    assert found(*row(2), (27, 17, 29, 23), (31, 0, 33, 6)) == [[[0], [1], [2], [3]]]


def test_what_is_far_from_all_lines_is_left_out() -> None:
    assert found(*row(2), (200, 5, 204, 9), (10, 60, 12, 62)) == [[[0], [1]]]


def test_a_blot_is_a_character_only_in_a_line() -> None:
    boxes = [*row(2), (30, 6, 42, 18), (200, 0, 230, 30), (30, 60, 80, 110)]
    assert found(*boxes, blots=(2, 3, 4)) == [[[0], [1], [2]]]


def test_blots_alone_are_characters() -> None:
    assert found((0, 0, 20, 20), (30, 0, 50, 20), blots=(0, 1)) == [[[0], [1]]]


def test_a_high_mark_is_no_line_of_its_own() -> None:
    assert found(*row(2), (27, -4, 30, 6), *row(1, 60)) == [[[0], [1], [2]], [[3]]]
    assert found(*row(2), (27, 60, 38, 72)) == [[[0], [1]], [[2]]]
    assert found((0, 0, 10, 12)) == [[[0]]]


def test_marks_may_lean_less_than_letters() -> None:
    # A colon whose dots are above one another in slanted writing, and a stroke with the dot of an exclamation mark.
    # A comma below a letter that leans over it is none of its dots.
    colon, exclamation = [(30, 2, 32, 4), (30, 14, 32, 16)], [(40, 0, 43, 14), (40, 17, 43, 20)]
    boxes = np.array([*row(2), *colon, *exclamation, (50, 0, 64, 20), (60, 21, 63, 25)], float)
    upright = boxes.copy()
    upright[:, [0, 2]] += 0.6 * boxes[:, 1:].mean(axis=1, keepdims=True)
    found = lines_of(boxes, upright, np.zeros(len(boxes), bool), SIZE)
    assert found == [[[0], [1], [2, 3], [4, 5], [6], [7]]]


@pytest.mark.parametrize(
    ("lower", "groups"),
    [((17, 15, 20, 18), [[2, 3]]), ((18, 15, 21, 18), [[2], [3]]), ((17, 11, 20, 18), [[2], [3]])],
    ids=["aside", "farther aside", "a comma"],
)
def test_the_dots_of_a_colon_may_be_aside_of_one_another(
    lower: tuple[float, float, float, float], groups: list[list[int]]
) -> None:
    assert found(*row(1), *row(1, left=26), (15, 6, 18, 9), lower) == [[[0], *groups, [1]]]


def test_the_search_for_lines_ends_at_the_deadline() -> None:
    """A page of two thousand specks took forty seconds of a thread after its response."""

    def search() -> None:
        current.set(Deadline(0, lambda: False))
        found(*row(3), *row(3, 50))

    with pytest.raises(DeadlineExceeded):
        copy_context().run(search)


def test_a_mark_is_of_the_nearest_line() -> None:
    assert found(*row(3), *row(3, 60), (45, 76, 48, 81)) == [[[0], [1], [2]], [[3], [4], [5], [6]]]
