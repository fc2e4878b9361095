import cv2
import numpy as np
import pytest

from glyphvae.imaging.preprocess import UnsuitableImageError
from glyphvae.imaging.written_page import TooManyCharactersError, WrittenPage, find_page
from tests.service.imaging.scenes import Pixels, alike, paper, print_lines, write

TEXT = "ABC dE\nfGH 23"


def counts(sheet: WrittenPage) -> list[int]:
    return [len(line) for line in sheet.lines]


def found(picture: Pixels, reduction: float = 1, most: int = 100) -> WrittenPage:
    return find_page(picture, reduction, most)


def test_characters_are_found_in_lines() -> None:
    sheet = found(print_lines(paper(300, 500), TEXT))
    assert counts(sheet) == [5, 5]
    assert (sheet.count, sheet.others) == (10, 0)
    assert sheet.size == pytest.approx(50, abs=6)
    boxes = [character.box for character in sheet.lines[0]]
    assert boxes[0][0] == pytest.approx(40, abs=3)
    assert all(abs(box[3] - 90) <= 3 for box in boxes)


def test_a_drawing_on_clean_paper_is_read_too() -> None:
    assert counts(found(print_lines(paper(300, 500, 255), TEXT, ink=0)[..., 0])) == [5, 5]


def test_boxes_are_in_pixels_of_the_file() -> None:
    picture = print_lines(paper(300, 500), TEXT)
    once, twice = [np.array(found(picture, factor).lines[0][0].box) for factor in (1, 2)]
    assert np.abs(twice - 2 * once).max() <= 1


def test_a_glyph_is_the_character_alone() -> None:
    alone, beside = (found(print_lines(paper(200, 400), text)).lines[0][0].glyph for text in ("R", "RSU"))
    assert alike(alone, beside) > 0.99


@pytest.mark.parametrize("degrees", [-20, -5, 5, 20])
def test_tilted_lines_are_made_level(degrees: float) -> None:
    picture = print_lines(paper(700, 900), "ABCDEFGH\nKLMNPRST", left=200, base=250)
    turn = cv2.getRotationMatrix2D((450, 350), degrees, 1)
    sheet = found(np.asarray(cv2.warpAffine(picture, turn, (900, 700), borderMode=cv2.BORDER_REPLICATE), np.uint8))
    assert counts(sheet) == [8, 8]
    level = found(picture)
    for line, others in zip(sheet.lines, level.lines, strict=True):
        for one, other in zip(line, others, strict=True):
            assert alike(one.glyph, other.glyph) > 0.7
            middle = (np.array(other.box[:2]) + other.box[2:]) / 2
            assert turn @ [*middle, 1] == pytest.approx((np.array(one.box[:2]) + one.box[2:]) / 2, abs=9)


def test_faint_ink_does_not_join_characters() -> None:
    picture = paper(200, 500)
    cv2.line(picture, (30, 70), (400, 70), (205,) * 3, 4)
    assert counts(found(print_lines(picture, "ABC"))) == [3]


def test_the_desk_beside_a_sheet_is_no_character() -> None:
    picture = print_lines(paper(300, 500), TEXT, left=80)
    picture[:, :30] = 60
    assert counts(found(picture)) == [5, 5]


def test_the_end_of_an_edge_is_no_line() -> None:
    picture = print_lines(paper(400, 500), TEXT)
    picture[350:, 300:330] = 60
    sheet = found(picture)
    assert counts(sheet) == [5, 5]


def test_rules_are_left_out() -> None:
    picture = paper(300, 500)
    for y in (90, 215):
        cv2.line(picture, (0, y + 4), (499, y + 4), (120, 160, 200), 2)
    assert counts(found(print_lines(picture, "ABC\nKHR"))) == [3, 3]


def test_a_hole_is_no_character() -> None:
    picture = print_lines(paper(500, 500), TEXT, left=100)
    cv2.circle(picture, (30, 400), 24, (40,) * 3, -1)
    sheet = found(picture)
    assert counts(sheet) == [5, 5]
    assert sheet.others == 1


@pytest.mark.parametrize("picture", [paper(), np.full((90, 90), 255, np.uint8), np.zeros((70, 90), np.uint8)])
def test_a_blank_sheet_is_refused(picture: Pixels) -> None:
    with pytest.raises(UnsuitableImageError, match="no ink"):
        found(picture)


def test_what_is_at_the_edge_alone_is_no_ink() -> None:
    picture = paper()
    picture[:, :20] = 40
    with pytest.raises(UnsuitableImageError, match="no ink"):
        found(picture)


def test_a_single_character_is_a_line() -> None:
    assert counts(found(write(paper()))) == [1]


def test_too_many_characters_are_refused() -> None:
    with pytest.raises(TooManyCharactersError, match="shows 10 characters; at most 9 are read"):
        found(print_lines(paper(300, 500), TEXT), most=9)


def test_noise_is_refused_before_it_is_measured() -> None:
    dots = np.full((300, 300), 255, np.uint8)
    for y in range(4, 296, 8):
        dots[y : y + 4, 4:296:8] = 0
        dots[y : y + 4, 5:296:8] = 0
        dots[y : y + 4, 6:296:8] = 0
    with pytest.raises(TooManyCharactersError, match="1369 pieces of ink; at most 9 characters"):
        found(dots, most=9)


def test_a_long_line_alone_is_no_character() -> None:
    picture = paper()
    cv2.line(picture, (40, 150), (200, 150), (30,) * 3, 6)
    with pytest.raises(UnsuitableImageError, match="no ink"):
        found(picture)


def test_what_is_left_of_rules_is_no_character() -> None:
    picture = print_lines(paper(300, 500), TEXT)
    for x in (380, 440):
        cv2.line(picture, (x, 60), (x + 30, 60), (150,) * 3, 2)
    assert counts(found(picture)) == [5, 5]


@pytest.mark.parametrize("slant", [-0.3, 0.4, 0.7])
def test_characters_that_slant_are_told_apart(slant: float) -> None:
    picture = print_lines(paper(300, 600), "HIll,iT:l!\nfl,T;iLf!", gap=16)
    matrix = np.array([[1, -slant, 100 * slant], [0, 1, 0]], float)
    slanted = cv2.warpAffine(picture, matrix, (700, 300), borderMode=cv2.BORDER_REPLICATE)
    sheet = found(np.asarray(slanted, np.uint8))
    assert counts(sheet) == counts(found(picture)) == [10, 9]
    pieces = [[character.pieces for character in line] for line in sheet.lines]
    assert pieces == [[1, 1, 1, 1, 1, 2, 1, 2, 1, 2], [1, 1, 1, 1, 2, 2, 1, 1, 2]]
