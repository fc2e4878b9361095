import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from glyphvae.imaging.ink_extraction import lift_ink


def letter(side: int = 100) -> NDArray[np.float64]:
    """Draw an H of full ink (1) on paper (0), in the middle of a square."""
    ink = np.zeros((side, side))
    near, far, stroke = int(0.3 * side), int(0.7 * side), max(1, side // 12)
    ink[near:far, near : near + stroke] = ink[near:far, far - stroke : far] = 1
    ink[side // 2 : side // 2 + stroke, near:far] = 1
    return ink


def shown(ink: NDArray[np.float64], paper: NDArray[np.float64] | float, contrast: float) -> NDArray[np.uint8]:
    return np.clip(np.rint(paper + contrast * ink), 0, 255).astype(np.uint8)


def light(side: int, steepness: float) -> NDArray[np.float64]:
    """Paper lit from one corner, and less at the edges of the lens."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    levels: NDArray[np.float64] = 170 + steepness * (x + 0.5 * y) - 10 * (x * x + y * y)
    return levels


def agreement(lifted: NDArray[np.uint8], ink: NDArray[np.float64]) -> float:
    """Correlation with the ink that was put there."""
    return float(np.corrcoef(lifted.ravel(), ink.ravel())[0, 1])


@pytest.mark.parametrize(("paper", "contrast"), [(0, 255), (255, -255), (200, -40), (30, 60), (128, 127), (128, -20)])
@pytest.mark.parametrize("side", [28, 100])
def test_ink_of_either_polarity_becomes_bright(paper: float, contrast: float, side: int) -> None:
    lifted = lift_ink(shown(letter(side), paper, contrast))
    assert np.array_equal(lifted, letter(side).astype(np.uint8) * 255)


@pytest.mark.parametrize("contrast", [-100, -50, 50])
@pytest.mark.parametrize("steepness", [0, 20, 45])
def test_photographed_paper_disappears(contrast: float, steepness: float) -> None:
    ink = letter(300)
    noise = np.random.default_rng(0).normal(0, 3, ink.shape)
    lifted = lift_ink(shown(ink, light(300, steepness) + noise, contrast))
    assert agreement(lifted, ink) > 0.95
    assert (lifted[ink == 0] > 0).mean() < 0.005


def test_letter_that_touches_the_border_does_not_pass_for_paper() -> None:
    ink = letter(200)[60:140, 55:145]
    ink[:, 40:44] = 1
    noise = np.random.default_rng(0).normal(0, 3, ink.shape)
    assert agreement(lift_ink(shown(ink, 180 + noise, -90)), ink) > 0.95


def test_letter_cut_out_without_margin_keeps_its_polarity() -> None:
    image = Image.new("L", (60, 240))
    ImageDraw.Draw(image).line([(10, 239), (50, 0)], fill=255, width=16)
    stroke = np.asarray(image.reduce(10)) / 255
    for picture in (shown(stroke, 0, 255), shown(stroke, 255, -255)):
        assert agreement(lift_ink(picture), stroke) > 0.95


@pytest.mark.parametrize("level", [0, 100, 255])
@pytest.mark.parametrize("shape", [(28, 28), (300, 200), (1, 5000), (1, 1)])
def test_even_picture_has_no_ink(level: int, shape: tuple[int, int]) -> None:
    assert not lift_ink(np.full(shape, level, np.uint8)).any()


@pytest.mark.parametrize("spread", [1, 4, 8])
@pytest.mark.parametrize("side", [28, 300])
def test_empty_paper_has_no_ink(spread: float, side: int) -> None:
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(0, spread, (side, side))
        assert not lift_ink(shown(np.zeros((side, side)), light(side, 20) + noise, 0)).any()


def test_faint_marks_are_not_ink() -> None:
    assert not lift_ink(shown(letter(), 200, -15)).any()
    assert lift_ink(shown(letter(), 200, -16)).any()


def test_large_picture_is_worked_on_smaller() -> None:
    lifted = lift_ink(shown(letter(1100), 255, -255))
    assert lifted.shape == (367, 367)
    assert lifted.max() == 255
