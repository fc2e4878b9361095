from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from glyphvae_training.study.figures import colours, save, scatter, tiled


def picture() -> Figure:
    figure = Figure(figsize=(2, 2))
    scatter(figure.subplots(), np.array([[0.0, 0], [1, 1]]), np.array([0, 1]), ("A", "B"))
    return figure


def test_the_same_picture_is_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        save(picture(), tmp_path / folder / "figure-2.5")
    for name in ("figure-2.5.png", "figure-2.5.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with Image.open(tmp_path / "one" / "figure-2.5.png") as image:
        assert image.size == (200, 200)


def test_every_label_has_its_colour() -> None:
    for count in (2, 10, 36):
        assert len(np.unique(colours(count), axis=0)) == count


def test_glyphs_are_tiled_row_by_row() -> None:
    glyphs = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((6, 28, 28), np.uint8)
    np.testing.assert_array_equal(tiled(glyphs, 3)[::28, ::28], [[0, 1, 2], [3, 4, 5]])
