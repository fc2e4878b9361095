from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.sample_score import accuracy_after_training
from tests.training.examples import LABELS, characters


def test_good_samples_teach_and_mislabelled_ones_do_not() -> None:
    test = characters(4, seed=1)
    good = accuracy_after_training(characters(20), test, LABELS, images=3_000)
    shifted = Split(characters(20).images, (characters(20).labels + 7) % len(LABELS))
    bad = accuracy_after_training(shifted, test, LABELS, images=3_000)
    assert good > 0.9
    assert bad < 0.1
