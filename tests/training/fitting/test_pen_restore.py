import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from glyphvae_training.data.lettering import Lettering
from glyphvae_training.data.single_strokes import Templates
from glyphvae_training.fitting.pen_restore import pieces, restore
from glyphvae_training.models.pen import Pen
from tests.training.examples import SMALL_PEN

STEM, DOT, BAR = ([14.0, 10.0], [14.0, 24.0]), ([14.0, 4.0], [14.5, 4.0]), ([8.0, 17.0], [20.0, 17.0])


def line(start: list[float], end: list[float]) -> NDArray[np.float64]:
    """Control points of a straight stroke."""
    return np.linspace(start, end, SMALL_PEN.control_points)


@pytest.fixture
def templates() -> Templates:
    """A stem with a dot, a cross, and single stems."""
    strokes = [[STEM, DOT], [STEM, BAR], *([[STEM, STEM]] * 3)]
    control = np.array([[line(*stroke) for stroke in label] for label in strokes], np.float32)
    return Templates(control, np.array([[True, True]] * 2 + [[True, False]] * 3))


@pytest.fixture
def lettering() -> Lettering:
    labels = np.tile(np.arange(5), 4)
    return Lettering(
        np.random.default_rng(0).integers(0, 255, (20, 56, 56), np.uint8),
        labels,
        np.repeat(np.arange(4), 5),
        np.repeat(np.arange(4), 5),
        np.tile(np.array([0.05, 24, 0.1, 0.1], np.float32), (20, 1)),
        ("a", "b", "c", "d"),
    )


def pen(templates: Templates) -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Pen(SMALL_PEN, torch.from_numpy(templates.control), torch.from_numpy(templates.present))


def test_pieces_touch_no_other_stroke(templates: Templates) -> None:
    model = pen(templates)
    found = pieces(model.decoder.curve @ torch.from_numpy(templates.control), torch.from_numpy(templates.present))
    assert found.tolist() == [[True, True], *([[False, False]] * 4)]


def lose(model: Pen, label: int, stroke: int) -> None:
    """Make a stroke of a label faint."""
    assert model.decoder.last.table is not None
    with torch.no_grad():
        model.decoder.last.table.weight[label, -5 - SMALL_PEN.strokes + stroke] = -3.0


def presence(model: Pen, label: int) -> list[bool]:
    writing = model.write(torch.zeros(1, SMALL_PEN.latent_size), torch.tensor([label]))
    return (writing.presence[0] > 0.5).tolist()


def test_a_label_that_lost_its_dot_has_it_again(templates: Templates, lettering: Lettering) -> None:
    model = pen(templates)
    lose(model, 0, 1)
    assert presence(model, 0) == [True, False]
    assert restore(model, templates, lettering) == [0]
    assert presence(model, 0) == [True, True]
    noise = torch.randn(20, SMALL_PEN.latent_size, generator=torch.Generator().manual_seed(0))
    written = model.write(noise, torch.zeros(20, dtype=torch.int64))
    torch.testing.assert_close(written.presence, torch.ones(20, 2), rtol=0, atol=1e-5)
    assert restore(model, templates, lettering) == []


def test_a_stroke_that_touches_others_is_not_missed(templates: Templates, lettering: Lettering) -> None:
    model = pen(templates)
    lose(model, 1, 1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert restore(model, templates, lettering) == []
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
