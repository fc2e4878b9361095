"""Properties of every picture format."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from glyphvae.formats.colours import BLACK, WHITE, Colour, painted
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


def test_png_is_the_first_choice() -> None:
    assert next(iter(PICTURES)) == PNG


def test_a_picture_is_painted_pixel_by_pixel() -> None:
    pixels = np.array([[0, 51, 255]], np.uint8)
    assert painted(pixels, BLACK, WHITE).tolist() == [[[255] * 3, [204] * 3, [0] * 3]]
    assert painted(pixels, Colour(1, 2, 3), None).tolist() == [[[1, 2, 3, 0], [1, 2, 3, 51], [1, 2, 3, 255]]]
