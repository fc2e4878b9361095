import numpy as np
import pytest

from glyphvae_training.evaluation.hands import Letters
from glyphvae_training.evaluation.large import compare_large, enlarged, painted, write_large
from tests.training.examples import exported_model, painter

LABELS = np.array([3, 7])


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def stroke(radius: float) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Return a straight stroke from the left to the right, and one that is not there."""
    points = np.zeros((1, 2, 5, 2), np.float32)
    points[0, :, :, 0] = np.linspace(4, 24, 5)
    points[0, :, :, 1] = [[14], [4]]
    return {
        "control": points,
        "radius": np.full((1, 2, 4), radius, np.float32),
        "presence": np.array([[1, 0]], np.float32),
    }


def test_strokes_are_painted_at_their_place_and_width() -> None:
    (image,) = painted(stroke(2), 8, 112)
    rows, columns = np.flatnonzero(image[:, 56] > 127), np.flatnonzero(image[56] > 127)
    # Four pixels to a unit: 12 to 16 down, and 2 units to 26 across, round ends included.
    assert (rows[0], rows[-1] + 1) == (48, 64)
    assert (columns[0], columns[-1] + 1) == pytest.approx((8, 104), abs=1)
    assert image[16].max() == 0
    assert set(np.unique(image[:, 56])) >= {0, 255}


def test_a_model_with_strokes_paints_them_and_knows_their_size() -> None:
    z, labels = rng().standard_normal((20, 6), dtype=np.float32), np.arange(20)
    images, size = write_large(exported_model("pen"), z, labels, 84)
    assert images.shape == (20, 84, 84)
    assert size is not None
    assert size.shape == (20,)
    decoded, _ = painter("pen", np.zeros((28, 28), np.uint8)).decode(z, labels)
    assert images.max() > decoded.max() == 0


def test_a_model_without_strokes_has_its_pixels_enlarged() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[10:20, 5:8] = 255
    images, size = write_large(painter("cvae", image), np.zeros((2, 6), np.float32), LABELS, 112)
    assert size is None
    np.testing.assert_array_equal(images, enlarged(image[None].repeat(2, 0), 112))
    assert (images[0] > 127).sum() == pytest.approx(16 * 30, rel=0.02)  # corners are rounded


def test_letters_in_a_hand_are_compared_with_those_of_its_font() -> None:
    bar, lying = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    bar[4:24, 12:16] = 255
    lying[...] = bar.T
    small = Letters(LABELS, np.array([[bar, bar], [lying, lying]]), np.full((2, 2), 0.05, np.float32))
    images = np.stack([enlarged(font, 64) for font in small.images])
    found = compare_large(painter("cvae", bar), small, Letters(LABELS, images, small.size), rng())
    # The first font's letters are written exactly, those of the other are as far off as two fonts are.
    assert list(found["distance"]) == [0.5, 0, 1]
    assert found["width between letters"].value == found["width between letters of the fonts"].value == 0
    within = found["width within a letter"], found["width within a letter of the fonts"]
    assert within[0].value == pytest.approx(within[1].value, abs=0.02)
