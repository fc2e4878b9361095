import numpy as np
import pytest
import torch

from glyphvae_training.data.dataset import Split
from glyphvae_training.fitting.pen_pictures import match_pictures, moments
from glyphvae_training.models.pen import Pen
from tests.training.examples import SMALL_PEN


def pen() -> Pen:
    """Return a pen whose every sample draws both strokes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Pen(SMALL_PEN).eval()
        with torch.no_grad():
            model.decoder.last.linear.bias[-7:-5] = 3
        return model


def samples(model: Pen, label: int, count: int = 300) -> np.ndarray:
    z = torch.randn(count, 7, generator=torch.Generator().manual_seed(9))
    with torch.inference_mode():
        return (model.decode(z, torch.full((count,), label)).sigmoid() * 255).round().to(torch.uint8).numpy()


def test_sharpness_is_one_for_steps_and_less_for_slopes() -> None:
    step = np.zeros((2, 6, 6), np.uint8)
    step[:, :, 3:] = 255
    assert moments(step) == (0.5, 1)
    slope = np.tile(np.array([0, 0, 85, 170, 255, 255], np.uint8), (2, 6, 1))
    assert moments(slope).sharpness == pytest.approx(1 / 3)


def test_samples_have_the_ink_and_the_sharpness_of_characters() -> None:
    other = pen()
    with torch.no_grad():
        other.decoder.thickness.weight[1] = 0.4
        assert other.decoder.last.table is not None
        other.decoder.last.table.weight[1, -5] = -2  # sharper
    real = samples(other, 1)
    model = pen()
    matched = match_pictures(model, Split(real, np.full(len(real), 1, np.int64)), seed=0)
    before, after, target = (moments(images) for images in (samples(model, 1), samples(matched, 1), real))
    assert before.ink < 0.9 * target.ink
    assert before.sharpness < 0.9 * target.sharpness
    assert after == pytest.approx(target, rel=0.03)
    assert np.array_equal(samples(model, 2), samples(matched, 2))
