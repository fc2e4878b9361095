"""The classification accuracy score: what a classifier learns about real characters from samples alone.

Ravuri & Vinyals, "Classification accuracy score for conditional generative models" (arXiv:1905.10887). A model whose
samples are readable but all alike, or varied but mislabelled, teaches little.
"""

from collections.abc import Sequence

import numpy as np

from glyphvae_training.data.dataset import Split
from glyphvae_training.judges.judge_training import train_judge
from glyphvae_training.measures.measure import main_groups, merged_labels

ARCHITECTURE = "reader"


def taught_accuracy(taught: Split, test: Split, labels: Sequence[str], images: int, seed: int = 0) -> float:
    """The share of test characters that a classifier reads that was trained on `taught` alone, look-alikes merged.

    Args:
        taught: what it is trained on.
        test: real characters that neither it nor the model has seen.
        labels: the character of each label.
        images: it sees, repetitions counted.
        seed: of the classifier.
    """
    classifier = train_judge(taught, labels, ARCHITECTURE, images=images, seed=seed)
    index = merged_labels(labels, main_groups(labels))
    return float(np.mean(index[classifier.predict(test.images)] == index[test.labels]))
