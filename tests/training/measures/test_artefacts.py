import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.measures.artefacts import (
    common_pieces,
    find_components,
    has_dot,
    haze,
    pieces,
    specks,
    width_variation,
)

Pixels = NDArray[np.uint8]


def paper(count: int = 1) -> Pixels:
    return np.zeros((count, 28, 28), np.uint8)


def stem(*others: tuple[int, int, int, int], value: int = 255) -> Pixels:
    """A stem from row 10 to 23, and rectangles of ink: top, left, height, width."""
    image = paper()
    image[0, 10:24, 13:15] = 255
    for top, left, height, width in others:
        image[0, top : top + height, left : left + width] = value
    return image


def test_haze_is_faint_ink_away_from_dark_ink() -> None:
    image = stem((10, 12, 14, 1), (2, 2, 1, 5), (10, 18, 2, 2), value=40)
    # The first rectangle lies at the stem; 5 and 4 pixels do not.
    assert haze(image).tolist() == [9]


def test_neither_the_faintest_ink_nor_grey_beside_dark_is_haze() -> None:
    assert haze(stem((2, 2, 4, 4), value=30)).tolist() == [0]
    assert haze(stem((9, 15, 1, 1), value=100)).tolist() == [0]  # at a corner
    assert haze(stem((8, 15, 1, 1), value=100)).tolist() == [1]


def test_the_edge_of_an_image_is_not_near_its_other_edge() -> None:
    image = paper(2)
    image[0, 0, :] = 255
    image[0, 27, :] = image[1, 0, :] = 100
    assert haze(image).tolist() == [28, 28]


def test_specks_have_at_most_four_pixels_and_pieces_more() -> None:
    image = stem((2, 2, 2, 2), (2, 20, 1, 5), (20, 20, 1, 1))
    assert specks(image).tolist() == [2]
    assert pieces(image).tolist() == [2]


def test_pixels_at_a_corner_are_one_component() -> None:
    image = paper()
    image[0, np.arange(5, 15), np.arange(5, 15)] = 255
    assert pieces(image).tolist() == [1]
    assert specks(image).tolist() == [0]


def test_faint_ink_joins_nothing() -> None:
    joined, apart = paper(), paper()
    for image, between in ((joined, 110), (apart, 90)):
        image[0, 5, 5:20] = image[0, 7, 5:20] = 255
        image[0, 6, 10] = between
    assert pieces(np.concatenate([joined, apart])).tolist() == [1, 2]


def test_images_do_not_touch() -> None:
    found = find_components(np.concatenate([stem(), paper(), stem((2, 2, 2, 2))]))
    assert found.image.tolist() == [0, 2, 2]
    assert found.size.tolist() == [28, 4, 28]
    assert found.top.tolist() == [10, 2, 10]
    assert found.row.tolist() == [16.5, 2.5, 16.5]


def test_no_ink_is_no_component() -> None:
    assert specks(paper(2)).tolist() == pieces(paper(2)).tolist() == haze(paper(2)).tolist() == [0, 0]
    assert has_dot(paper(2)).tolist() == [False, False]
    assert width_variation(paper(2)).tolist() == [0, 0]


def test_a_dot_is_above_the_stem_and_apart_from_it() -> None:
    images = [stem((5, 13, 2, 2)), stem((9, 13, 1, 2)), stem((12, 18, 3, 3)), stem((5, 13, 1, 1)), stem((5, 6, 1, 2))]
    # Apart; joined; beside; a single pixel; to the left.
    assert has_dot(np.concatenate(images)).tolist() == [True, False, False, False, True]


def test_a_dot_may_begin_where_the_stem_does_not() -> None:
    image = stem((8, 16, 3, 2))  # as low as the top of the stem, but its middle is above
    assert has_dot(image).tolist() == [True]


def test_pieces_are_common_that_a_fifth_of_real_characters_have() -> None:
    counts, labels = np.array([1] * 8 + [2] * 2 + [1] * 9 + [3]), np.array([0] * 10 + [1] * 10)
    assert common_pieces(counts, labels) == {0: 2, 1: 1}


def test_an_even_stroke_does_not_vary_and_one_of_two_widths_does() -> None:
    even, swelling = paper(), paper()
    even[0, 4:24, 12:15] = 255
    swelling[0, 4:14, 12:15] = swelling[0, 14:24, 10:17] = 255
    found = width_variation(np.concatenate([even, swelling]))
    assert found[0] == pytest.approx(0, abs=0.12)
    # Half of it 3 wide, half 7: a mean of 5 and a deviation of 2.
    assert found[1] == pytest.approx(0.4, abs=0.12)
