import numpy as np

from glyphvae.imaging.contrast import find_contrast
from tests.service.imaging.scenes import paper, write


def test_paper_of_one_level_has_no_ink_and_no_noise() -> None:
    found = find_contrast(paper(40, 60))
    assert found.ink.max() == 0
    assert found.noise == 0


def test_ink_is_the_difference_to_the_paper_around_it() -> None:
    found = find_contrast(write(paper(level=200), 50)[..., 0])
    assert found.ink.max() == 150
    assert found.ink[:50].max() == 0


def test_the_step_of_a_shadow_is_no_ink() -> None:
    picture = paper(level=220)
    picture[:, 150:] = 110
    assert find_contrast(picture).ink.max() == 0


def test_noise_is_measured() -> None:
    rng = np.random.default_rng(0)
    picture = np.clip(rng.normal(180, 6, (300, 300)), 0, 255).astype(np.uint8)
    assert 1 < find_contrast(picture).noise < 8


def test_glare_is_no_ink() -> None:
    rows, columns = np.mgrid[:300, :300]
    light = 50 * np.exp(-((rows - 60) ** 2 + (columns - 60) ** 2) / 1500)
    picture = np.clip(write(paper(level=200), 60).astype(float) + light[..., None], 0, 255).astype(np.uint8)
    found = find_contrast(picture)
    assert found.ink[90:230, 110:220].max() > 100
    assert found.ink[40:80, 40:80].max() < 14
