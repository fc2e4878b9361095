import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from glyphvae.imaging.decode import open_image
from glyphvae.imaging.preprocess import UnsuitableImageError, find_glyph, preprocess
from tests.service.imaging.scenes import paper, write


def drawn(side: int, stroke: int, points: list[tuple[float, float]], size: float = 0.6) -> NDArray[np.uint8]:
    """Draw a bright polyline; `points` from 0 to 1 within a part `size` of the picture."""
    image = Image.new("L", (side, side))
    offset = (1 - size) / 2
    ImageDraw.Draw(image).line(
        [(side * (offset + size * x), side * (offset + size * y)) for x, y in points], fill=255, width=stroke
    )
    return np.asarray(image)


LIGHTNING = [(0.0, 0.0), (0.9, 0.3), (0.2, 0.6), (1.0, 1.0)]


def extent(glyph: NDArray[np.uint8]) -> tuple[int, int]:
    rows, columns = np.nonzero(glyph)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def centre(glyph: NDArray[np.uint8]) -> tuple[float, float]:
    levels = glyph.astype(np.float64)
    y, x = np.mgrid[:28, :28]
    return float((levels * y).sum() / levels.sum()), float((levels * x).sum() / levels.sum())


@pytest.mark.parametrize("side", [28, 60, 280, 1000])
def test_character_is_fitted_and_centred_by_mass(side: int) -> None:
    glyph = preprocess(drawn(side, side // 12, LIGHTNING))
    assert glyph.shape == (28, 28)
    assert glyph.dtype == np.uint8
    assert max(extent(glyph)) == 20
    assert np.abs(np.array(centre(glyph)) - 14).max() <= 0.5
    assert glyph.max() > 200


def test_polarity_size_and_place_do_not_matter() -> None:
    bright = drawn(280, 22, LIGHTNING)
    glyph = preprocess(bright)
    moved = np.pad(bright, ((90, 0), (0, 40)))
    for other in (255 - bright, bright // 2 + 40, moved, np.asarray(Image.fromarray(bright).resize((420, 420)))):
        assert np.abs(preprocess(other).astype(int) - glyph).mean() < 3


def test_aspect_is_kept() -> None:
    height, width = extent(preprocess(drawn(200, 10, [(0.4, 0.0), (0.4, 1.0), (0.6, 1.0)])))
    assert height == 20
    assert 4 <= width <= 7


def test_thin_pen_is_made_strong() -> None:
    glyph = preprocess(drawn(500, 3, LIGHTNING)).astype(np.float64)
    assert (glyph**2).sum() / glyph.sum() > 120


def test_specks_do_not_belong_to_the_character() -> None:
    clean = drawn(300, 24, LIGHTNING, size=0.4)
    specked = clean.copy()
    specked[[0, 3, 150, 299, 296], [0, 250, 299, 10, 294]] = 255
    assert np.array_equal(preprocess(specked), preprocess(clean))


def test_lone_stroke_at_the_edge_stays_in_the_field() -> None:
    lopsided = np.zeros((20, 20), np.uint8)
    lopsided[:, 0] = 255
    lopsided[19, :] = 60
    lopsided[0, :3] = 255
    glyph = preprocess(np.pad(lopsided, 1))
    assert max(extent(glyph)) == 20
    assert centre(glyph)[1] < 13.5


@pytest.mark.parametrize("shape", [(28, 28), (300, 40), (1, 5000)])
def test_blank_picture_is_refused(shape: tuple[int, int]) -> None:
    for level in (0, 255):
        with pytest.raises(UnsuitableImageError, match="shows no ink"):
            preprocess(np.full(shape, level, np.uint8))


def test_lone_specks_are_no_character() -> None:
    picture = np.full((400, 400), 255, np.uint8)
    picture[[20, 200, 380], [300, 200, 50]] = 0
    with pytest.raises(UnsuitableImageError, match="shows no ink"):
        preprocess(picture)


def test_line_of_one_row_is_fitted() -> None:
    picture = np.zeros((1, 5000), np.uint8)
    picture[0, 1000:4000] = 255
    assert extent(preprocess(picture)) == (1, 20)


def test_without_preprocessing_the_picture_is_taken_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    assert preprocess(picture, "none") is picture
    blank = np.zeros((28, 28), np.uint8)
    assert preprocess(blank, "none") is blank


def test_without_preprocessing_the_size_must_fit() -> None:
    with pytest.raises(UnsuitableImageError, match="is 27x28; without preprocessing it must be 28x28"):
        preprocess(np.zeros((28, 27), np.uint8), "none")


@settings(max_examples=200)
@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))
    | st.integers(0, 2**32).map(
        lambda seed: np.random.default_rng(seed).choice([0, 60, 255], (70, 90), p=[0.97, 0.02, 0.01]).astype(np.uint8)
    )
)
def test_any_picture_is_converted_or_refused(grey: NDArray[np.uint8]) -> None:
    try:
        glyph = preprocess(grey)
    except UnsuitableImageError:
        return
    assert glyph.shape == (28, 28)
    assert glyph.any()
    assert max(extent(glyph)) <= 20


POINTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=5)


@settings(max_examples=50)
@given(POINTS, st.integers(20, 200), st.integers(2, 6))
def test_any_drawing_becomes_a_glyph_that_stays(points: list[tuple[float, float]], side: int, stroke: int) -> None:
    """Centred as nearly as the field allows, in its box, and no different when it is sent again."""
    try:
        glyph = preprocess(drawn(side, stroke, points))
    except UnsuitableImageError:
        return
    assert max(extent(glyph)) <= 20
    again = preprocess(glyph)
    shift = np.abs(np.subtract(centre(again), centre(glyph)))
    assert shift.max() <= 1
    assert np.abs(np.subtract(extent(again), extent(glyph))).max() <= 2


@settings(max_examples=50)
@given(POINTS, st.integers(40, 120))
def test_ink_and_paper_may_be_either_way_round(points: list[tuple[float, float]], side: int) -> None:
    bright = drawn(side, 4, points)
    try:
        glyph = preprocess(bright)
    except UnsuitableImageError:
        with pytest.raises(UnsuitableImageError):
            preprocess(255 - bright)
        return
    assert np.array_equal(preprocess(255 - bright), glyph)


def test_the_order_in_memory_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    photo = rng.normal(200, 3, (60, 50)).clip(0, 255).astype(np.uint8)
    photo[20:40, 20:25] = 40
    assert np.array_equal(preprocess(np.asfortranarray(photo)), preprocess(photo))


@pytest.mark.parametrize(
    ("size", "mode", "kind", "turns"),
    [
        (300, "RGB", "PNG", 0),
        (300, "RGB", "JPEG", 0),
        (2100, "RGB", "JPEG", 0),
        (1500, "L", "PNG", 0),
        (300, "RGB", "JPEG", 1),
    ],
)
def test_the_box_of_a_character_is_in_the_pixels_of_its_picture(size: int, mode: str, kind: str, turns: int) -> None:
    picture = paper()
    for row in range(15, 300, 40):
        picture[row : row + 2] = 150
    image = Image.fromarray(np.rot90(write(picture), turns)).resize((size, size)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6 if turns else 1
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    found = open_image(file.getvalue(), max_pixels=10_000_000).decode()
    _, box = find_glyph(found.levels)
    seen = np.array(box) * found.reduction * 300 / size
    assert np.abs(seen - [108, 88, 201, 215]).max() <= 8


def test_the_box_on_a_squared_up_note_is_in_the_picture() -> None:
    table = np.full((400, 400, 3), 70, np.uint8)
    table[50:350, 60:360] = write(paper())
    _, box = find_glyph(table)
    assert np.abs(np.array(box) - [168, 138, 261, 265]).max() <= 8
