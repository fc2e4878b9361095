"""Data sets of the shipped model are good for something: who learns from them alone reads what people wrote."""

from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from glyphvae.datasets.recipe import Dataset, DatasetParameters, make_recipe
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from glyphvae_training.data.pixels import normalise
from glyphvae_training.data.sources import FIRST_SMALL_LETTER, read_emnist, read_mnist

DATA = Path(__file__).parent / "data"


def test_a_classifier_learns_real_characters_from_generated_ones() -> None:
    recipe = make_recipe(DatasetParameters(count=1, seed=7), load_registry(Settings(device="cpu")))
    parts = list(Dataset(recipe, 0, 3600).samples())
    glyphs = np.concatenate([part.pixels for part in parts]).reshape(-1, 784)
    classifier = SVC(C=5, gamma=0.02).fit(glyphs / 255, np.concatenate([part.labels for part in parts]))

    digits, characters = read_mnist(DATA, "test"), read_emnist(DATA)
    assert classifier.score(digits.images.reshape(-1, 784) / 255, digits.labels) > 0.7
    known = characters.labels < FIRST_SMALL_LETTER
    placed = normalise(characters.images[known])
    # Chance is 0.03, and what looks the same as a digit (0 and O, 1 and I) nobody can tell apart.
    assert classifier.score(placed.reshape(-1, 784) / 255, characters.labels[known]) > 0.7
