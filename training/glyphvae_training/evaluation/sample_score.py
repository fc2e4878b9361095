"""The classification accuracy score: the accuracy on real characters of a classifier trained on samples alone.

Ravuri & Vinyals, "Classification accuracy score for conditional generative models" (arXiv:1905.10887). A model whose
samples are readable but all alike, or varied but mislabelled, teaches little.
"""

from collections.abc import Sequence

import numpy as np

from glyphvae_training.data.dataset import Split
from glyphvae_training.judges.judge_training import train_judge
from glyphvae_training.measures.measure import main_groups, merged_labels

ARCHITECTURE = "reader"


def accuracy_after_training(training: Split, test: Split, labels: Sequence[str], images: int, seed: int = 0) -> float:
    """Train a classifier on `training` alone and return its accuracy on test characters, look-alikes merged.

    Args:
        training: what it is trained on.
        test: real characters that neither it nor the model has seen.
        labels: the character of each label.
        images: it sees, repetitions counted.
        seed: of the classifier.
    """
    classifier = train_judge(training, labels, ARCHITECTURE, images=images, seed=seed)
    index = merged_labels(labels, main_groups(labels))
    return float(np.mean(index[classifier.predict(test.images)] == index[test.labels]))
