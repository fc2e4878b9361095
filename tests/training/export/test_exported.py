from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import BATCH, posterior_sample, read_exported, run, session
from glyphvae_training.export.repository import publish
from tests import known_model
from tests.training.examples import FACTS, PEN, exported, exported_model


def grey(levels: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.broadcast_to(np.array(levels, np.uint8)[:, None, None], (len(levels), 28, 28)).copy()


def test_a_conditional_model(tmp_path: Path) -> None:
    known_model.write_model(tmp_path)
    model = read_exported(tmp_path, "cvae")
    labels = np.array([0, 35])
    assert model.labels == known_model.LABELS
    assert model.latent_size == 6
    mu, logvar = model.encode(grey([110, 135]), labels)
    assert mu[:, 0].tolist() == [1, 0]
    assert not logvar.any()
    pixels, logits = model.decode(mu, labels)
    assert pixels[:, 0, 0].tolist() == [110, 135]
    assert logits.shape == (2, 28, 28)


def test_an_unconditional_model_ignores_labels(tmp_path: Path) -> None:
    known_model.write_model(tmp_path, "vae", conditional=False)
    model = read_exported(tmp_path, "vae")
    assert model.labels == ()
    assert model.encode(grey([110, 90]), np.array([7, 8]))[0][:, 0].tolist() == [1, -1]


def test_many_rows_run_in_batches_and_come_back_in_order() -> None:
    rows = 2 * BATCH + 3
    z = np.zeros((rows, 6), np.float32)
    z[:, 0] = np.arange(rows) % 10
    outputs = run(session(known_model.decoder(conditional=False)), {"z": z})
    assert (outputs["pixels"][:, 0, 0] == 100 + 10 * z[:, 0]).all()


def test_the_posterior_is_sampled_with_its_own_mean_and_spread() -> None:
    mu = np.tile(np.array([[3, -1]], np.float32), (20_000, 1))
    logvar = np.tile(np.log(np.array([[4, 0.25]], np.float32)), (20_000, 1))
    z = posterior_sample(mu, logvar, np.random.default_rng(0))
    assert z.dtype == np.float32
    assert z.mean(axis=0) == pytest.approx([3, -1], abs=0.05)
    assert z.std(axis=0) == pytest.approx([2, 0.5], rel=0.05)


def test_a_model_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cvae.json does not exist; models in .*: none"):
        read_exported(tmp_path, "cvae")
    known_model.write_model(tmp_path, "one")
    with pytest.raises(ExportError, match=r"two.json does not exist; models in .*: one"):
        read_exported(tmp_path, "two")


def test_a_model_that_draws_strokes_has_a_hand() -> None:
    pen = exported_model("pen")
    assert pen.strokes is not None
    assert (pen.hand_size, exported_model("cvae").hand_size) == (3, 6)
    assert exported_model("cvae").strokes is None


def test_the_graph_of_strokes_is_read_back(tmp_path: Path) -> None:
    publish(tmp_path, replace(FACTS, name="pen", config=PEN, schema=2), exported("pen"))
    strokes = read_exported(tmp_path, "pen").strokes
    assert strokes is not None
    outputs = run(strokes, {"z": np.zeros((2, 6), np.float32), "label": np.array([0, 35])})
    assert set(outputs) == {"control", "radius", "presence", "proportions"}
