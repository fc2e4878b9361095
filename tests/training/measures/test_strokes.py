import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from glyphvae_training.measures.strokes import edge_slope, grey_share, mean_ink, stroke_width


def bar(width: int, value: int = 255) -> NDArray[np.uint8]:
    """A vertical bar of 20 pixels, (1, 28, 28)."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 10 : 10 + width] = value
    return image


def blurred(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    return np.round(ndimage.gaussian_filter(image.astype(np.float64), (0, sigma, sigma))).astype(np.uint8)


def test_ink_and_paper_are_not_grey() -> None:
    assert grey_share(np.concatenate([bar(3), bar(3, 0), bar(3, 20)])).tolist() == [0, 0, 0]


def test_the_share_of_grey_pixels_is_counted() -> None:
    assert grey_share(bar(3, 128)).item() == pytest.approx(60 / 784)


def test_blur_raises_grey_and_lowers_the_slope() -> None:
    images = np.concatenate([blurred(bar(5), sigma) for sigma in (0.3, 0.6, 1.0)])
    assert np.all(np.diff(grey_share(images)) > 0)
    assert np.all(np.diff(edge_slope(images)) < 0)


def test_a_sharp_edge_has_a_slope_of_half_its_step() -> None:
    step = np.zeros((1, 28, 28), np.uint8)
    step[:, :, 14:] = 255
    assert edge_slope(step).item() == pytest.approx(0.5)


def test_empty_paper_has_neither_slope_nor_strokes() -> None:
    empty = np.zeros((1, 28, 28), np.uint8)
    assert edge_slope(empty).item() == 0
    assert stroke_width(empty).item() == 0


def test_mean_ink_is_the_mean() -> None:
    assert mean_ink(bar(4, 51)).item() == pytest.approx(0.2 * 80 / 784)


@pytest.mark.parametrize("width", [2, 3, 4, 6])
def test_the_width_of_a_bar_is_its_width(width: int) -> None:
    assert stroke_width(bar(width)).item() == pytest.approx(width, abs=0.5)


def test_blur_hardly_moves_the_width() -> None:
    assert stroke_width(blurred(bar(4), 0.7)).item() == pytest.approx(stroke_width(bar(4)).item(), rel=0.05)


def test_wide_strokes_need_no_finer_pixels() -> None:
    assert stroke_width(bar(9), 1).item() == pytest.approx(9, abs=1)
    assert stroke_width(bar(9), 1).item() == pytest.approx(stroke_width(bar(9)).item(), abs=1)
