import numpy as np

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.beside import COUNT, beside


def grey(*levels: tuple[int, int, int]) -> Split:
    """Return characters of one grey level: of each label, a level, so many times."""
    labels, shades, counts = np.array(levels, np.int64).T
    images = np.repeat(shades, counts).astype(np.uint8)[:, None, None] + np.zeros((28, 28), np.uint8)
    return Split(images, np.repeat(labels, counts))


def test_each_label_is_a_row_of_real_characters_and_of_each_models() -> None:
    real, first, second = grey((3, 10, 20), (5, 20, 2)), grey((3, 30, 9), (5, 40, 9)), grey((5, 60, 9), (7, 70, 9))
    cells, columns = beside(real, [first, second])
    assert columns == 3 * COUNT + 2
    assert cells.dtype == np.uint8
    shades = cells.reshape(2, columns, -1)[..., 0].tolist()
    assert shades[0] == [10] * COUNT + [0] + [30] * COUNT + [0] + [0] * COUNT
    assert shades[1] == [20, 20] + [0] * (COUNT - 2) + [0] + [40] * COUNT + [0] + [60] * COUNT
