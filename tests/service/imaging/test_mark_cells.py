import numpy as np
import pytest

from glyphvae.imaging.mark_cells import BASELINE, mark_cell

INK = np.full((10, 6), 255, np.uint8)


def extent(cell: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(cell.max(axis=1)), np.flatnonzero(cell.max(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_a_mark_keeps_its_size_and_its_place_on_the_line() -> None:
    """A cap height of 40 pixels is 20 rows, so that what ends on the baseline ends at row 24."""
    assert extent(mark_cell(INK, (100, 90), base=100, cap=40)) == (12, BASELINE - 5, 16, BASELINE)
    assert extent(mark_cell(INK, (100, 60), base=100, cap=40)) == (12, BASELINE - 20, 16, BASELINE - 15)


@pytest.mark.parametrize(("y", "row"), [(0, 0), (300, 23)])
def test_what_would_stick_out_is_moved(y: int, row: int) -> None:
    assert extent(mark_cell(INK, (100, y), base=100, cap=40))[1] == row


def test_what_is_too_large_is_reduced() -> None:
    left, top, right, bottom = extent(mark_cell(np.full((50, 84), 255, np.uint8), (0, 0), base=50, cap=20))
    assert (left, right) == (0, 28)
    assert bottom - top == pytest.approx(17, abs=1)


def test_without_ink_a_cell_is_empty() -> None:
    assert not mark_cell(np.zeros((4, 4), np.uint8), (0, 0), base=4, cap=4).any()
