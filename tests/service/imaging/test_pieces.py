import cv2
import numpy as np
import pytest

from glyphvae.imaging.pieces import Mask, character_of, find_pieces, is_solid, main_piece, row_of


def mask() -> Mask:
    return np.zeros((200, 200), np.uint8)


def chosen(picture: Mask) -> list[tuple[int, int, int, int]]:
    """The boxes of the character."""
    _, pieces = find_pieces(picture, picture)
    main = main_piece(pieces, picture.shape)
    assert main is not None
    return sorted(piece.box for piece in character_of(pieces, main))


def stroke(picture: Mask, start: tuple[int, int], end: tuple[int, int], width: int = 8) -> Mask:
    cv2.line(picture, start, end, 255, width)
    return picture


def ring(picture: Mask, x: int, y: int = 100, radius: int = 22) -> Mask:
    cv2.circle(picture, (x, y), radius, 255, 6)
    return picture


def test_pieces_know_their_box_pen_and_borders() -> None:
    picture = mask()
    picture[0:10, 20:60] = 255
    picture[100:101, 100:102] = 255  # noise
    (piece,) = find_pieces(picture, picture // 2)[1]
    assert piece.breadth == pytest.approx(10, abs=0.1)
    assert (piece.box, piece.area, piece.borders, piece.size, piece.fill) == ((20, 0, 60, 10), 400, 1, 40, 1)
    assert piece.strength == 127
    assert 9 <= piece.width <= 11


def test_of_nothing_there_is_no_main_piece() -> None:
    assert main_piece([], (10, 10)) is None


def test_the_dot_of_an_i_belongs_to_it() -> None:
    picture = stroke(mask(), (100, 80), (100, 160))
    cv2.circle(picture, (100, 60), 6, 255, -1)
    assert len(chosen(picture)) == 2


def test_a_hole_beside_the_character_does_not() -> None:
    picture = stroke(mask(), (100, 60), (100, 160))
    cv2.circle(picture, (75, 110), 7, 255, -1)
    assert len(chosen(picture)) == 1


def test_a_broken_stroke_is_joined() -> None:
    picture = stroke(mask(), (100, 40), (100, 90))
    assert len(chosen(stroke(picture, (100, 104), (100, 160)))) == 2


def test_a_circle_around_a_character_is_left_out() -> None:
    picture = stroke(mask(), (90, 80), (110, 120))
    inner = chosen(picture)
    assert len(inner) == 1
    assert chosen(ring(picture, 100, radius=60)) == inner
    # A dot is no character.
    cv2.circle(ring(dotted := mask(), 100, radius=60), (100, 100), 15, 255, -1)
    assert chosen(dotted)[0] == (37, 37, 164, 164)


def test_a_line_under_a_character_is_left_out() -> None:
    assert len(chosen(stroke(ring(mask(), 100), (60, 140), (140, 143), 6))) == 1
    assert len(chosen(stroke(ring(mask(), 100), (60, 130), (140, 131), 6))) == 1
    assert len(chosen(stroke(stroke(mask(), (100, 40), (100, 120)), (80, 145), (120, 145)))) == 1


def test_the_base_of_a_character_and_the_lower_stroke_of_an_equals_sign_are_not_left_out() -> None:
    assert len(chosen(stroke(stroke(mask(), (100, 40), (100, 120)), (80, 134), (120, 134)))) == 2
    assert len(chosen(stroke(stroke(mask(), (60, 80), (140, 80)), (50, 104), (150, 104)))) == 2


def test_what_touches_the_border_is_left_out_unless_it_is_the_character() -> None:
    picture = stroke(mask(), (100, 60), (100, 140))
    alone = chosen(picture)
    picture[:, :20] = 255
    assert chosen(picture) == alone
    at_border = stroke(mask(), (4, 40), (60, 160))
    assert len(chosen(at_border)) == 1


def test_faint_and_large_neighbours_are_left_out() -> None:
    picture = stroke(mask(), (100, 60), (100, 140))
    ink = picture.copy()
    stroke(picture, (112, 80), (112, 120))
    ink[:, 106:118] = picture[:, 106:118] // 4
    _, pieces = find_pieces(picture, ink)
    main = main_piece(pieces, picture.shape)
    assert main is not None
    assert character_of(pieces, main) == [main]


def test_discs_are_solid_and_strokes_are_not() -> None:
    picture = stroke(mask(), (150, 60), (150, 140))
    cv2.circle(picture, (60, 100), 12, 255, -1)
    _, pieces = find_pieces(picture, picture)
    assert sorted((piece.box[0] < 100, is_solid(piece)) for piece in pieces) == [(False, False), (True, True)]


def row(picture: Mask) -> list[int]:
    """The left side of each character of a row."""
    _, pieces = find_pieces(picture, picture)
    main = main_piece(pieces, picture.shape)
    assert main is not None
    return [min(piece.box[0] for piece in character) for character in row_of(pieces, main)]


def test_characters_beside_each_other_are_several() -> None:
    assert row(ring(ring(mask(), 60), 130)) == [35, 105]
    assert len(row(ring(ring(ring(mask(), 40), 100), 160))) == 3


def test_characters_close_to_each_other_are_several() -> None:
    assert row(ring(ring(mask(), 60), 113)) == [35, 110 - 22]
    assert row(ring(stroke(mask(), (60, 75), (60, 125), 6), 92)) == [57, 67]
    # A curve beside a stroke is no quotation mark.
    assert len(row(ring(stroke(mask(), (60, 75), (60, 125), 6), 115))) == 2


def test_pens_of_another_width_write_characters_too() -> None:
    assert len(row(stroke(ring(mask(), 60), (110, 80), (140, 120), 16))) == 2


def test_a_dot_and_an_accent_belong_to_the_nearest_of_a_row() -> None:
    picture = ring(stroke(mask(), (140, 80), (140, 125)), 60)
    cv2.circle(picture, (144, 62), 5, 255, -1)
    assert len(row(picture)) == 2
    assert len(row(stroke(ring(mask(), 100), (95, 62), (110, 50)))) == 1


@pytest.mark.parametrize(
    "strokes",
    [
        [((80, 60), (80, 120)), ((110, 60), (110, 120))],  # a quotation mark
        [((60, 80), (140, 80)), ((60, 110), (140, 110))],  # =
        [((80, 60), (80, 140)), ((88, 100), (120, 60)), ((88, 100), (120, 140))],  # a broken K
    ],
)
def test_the_parts_of_a_character_are_one(strokes: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    picture = mask()
    for start, end in strokes:
        stroke(picture, start, end, 6)
    assert len(row(picture)) == 1


def test_a_stain_beside_a_character_is_none() -> None:
    picture = ring(mask(), 100)
    cv2.circle(picture, (160, 100), 20, 255, -1)
    assert len(row(picture)) == 1


def test_a_short_stroke_beside_a_character_is_a_part_of_it() -> None:
    assert row(stroke(ring(mask(), 100), (137, 100), (157, 100), 6)) == [75]
