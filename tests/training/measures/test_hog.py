import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.measures import hog as module
from glyphvae_training.measures.hog import BLOCK, LARGEST, ORIENTATIONS, hog, shares_of_cells


def edge(transpose: bool = False) -> NDArray[np.uint8]:
    """Paper on the left, ink on the right, or above and below."""
    image = np.zeros((28, 28), np.uint8)
    image[:, 14:] = 255
    return image.T if transpose else image


def orientations(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(hog(image[None]).reshape(-1, ORIENTATIONS).sum(axis=0))


def noise(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def test_there_are_36_blocks_of_four_cells_of_nine_orientations() -> None:
    features = hog(noise(2))
    assert features.shape == (2, 1296)
    assert features.dtype == np.float32


def test_flat_images_have_no_edges() -> None:
    assert not hog(np.full((2, 28, 28), 200, np.uint8)).any()


def test_no_images_have_no_features() -> None:
    assert hog(np.zeros((0, 28, 28), np.uint8)).shape == (0, 1296)


def test_a_vertical_edge_has_the_first_orientation_alone() -> None:
    found = orientations(edge())
    assert found[0] > 1
    assert not found[1:].any()


def test_a_horizontal_edge_lies_between_the_two_middle_orientations() -> None:
    found = orientations(edge(transpose=True))
    assert found[4] > 1
    assert found[4] == pytest.approx(found[5])
    assert np.delete(found, [4, 5]).sum() == pytest.approx(0, abs=1e-5)


def test_dark_on_light_is_light_on_dark() -> None:
    np.testing.assert_allclose(hog(noise(3)), hog(255 - noise(3)), atol=1e-4)


def test_strong_edges_of_a_block_have_length_1_and_no_value_far_above_the_rest() -> None:
    found = hog(noise(3)).reshape(3, 36, BLOCK**2 * ORIENTATIONS)
    lengths = np.linalg.norm(found, axis=2)
    assert np.all((lengths > 0.9) & (lengths < 1))
    # Clipping comes before the second scaling.
    assert found.max() < 2 * LARGEST


def test_each_pixel_between_two_cells_counts_once() -> None:
    shares = shares_of_cells(28, 4)
    assert shares.shape == (7, 28)
    np.testing.assert_allclose(shares.sum(axis=0)[2:-2], 1)
    np.testing.assert_allclose(shares[0, :7], [0.625, 0.875, 0.875, 0.625, 0.375, 0.125, 0])


def test_an_edge_is_found_in_the_blocks_around_it() -> None:
    found = hog(edge()[None]).reshape(6, 6, -1).any(axis=2)
    # Columns 13 and 14 are shared by the cells of columns 8 to 19, which four of six columns of blocks have a part of.
    assert found.all(axis=0).tolist() == [False, True, True, True, True, False]


def test_images_in_parts_give_what_all_together_give(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hog(noise(5))
    monkeypatch.setattr(module, "PIXELS", 2 * 28 * 28)
    np.testing.assert_array_equal(hog(noise(5)), expected)


def test_larger_cells_see_in_larger_images_what_small_ones_see_in_small_images() -> None:
    large = np.kron(edge(), np.ones((4, 4), np.uint8))[None]
    found = hog(large, 16)
    assert found.shape == hog(edge()[None]).shape
    # Edges of one pixel, not of two, vote less; their direction and their blocks are the same.
    np.testing.assert_array_equal(found.reshape(6, 6, -1).any(axis=(0, 2)), [False, True, True, True, True, False])
    assert set(np.flatnonzero(found[0]) % 9) == {0}
