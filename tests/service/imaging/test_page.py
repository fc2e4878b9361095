import cv2
import numpy as np
import pytest

from glyphvae.imaging.ink_extraction import lift_ink
from glyphvae.imaging.page import find_characters, read_page
from glyphvae.imaging.preprocess import UnsuitableImageError, preprocess
from glyphvae.imaging.squaring import find_paper
from tests.service.imaging.scenes import Pixels, alike, paper, write

PLAIN = preprocess(write(paper(level=255), ink=0)[..., 0])


def ruled(step: int = 40, *, squares: bool = False, level: int = 150, width: int = 1) -> Pixels:
    picture = paper()
    for place in range(15, 300, step):
        cv2.line(picture, (0, place), (299, place + 3), (level,) * 3, width, cv2.LINE_AA)
        if squares:
            cv2.line(picture, (place, 0), (place, 299), (level,) * 3, width, cv2.LINE_AA)
    return picture


def framed(margin: int, width: int = 2) -> Pixels:
    picture = paper()
    cv2.rectangle(picture, (margin, margin), (299 - margin, 299 - margin), (20, 20, 20), width)
    return picture


def shadowed() -> Pixels:
    picture = write(paper())
    rows, columns = np.mgrid[:300, :300]
    picture[columns + rows // 4 > 190] //= 2
    return picture


def beside_a_phones_shadow() -> Pixels:
    picture = write(paper(), left=190)
    picture[120:, 20:150] //= 2
    return picture


def with_strip(width: int) -> Pixels:
    picture = write(paper())
    picture[:, :width] = (90, 60, 40)
    return picture


def with_hole() -> Pixels:
    picture = write(paper())
    cv2.circle(picture, (25, 150), 14, (50, 50, 50), -1, cv2.LINE_AA)
    return picture


def with_specks() -> Pixels:
    picture = write(paper())
    for x, y in ((20, 20), (250, 40), (60, 260), (280, 280), (30, 140), (240, 200)):
        cv2.circle(picture, (x, y), 2, (60, 60, 60), -1)
    cv2.circle(picture, (60, 60), 30, (222, 214, 200), -1)
    return picture


def on_desk() -> Pixels:
    desk = np.zeros((360, 400, 3), np.uint8)
    desk[:] = (96, 64, 40)
    desk[::3] = (104, 70, 46)
    corners = np.array([[60, 40], [330, 60], [320, 320], [50, 300]], np.float32)
    whole = np.array([[0, 0], [299, 0], [299, 299], [0, 299]], np.float32)
    matrix = cv2.getPerspectiveTransform(whole, corners)
    lying = cv2.warpPerspective(write(paper()), matrix, (400, 360))
    cover = cv2.warpPerspective(np.full((300, 300), 255, np.uint8), matrix, (400, 360))
    return np.where(cover[..., None] > 127, lying, desk)


@pytest.mark.parametrize(
    "picture",
    [
        write(ruled()),
        write(ruled(squares=True)),
        write(ruled(14, squares=True, level=190)),
        write(framed(0)),
        write(framed(20)),
        write(framed(70)),
        shadowed(),
        with_strip(30),
        with_strip(80),
        with_hole(),
        with_specks(),
        on_desk(),
        255 - write(ruled()),
        write(paper()[..., :1].repeat(3, axis=2), (235, 120, 120)),
    ],
    ids=["ruled", "squared", "densely squared", "edge", "frame", "box", "shadow", "strip", "desk", "hole", "specks",
         "sheet", "light on dark", "red"],
)  # fmt: skip
def test_surroundings_do_not_change_what_is_read(picture: Pixels) -> None:
    assert alike(preprocess(picture), PLAIN) > 0.85


def test_a_shadow_with_the_outline_of_a_sheet_is_none() -> None:
    picture = beside_a_phones_shadow()
    assert find_paper(picture) is not None
    assert alike(preprocess(picture), PLAIN) > 0.9
    # Nor is there a character on a sheet because its desk has none.
    blank = np.full((300, 300, 3), 80, np.uint8)
    blank[40:240, 50:230] = 230
    assert find_paper(blank) is not None
    with pytest.raises(UnsuitableImageError, match="no ink"):
        preprocess(blank)


def test_ink_of_the_papers_luma_is_told_by_its_colour() -> None:
    picture = np.empty((300, 300, 3), np.uint8)
    picture[:] = (60, 155, 160)
    glyph = preprocess(write(picture, (200, 90, 102)))
    assert alike(glyph, PLAIN) > 0.9


def test_rules_are_counted_and_taken_out() -> None:
    page = read_page(write(ruled()))
    assert page.lines == 8
    assert page.mask[:80].max() == 0


def test_a_picture_of_lines_alone_keeps_them() -> None:
    assert read_page(ruled()).lines == 0


def test_a_lone_long_stroke_is_a_character_and_no_rule() -> None:
    glyph = preprocess(write(paper(), points=[(0.5, -0.6), (0.5, 1.6)]))
    assert np.count_nonzero(glyph.max(axis=0) > 128) <= 5


def test_a_character_without_a_margin_is_read() -> None:
    crop = write(paper(), pen=16)[84:216, 106:200]
    assert alike(preprocess(crop), PLAIN) > 0.8


@pytest.mark.parametrize("shape", [(300, 300), (300, 300, 3), (1500, 900)])
@pytest.mark.parametrize("level", [0, 90, 255])
def test_one_colour_is_refused(shape: tuple[int, ...], level: int) -> None:
    with pytest.raises(UnsuitableImageError, match="no ink"):
        preprocess(np.full(shape, level, np.uint8))


def test_a_large_grey_picture_is_worked_on_smaller() -> None:
    large = cv2.resize(write(ruled()), (2400, 2400))[..., 0]
    assert max(find_characters(np.ascontiguousarray(large))[0][0].ink.shape) <= 640
    assert alike(preprocess(np.ascontiguousarray(large)), PLAIN) > 0.85


def test_the_library_uses_one_thread() -> None:
    assert cv2.getNumThreads() == 1


def test_a_long_stroke_of_a_character_that_fills_the_picture_is_no_rule() -> None:
    nine = [(0.7, 0.1), (0.2, 0.05), (0.0, 0.45), (0.3, 0.85), (0.7, 0.7), (0.7, 0.0), (0.7, 1.0)]
    drawing = write(paper(300, 230, level=255), 0, top=5, left=10, height=290, pen=8, points=nine)[..., 0]
    assert read_page(drawing).lines == 0


def test_a_rule_beside_a_character_is_one_though_it_is_alone() -> None:
    drawing = write(paper(level=255), 0)
    cv2.line(drawing, (10, 220), (290, 222), (90, 90, 90), 1, cv2.LINE_AA)
    assert read_page(drawing[..., 0]).lines == 1
    assert alike(preprocess(drawing[..., 0]), PLAIN) > 0.95


def test_a_clean_drawing_of_one_piece_is_converted_by_the_border_alone() -> None:
    drawing = write(paper(level=255), 0)[..., 0]
    assert np.array_equal(find_characters(drawing)[0][0].ink, lift_ink(drawing))
