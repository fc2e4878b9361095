import numpy as np

from glyphvae_training.study.sentence import GAP, SPACE, cut, sentence, stacked
from tests.training.known_coder import KnownCoder

Z = np.zeros(2, np.float32)


def test_glyphs_are_set_by_their_ink() -> None:
    line = sentence(KnownCoder(), "AJ A", Z)
    assert line.shape == (28, 3 * 4 + SPACE + 4 * GAP)
    inked = np.flatnonzero(line.any(axis=0))
    assert inked.tolist() == [*range(4), *range(6, 10), *range(10 + GAP + SPACE + GAP, 14 + GAP + SPACE + GAP)]


def test_a_glyph_without_ink_keeps_its_width() -> None:
    assert cut(np.zeros((28, 28), np.uint8)).shape == (28, 28)


def test_lines_are_filled_up_to_the_longest() -> None:
    page = stacked([np.full((28, 10), 255, np.uint8), np.full((28, 4), 255, np.uint8)])
    assert page.shape == (2 * 36, 10)
    assert page.sum() == 255 * 28 * 14
