import numpy as np
import pytest
import torch

from glyphvae_training.evaluation.readers import COSINES, KINDS, cosines, network_reading, pixels
from tests.training.examples import LABELS, characters


@pytest.mark.parametrize("name", list(KINDS))
def test_a_network_reads_characters_that_it_has_not_seen(name: str) -> None:
    steps: list[tuple[int, int]] = []
    train, real = characters(6), characters(2, seed=1)
    reading = network_reading(KINDS[name], train, real, 60 * 256, lambda *step: steps.append(step))
    assert steps[-1] == (60, 60)
    assert np.mean(reading.best(reading.scores, 36) == real.labels) > 0.9
    (scores,) = reading.read(real.images)
    np.testing.assert_allclose(scores, reading.scores, atol=1e-5)
    (found,) = reading.compare(real.images, real.labels, LABELS, np.random.default_rng(0), [36])
    assert found.mean.difference.value == 0


def test_a_network_is_the_same_each_time() -> None:
    kind, train = KINDS["cosines"], characters(2)
    first, second = (network_reading(kind, train, train, 512).scores for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_cosines_do_not_see_what_is_finer() -> None:
    rows = np.arange(28)
    board = np.broadcast_to(np.where((rows[:, None] + rows) % 2, 255, 0), (1, 28, 28)).astype(np.uint8)
    grey = np.full((1, 28, 28), 255 / 2, np.uint8)
    found = cosines(np.concatenate([board, grey]))
    assert found.shape == (2, COSINES**2)
    torch.testing.assert_close(found[0], found[1], atol=0.6, rtol=0)
    assert pixels(board).max() == 1
