from dataclasses import replace

import numpy as np
import pytest

from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.dataset import Split
from glyphvae_training.errors import ExportError
from glyphvae_training.evaluation.bars import check_labels, pixel_error, plain
from glyphvae_training.measures.comparison import Compared, Interval
from tests.training.examples import exported_model, painter


def test_figures_become_json() -> None:
    value = {
        "interval": Interval(1.2345678, float("nan"), float("inf")),
        "compared": Compared(0.5, 1, Interval(0.5, 0, 1)),
        "many": [np.float64(2), (1, "a")],
    }
    assert plain(value) == {
        "interval": {"value": 1.2346, "low": None, "high": None},
        "compared": {"real": 0.5, "made": 1, "difference": {"value": 0.5, "low": 0, "high": 1}},
        "many": [2.0, [1, "a"]],
    }


def test_labels_are_those_of_the_pen_or_the_first_of_them() -> None:
    for count in (62, 126):
        model = exported_model("pen")
        check_labels(replace(model, manifest=model.manifest | {"labels": list(ALPHABET[:count])}))
    with pytest.raises(ExportError, match="pen has 36"):
        check_labels(exported_model("pen"))


def test_the_pixel_error_counts_every_label_alike() -> None:
    grey, white = np.full((28, 28), 128, np.uint8), np.zeros((28, 28), np.uint8)
    real = Split(np.array([grey] * 9 + [white]), np.array([0] * 9 + [1]))
    found = pixel_error(painter("pen", grey), real, np.random.default_rng(0))
    # The painter's logit of 128 is 0.
    assert found["labels"]["0"].value == pytest.approx((128 / 255 - 0.5) ** 2, abs=1e-6)
    assert found["labels"]["1"].value == pytest.approx(0.25, abs=1e-6)
    assert found["mean"].value == pytest.approx(0.125, abs=1e-4)
