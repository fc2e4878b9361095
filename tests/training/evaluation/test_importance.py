import math
from collections.abc import Mapping

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from glyphvae_training.data.binarisation import binarise
from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.importance import importance_bound
from glyphvae_training.export.exported import Exported, session
from glyphvae_training.export.graphs import PARTS, Part, to_onnx
from glyphvae_training.fitting.objective import kl_divergence
from tests.training.examples import exported, untrained


def known(graphs: Mapping[Part, onnx.ModelProto]) -> Exported:
    """A model as it would be read from files."""
    labels = [str(label) for label in range(36)]
    encoder, decoder = (session(graphs[part].SerializeToString()) for part in PARTS)
    return Exported({"labels": labels, "latent_size": 6}, encoder, decoder)


@pytest.fixture(scope="module")
def model() -> Exported:
    return known(exported())


@pytest.fixture
def split() -> Split:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    return Split(images, np.array([0, 5, 35]))


def test_one_draw_is_the_elbo_with_the_kl_estimated_by_that_draw(model: Exported, split: Split) -> None:
    bound = np.mean([importance_bound(model, split, 1, np.random.default_rng(seed)) for seed in range(300)], axis=0)
    mu, logvar = model.encode(split.images, split.labels)
    rng = np.random.default_rng(0)
    decoded = []
    for _ in range(300):
        z = np.asarray(mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape, dtype=np.float32), np.float32)
        logits = model.decode(z, split.labels)[1].astype(np.float64)
        x = split.images / 255
        decoded.append((np.logaddexp(0, logits) - x * logits).sum(axis=(1, 2)))
    kl = kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar)).numpy()
    assert bound == pytest.approx(np.mean(decoded, axis=0) + kl, abs=0.6)


def test_more_draws_never_loosen_the_bound(model: Exported, split: Split) -> None:
    few = np.mean([importance_bound(model, split, 1, np.random.default_rng(seed)) for seed in range(40)], axis=0)
    many = importance_bound(model, split, 400, np.random.default_rng(0))
    assert np.all(many < few + 0.05)


def test_chunks_make_no_difference(model: Exported, split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = importance_bound(model, split, 50, np.random.default_rng(3))
    monkeypatch.setattr("glyphvae_training.evaluation.importance.CHUNK", 50)
    assert importance_bound(model, split, 50, np.random.default_rng(3)) == pytest.approx(whole)
    monkeypatch.setattr("glyphvae_training.evaluation.importance.CHUNK", 7)
    assert importance_bound(model, split, 50, np.random.default_rng(3)) == pytest.approx(whole, rel=1e-5)


def test_a_decoder_that_ignores_the_latents_gives_the_likelihood_itself(split: Split) -> None:
    model = untrained()
    last = model.decoder.last
    assert isinstance(last, nn.Linear)
    for weight in last.parameters():
        nn.init.zeros_(weight)
    flat = known({"encoder": exported()["encoder"], "decoder": to_onnx(model, "decoder")})
    # Every logit is 0, so p(x|z) is 2^-784 whatever z; the weights p(z)/q(z|x) average to 1.
    bound = importance_bound(flat, split, 20_000, np.random.default_rng(0))
    assert bound == pytest.approx(784 * math.log(2), abs=0.3)


def test_binarised_pixels_are_ink_as_often_as_they_are_grey() -> None:
    grey = Split(np.full((200, 28, 28), 51, np.uint8), np.zeros(200, np.int64))
    images = binarise(grey, np.random.default_rng(0)).images
    assert set(np.unique(images)) == {0, 255}
    assert (images == 255).mean() == pytest.approx(0.2, abs=0.005)
