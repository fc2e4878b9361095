from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from glyphvae_training.data.augment import (
    TILT,
    add_neighbour,
    augment,
    blur,
    coarsen,
    cut,
    damage,
    fade,
    grain,
    move,
    reduce,
    tilt,
    vary_ink,
    vary_stroke_weight,
    warp,
)

Change = Callable[[Tensor, Generator], Tensor]


def bar(images: int = 64) -> Tensor:
    """A vertical bar, 4 wide and 16 high, in the middle."""
    x = torch.zeros(images, 1, 28, 28)
    x[:, :, 6:22, 12:16] = 1
    return x


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("change", [augment, move, vary_stroke_weight, blur, vary_ink])
def test_every_image_is_changed_in_its_own_way_and_stays_in_range(change: Change) -> None:
    changed = change(bar() * 0.7, seeded())
    assert changed.shape == (64, 1, 28, 28)
    assert changed.min() >= 0
    assert changed.max() <= 1 + 1e-6
    assert len(torch.unique(changed.flatten(1), dim=0)) > 32


@pytest.mark.parametrize("change", [augment, move, vary_stroke_weight, blur, vary_ink])
def test_the_generator_decides(change: Change) -> None:
    assert torch.equal(change(bar(), seeded(1)), change(bar(), seeded(1)))
    assert not torch.equal(change(bar(), seeded(1)), change(bar(), seeded(2)))


def test_damage_strikes_some_images_each_in_its_own_way() -> None:
    x = bar(400)
    damaged = damage(x, seeded())
    assert damaged.min() >= 0
    assert damaged.max() <= 1
    untouched = (damaged == x).flatten(1).all(1).float().mean().item()
    assert untouched == pytest.approx(0.92**3 * 0.94**2 * 0.88 * 0.75, abs=0.1)
    assert torch.equal(damaged, damage(x, seeded()))
    assert not torch.equal(damaged, damage(x, seeded(1)))


def test_a_cut_takes_ink_and_no_paper() -> None:
    left = cut(bar(100), seeded())
    assert (left <= bar(100)).all()
    assert left[0].sum() > 0
    assert left.sum() < bar(100).sum()


def test_fading_is_stronger_on_one_side() -> None:
    faded = fade(torch.ones(100, 1, 28, 28), seeded())
    assert (faded.amax(dim=(1, 2, 3)) - faded.amin(dim=(1, 2, 3)) > 0.2).float().mean() > 0.9
    assert (faded.amax(dim=(1, 2, 3)) > 0.9).float().mean() > 0.7


def test_a_neighbour_stands_at_an_edge() -> None:
    x = torch.zeros(8, 1, 28, 28)
    x[:, :, 6:22, 8:20] = 1
    for seed in range(5):
        added = (add_neighbour(x, seeded(seed)) - x).amax(dim=(0, 1, 2)).nonzero().squeeze(1)
        assert len(added) > 0
        assert added.max() < 6 or added.min() > 21


def test_reduction_and_coarsening_keep_the_middle() -> None:
    smaller = reduce(bar(100), seeded())
    assert (smaller.sum(dim=(1, 2, 3)) <= bar(1).sum() + 0.1).all()
    assert smaller.sum(dim=(1, 2, 3)).min() < 0.7 * bar(1).sum()
    assert coarsen(bar(1), seeded()).sum() == pytest.approx(bar(1).sum().item(), rel=0.05)


def test_tilts_are_of_either_side_and_keep_the_ink() -> None:
    x = bar(200)
    tilted = tilt(x, seeded())
    assert torch.allclose(tilted.sum(dim=(1, 2, 3)), x.sum(dim=(1, 2, 3)), rtol=0.05)
    columns, rows = torch.arange(28) - 13.5, torch.arange(28)[:, None] - 13.5
    slant = (tilted.squeeze(1) * columns * rows).sum(dim=(1, 2)) / (tilted.squeeze(1) * rows**2).sum(dim=(1, 2))
    angles = torch.atan(slant)
    assert angles.abs().max() < TILT
    assert (angles > 0.7 * TILT).any()
    assert (angles < -0.7 * TILT).any()


def test_grain_is_of_the_ink_above_all() -> None:
    noise = grain(bar(200), seeded()) - bar(200)
    assert noise[:, :, 6:22, 12:16].std() > 5 * noise[:, :, :, :10].std()


def test_moving_keeps_the_character_in_the_field_and_upright() -> None:
    moved = move(bar(256), seeded()).squeeze(1)
    rows, columns = moved.sum(dim=2), moved.sum(dim=1)  # (n, 28) each
    height = (rows > 0.5).sum(dim=1)
    width = (columns > 0.5).sum(dim=1)
    assert ((height > width) | (height > 10)).all()
    assert (moved[:, 0].sum() + moved[:, -1].sum()) == 0
    centre = (columns * torch.arange(28)).sum(1) / columns.sum(1)
    assert centre.mean().item() == pytest.approx(13.5, abs=0.15)
    assert 0.3 < centre.std().item() < 1


def test_weighing_thickens_and_thins() -> None:
    ink = vary_stroke_weight(bar(256), seeded()).sum(dim=(1, 2, 3)) / bar(1).sum()
    assert ink.min() < 0.8
    assert ink.max() > 1.3


def test_blur_keeps_the_ink_and_takes_the_edge() -> None:
    blurred = blur(bar(256), seeded())
    assert torch.allclose(blurred.sum(dim=(1, 2, 3)), bar(256).sum(dim=(1, 2, 3)), rtol=1e-4)
    grey = ((blurred > 0.1) & (blurred < 0.9)).float().mean()
    assert grey > ((bar() > 0.1) & (bar() < 0.9)).float().mean() + 0.05


def test_strength_scales_the_ink() -> None:
    strength = vary_ink(bar(256) * 0.5, seeded()).amax(dim=(1, 2, 3))
    assert strength.min().item() == pytest.approx(0.35, abs=0.02)
    assert strength.max().item() == pytest.approx(0.7, abs=0.02)


def test_a_share_of_the_images_sways_about_its_place() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(200, 28, 28)
    x[:, 6:22, 12:16] = 1
    moved = warp(x, 0.5, generator)
    changed = (moved - x).abs().amax(dim=(1, 2)) > 1e-3
    assert 70 < changed.sum() < 130
    assert moved.min() >= 0
    assert moved.max() <= 1
    rows = torch.arange(28.0)
    centres = (moved.sum(dim=2) * rows).sum(dim=1) / moved.sum(dim=(1, 2))
    assert (centres - 13.5).abs().max() < 0.3
    assert torch.allclose(warp(x, 0.0, generator), x, atol=1e-5)
