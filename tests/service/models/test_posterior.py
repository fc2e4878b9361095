from pathlib import Path

import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.models.elbo import label_posterior, reconstruction_error
from glyphvae.models.posterior import CHUNK, read_labels, reconstruct, rows_to_read
from glyphvae.models.registry import Model, load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings
from tests.known_model import classifier, write_model, write_more
from tests.service.support import grey

EVERY = range(36)


@pytest.fixture
def model(context: Context) -> Model:
    return context.registry.get("cvae")


def test_a_reconstruction_is_known(model: Model) -> None:
    pixels = grey(119, 129, 110)
    result = run_now(reconstruct(model, pixels, np.array([19, 19, 20])))
    assert result.labels.tolist() == [19, 19, 20]
    assert np.allclose(result.mu[:, 0], [0, 1, -1])
    assert not result.mu[:, 1:].any()
    assert not result.logvar.any()
    assert np.array_equal(result.pixels, pixels)
    assert np.allclose(result.kl, [0, 0.5, 0.5])
    # The known model's log odds are its pixels / 255.
    expected = reconstruction_error(pixels, pixels.astype(np.float32) / np.float32(255))
    assert np.allclose(result.error, expected)
    assert np.allclose(result.elbo, -(expected + result.kl))


def test_the_most_likely_label_is_the_one_with_the_highest_elbo(model: Model) -> None:
    """Grey 100 + c is class c: only under that label is mu 0, and with it the KL."""
    n = 36
    assert n > CHUNK
    reading = run_now(read_labels(model, grey(*range(100, 100 + n)), EVERY))
    assert reading.labels.tolist() == list(range(n))
    assert reading.posterior.shape == (n, 36)
    assert reading.posterior.argmax(axis=1).tolist() == list(range(n))


def test_the_posterior_is_that_of_bayes_rule(model: Model) -> None:
    reading = run_now(read_labels(model, grey(119), EVERY))
    # Every label reconstructs alike; label c costs a KL of mu²/2 with mu = (19 - c) / 10.
    kl = ((19 - np.arange(36)) / 10) ** 2 / 2
    expected = label_posterior(-kl[None].astype(np.float32))
    assert np.allclose(reading.posterior, expected, atol=1e-4)
    assert reading.posterior.sum() == pytest.approx(1)


def test_an_image_is_read_the_same_in_any_company(model: Model) -> None:
    alone = run_now(read_labels(model, grey(110), EVERY))
    among = run_now(read_labels(model, grey(*[101] * CHUNK, 110), EVERY))
    assert np.array_equal(alone.posterior[0], among.posterior[-1])


def test_what_no_label_explains_has_a_lower_bound(model: Model) -> None:
    """White lies 120 levels beyond Z: its mu is 12, far out of the prior."""
    pixels = grey(255, 135)
    reading = run_now(read_labels(model, pixels, EVERY))
    assert reading.labels.tolist() == [35, 35]
    assert np.allclose(run_now(reconstruct(model, pixels, reading.labels)).kl, [72, 0])


def test_images_are_reconstructed_under_the_labels_that_are_read(model: Model, tmp_path: Path) -> None:
    write_model(tmp_path, files={"classifier": classifier()})
    classifying = load_registry(Settings(models=tmp_path, device="cpu")).get(None)
    pixels = grey(119, 110)
    for one in (model, classifying):
        labels = run_now(read_labels(one, pixels, EVERY)).labels
        found, expected = run_now(reconstruct(one, pixels, None, EVERY)), run_now(reconstruct(one, pixels, labels))
        for name in ("labels", "mu", "logvar", "pixels", "error", "kl"):
            assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_a_classifier_reads_each_image_once(model: Model, tmp_path: Path) -> None:
    write_model(tmp_path, files={"classifier": classifier()})
    classifying = load_registry(Settings(models=tmp_path, device="cpu")).get(None)
    assert (rows_to_read(classifying, EVERY), rows_to_read(model, EVERY), rows_to_read(model, (1, 2))) == (1, 72, 4)


@pytest.mark.parametrize("classified", [False, True])
def test_labels_are_found_among_the_possible_ones(tmp_path: Path, classified: bool) -> None:
    """Grey 136 is an `a` for the ELBO, grey 99 for the classifier."""
    write_more(tmp_path, classified=classified)
    model = load_registry(Settings(models=tmp_path, default_model="more", device="cpu")).get(None)
    pixels = grey(*[99 if classified else 136] * (CHUNK + 1))
    for possible, expected in ((range(41), 36), (range(36), 35), ((0, 3), 3), ((2,), 2)):
        reading = run_now(read_labels(model, pixels, possible))
        assert reading.labels.tolist() == [expected] * len(pixels)
        assert reading.posterior.shape == (len(pixels), 41)
        assert reading.posterior.sum(axis=1) == pytest.approx(1)
        assert not np.delete(reading.posterior, list(possible), axis=1).any()
        assert run_now(reconstruct(model, pixels, None, possible)).labels.tolist() == [expected] * len(pixels)
