from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data.dataset import Dataset, first_of_each
from glyphvae_training.errors import ExportError
from glyphvae_training.evaluation.detection import detection
from glyphvae_training.evaluation.likeness import (
    PERCENTILES,
    SHARED,
    likeness,
    measure_of,
    publish_quantiles,
    terms_of,
    weights_of,
)
from glyphvae_training.export.exported import read_exported

EXPORTED = Path(__file__).parents[3] / "exported"


WEIGHTS = {"evidence": 2.0, "kl": -1.0}


def test_labels_with_few_characters_share_their_quantiles() -> None:
    labels = np.array([0] * 50 + [1] * 3)
    evidence = np.linspace(0, 1, 53, dtype=np.float32)
    found = measure_of({"evidence": evidence, "kl": evidence}, WEIGHTS, labels, ("A", "B", "C"))
    assert found["evidence"] == 2
    assert found["kl"] == -1
    assert list(found["labels"]) == ["A"]
    assert found["labels"]["A"][-1] == pytest.approx((1 - SHARED) * evidence[49] + SHARED, abs=0.01)
    assert found["others"][0] == pytest.approx((1 - SHARED) * evidence[50], abs=0.01)
    assert len(found["others"]) == len(PERCENTILES)


def test_where_no_label_is_rare_others_are_like_all() -> None:
    evidence = np.linspace(0, 1, 50, dtype=np.float32)
    found = measure_of({"evidence": evidence, "kl": -evidence}, WEIGHTS, np.zeros(50, np.int64), ("A",))
    assert found["others"] == found["labels"]["A"]


def test_weights_are_those_that_tell_characters_from_others() -> None:
    rng = np.random.default_rng(0)
    real = {name: rng.normal(0, spread, 2000).astype(np.float32) for name, spread in (("evidence", 3), ("kl", 9))}
    other = {"evidence": real["evidence"][::-1] - 6, "kl": real["kl"][::-1] + 18}
    found = weights_of(real, other, ("evidence", "kl"))
    assert found["evidence"] > 0
    # Both say as much in their standard deviations.
    assert found["kl"] == pytest.approx(-found["evidence"] / 3, rel=0.2)
    assert weights_of(real, other, ("evidence",)).keys() == {"evidence"}


def test_real_characters_are_more_alike_than_noise(sample: Dataset) -> None:
    exported = read_exported(EXPORTED, "pen")
    few = first_of_each(sample.test, 2)
    assert np.bincount(few.labels).max() <= 2
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    _, real = terms_of(exported, EXPORTED, few.images)
    _, other = terms_of(exported, EXPORTED, noise)
    weights = {"evidence": 0.5, "kl": -0.14, "excess": -2.0}
    assert detection(likeness(real, weights), likeness(other, weights)) > 0.9


def test_a_model_without_a_classifier_has_no_quantiles(sample: Dataset) -> None:
    with pytest.raises(ExportError, match="has no classifier"):
        publish_quantiles(EXPORTED, "cvae-beta-10", sample)


def test_a_model_of_other_data_is_refused(sample: Dataset) -> None:
    with pytest.raises(ExportError, match="trained on other data"):
        publish_quantiles(EXPORTED, "pen", replace(sample, sha256="0"))
