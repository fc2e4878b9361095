from pathlib import Path

import numpy as np
import torch
from PIL import Image

from glyphvae_training.measures.pictures import sample, save_grid
from tests.training.examples import untrained


def test_a_sheet_is_dark_ink_on_white_paper_row_by_row(tmp_path: Path) -> None:
    glyphs = np.zeros((5, 28, 28), np.uint8)
    glyphs[3] = 255
    save_grid(tmp_path / "deep" / "grid.png", glyphs, columns=3, scale=1)
    with Image.open(tmp_path / "deep" / "grid.png") as image:
        grid = np.asarray(image)
    assert grid.shape == (2 * 28, 3 * 28)
    assert (grid[28:, :28] == 0).all()
    assert (grid[:28] == 255).all()
    assert (grid[28:, 28:] == 255).all()


def test_a_sheet_is_scaled(tmp_path: Path) -> None:
    save_grid(tmp_path / "grid.png", np.zeros((4, 28, 28), np.uint8), columns=2)
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (112, 112)


def test_samples_are_the_decoders_mean_at_latents_of_the_generator() -> None:
    model, label = untrained(), torch.arange(36)
    pixels = sample(model, label, torch.Generator().manual_seed(5))
    z = torch.randn(36, 6, generator=torch.Generator().manual_seed(5))
    expected = torch.sigmoid(model.decode(z, label)).detach() * 255  # type: ignore[call-arg]
    assert pixels.shape == (36, 28, 28)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels - expected.numpy()).max() <= 0.51


def test_temperature_0_is_the_centre_of_the_prior() -> None:
    model, label = untrained(), torch.full((3,), 19)
    pixels = sample(model, label, torch.Generator().manual_seed(5), temperature=0)
    assert (pixels[0] == pixels[1]).all()
    warm = sample(model, label, torch.Generator().manual_seed(5))
    assert (warm[0] != warm[1]).any()


def test_an_unconditional_model_ignores_the_label() -> None:
    model = untrained("vae")
    first = sample(model, torch.zeros(2, dtype=torch.int64), torch.Generator().manual_seed(5))
    second = sample(model, torch.ones(2, dtype=torch.int64), torch.Generator().manual_seed(5))
    np.testing.assert_array_equal(first, second)
