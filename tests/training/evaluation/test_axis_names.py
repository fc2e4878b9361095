import numpy as np
import pytest

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.axis_names import STEPS, axis_names, changes, real_spread, traverse, words
from tests.training.known_coder import KnownCoder

SPREAD = {"slant": 10.0, "stroke width": 1.0, "width": 2.0, "height": 2.0}


def test_only_one_latent_moves() -> None:
    coder = KnownCoder()
    assert traverse(coder, 0, np.array([0, 1])).shape == (2 * STEPS, 28, 28)
    still = traverse(coder, 1, np.array([1]))
    assert (still == still[0]).all()


def test_a_latent_that_widens_is_found_to() -> None:
    found = changes(KnownCoder(), 0, np.array([0, 1]))
    assert found["width"] == pytest.approx(4, abs=0.6)  # the bar is a whole number of columns wide
    assert found["height"] == pytest.approx(0, abs=1e-6)
    assert found["slant"] == pytest.approx(0, abs=1e-6)
    assert changes(KnownCoder(), 1, np.array([0, 1])) == pytest.approx(dict.fromkeys(SPREAD, 0.0), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"slant": 20.0}, "leaning left to leaning right"),
        ({"slant": -20.0}, "leaning right to leaning left"),
        ({"slant": 6.0, "stroke width": -2.0}, "thick strokes and leaning left to thin strokes and leaning right"),
        ({"slant": 20.0, "width": 3.0, "height": -1.0}, "leaning left and narrow to leaning right and wide"),
        ({"slant": 4.9, "height": 0.9}, "form of the strokes"),
    ],
)
def test_an_axis_is_named_by_its_strongest_changes(change: dict[str, float], name: str) -> None:
    assert words(dict.fromkeys(SPREAD, 0.0) | change, SPREAD) == name


def test_the_spread_is_within_a_label_and_not_between_labels() -> None:
    coder = KnownCoder()
    z = np.array([[0, 0], [0, 0], [4, 0], [4, 0]], np.float32)
    labels = np.array([0, 0, 1, 1])
    real = Split(coder.decode(z, labels)[0], labels)
    assert real_spread(real, 2)["width"] == pytest.approx(0, abs=1e-9)


def test_every_latent_gets_a_name() -> None:
    coder = KnownCoder()
    z = np.array([[0, 0], [2, 0], [4, 0]] * 2, np.float32)
    labels = np.repeat([0, 1], 3)
    names = axis_names(coder, Split(coder.decode(z, labels)[0], labels))
    assert names == ["thin strokes and narrow to thick strokes and wide", "form of the strokes"]
