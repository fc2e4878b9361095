import numpy as np

from glyphvae.fonts.outlines import UNIT, outlines
from tests.service.text.pen import joined, stroke


def test_outlines_are_moved_and_in_whole_units() -> None:
    glyphs = joined(stroke(4, 14, 24, 14, radius=1), stroke(4, 14, 24, 14, present=False))
    (bar,), blank = outlines(glyphs, np.array([100.0, 0]))
    assert blank == []
    halfway = (bar[:, 0] + 3 * bar[:, 1] + 3 * bar[:, 2] + bar[:, 3]) / 8
    edge = np.concatenate([bar[:, 0], halfway])
    np.testing.assert_allclose(edge.min(axis=0), (3 * UNIT + 100, 9 * UNIT), atol=4)
    np.testing.assert_allclose(edge.max(axis=0), (25 * UNIT + 100, 11 * UNIT), atol=4)
    assert bar.dtype == np.int64
    assert len(bar) <= 12


def test_there_may_be_nothing_to_draw() -> None:
    assert outlines(stroke(4, 4, 24, 4, present=False), np.zeros(1)) == [[]]
