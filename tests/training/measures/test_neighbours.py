import numpy as np
import pytest

from glyphvae_training.measures.neighbours import nearest_distance


def test_a_copy_has_no_distance_and_another_image_its_own() -> None:
    training = np.random.default_rng(0).integers(0, 200, (5, 28, 28), dtype=np.uint8)
    brighter = training[3] + np.uint8(51)
    distance = nearest_distance(np.stack([training[2], brighter]), training[2:4])
    assert distance[0] == pytest.approx(0, abs=2e-3)
    assert distance[1] == pytest.approx(0.2, abs=1e-3)
