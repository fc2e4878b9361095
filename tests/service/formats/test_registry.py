"""Properties of every picture format."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from glyphvae.formats.colours import BLACK, WHITE, Colour, painted, ruled
from glyphvae.formats.registry import PICTURES, PNG

PIXELS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))
COLOURS = st.builds(Colour, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))


@pytest.mark.parametrize("media", PICTURES)
@given(pixels=PIXELS, ink=COLOURS, paper=st.none() | COLOURS)
def test_a_picture_has_the_colours_of_ink_and_paper(
    media: str, pixels: NDArray[np.uint8], ink: Colour, paper: Colour | None
) -> None:
    image = Image.open(io.BytesIO(PICTURES[media](pixels, ink, paper)))
    assert image.get_format_mimetype() == media
    assert np.array_equal(np.asarray(image.convert("RGBA" if paper is None else "RGB")), painted(pixels, ink, paper))


@pytest.mark.parametrize("media", PICTURES)
@given(pixels=PIXELS, ink=COLOURS, paper=st.none() | COLOURS, rule=COLOURS)
def test_rules_lie_between_ink_and_paper(
    media: str, pixels: NDArray[np.uint8], ink: Colour, paper: Colour | None, rule: Colour
) -> None:
    marked = ruled(pixels.copy(), [slice(0, 1)], [slice(2, 3)])
    image = Image.open(io.BytesIO(PICTURES[media](marked, ink, paper, rule)))
    found = np.asarray(image.convert("RGBA")).astype(int)
    on_rule = np.zeros(pixels.shape, bool)
    on_rule[0] = on_rule[:, 2:3] = True
    plain, over = painted(pixels, ink, paper), painted(pixels, ink, rule)
    # Half of the levels are left, so that a colour may be one of them off.
    assert np.abs(found[~on_rule] - (plain if paper is None else over_opaque(plain))[~on_rule]).max(initial=0) <= 3
    assert np.abs(found[on_rule] - over_opaque(over)[on_rule]).max(initial=0) <= 3


def over_opaque(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])


def test_png_is_the_first_choice() -> None:
    assert next(iter(PICTURES)) == PNG


def test_a_picture_is_painted_pixel_by_pixel() -> None:
    pixels = np.array([[0, 51, 255]], np.uint8)
    assert painted(pixels, BLACK, WHITE).tolist() == [[[255] * 3, [204] * 3, [0] * 3]]
    assert painted(pixels, Colour(1, 2, 3), None).tolist() == [[[1, 2, 3, 0], [1, 2, 3, 51], [1, 2, 3, 255]]]
