"""A model with a classifier finds labels by it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import StartError
from glyphvae.models.elbo import label_posterior
from glyphvae.models.posterior import read_labels
from glyphvae.models.registry import load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings
from tests.known_model import LABELS, classifier, write_model
from tests.service.support import JSON, caller, context_of, grey, npy

# By the classifier a G, by the ELBO a J.
G = npy(grey(119))


@pytest.fixture
def classified(tmp_path: Path) -> Path:
    """A model repository with the known model and its classifier."""
    write_model(tmp_path, files={"classifier": classifier()})
    return tmp_path


@pytest.fixture
def context(classified: Path) -> Context:
    return context_of(classified)


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(context)) as client:
        yield client


def test_labels_and_their_posterior_are_the_classifier_s(context: Context) -> None:
    model = context.registry.get(None)
    pixels = grey(119, 135, 100)
    reading = run_now(read_labels(model, pixels, range(36)))
    assert reading.labels.tolist() == [16, 0, 35]
    logits = -np.square(pixels[:, 0, :1].astype(np.float32) - np.arange(135, 99, -1, dtype=np.float32))
    assert np.array_equal(reading.posterior, label_posterior(logits.astype(np.float32)))
    assert reading.posterior.sum(axis=1) == pytest.approx(1)


def test_many_images_go_through_it_in_slices(context: Context) -> None:
    levels = np.resize(np.arange(100, 136), 300)
    reading = run_now(read_labels(context.registry.get(None), grey(*levels.tolist()), range(36)))
    assert reading.labels.tolist() == (135 - levels).tolist()


async def test_encode_takes_it(client: httpx.AsyncClient) -> None:
    (encoding,) = (await client.post("/encode?preprocess=none", content=G)).json()["encodings"]
    assert encoding["label"] == "G"
    assert encoding["mu"][0] == pytest.approx((119 - 100 - 16) / 10)
    assert list(encoding["posterior"]) == list(LABELS)
    assert max(encoding["posterior"], key=encoding["posterior"].__getitem__) == "G"


async def test_reconstruct_and_interpolate_take_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/reconstruct?preprocess=none", content=G, headers=JSON)
    assert [one["label"] for one in answer.json()["reconstructions"]] == ["G"]
    ends = npy(grey(119, 120))
    answer = await client.post("/interpolate?preprocess=none&n=2", content=ends, headers=JSON)
    assert [step["label"] for step in answer.json()["steps"]] == ["G", "F"]


async def test_a_given_label_is_kept(client: httpx.AsyncClient) -> None:
    (encoding,) = (await client.post("/encode?preprocess=none&label=J", content=G)).json()["encodings"]
    assert encoding["label"] == "J"


async def test_it_is_a_model_of_the_open_inference_protocol(client: httpx.AsyncClient) -> None:
    described = (await client.get("/v2/models/cvae-classifier")).json()
    assert described["inputs"] == [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert described["outputs"] == [{"name": "logits", "datatype": "FP32", "shape": [-1, 36]}]
    sent = {"name": "pixels", "datatype": "UINT8", "shape": [2, 28, 28], "data": grey(119, 135).ravel().tolist()}
    answer = await client.post("/v2/models/cvae-classifier/infer", json={"inputs": [sent]})
    (output,) = answer.json()["outputs"]
    assert (output["name"], output["shape"]) == ("logits", [2, 36])
    assert np.reshape(output["data"], (2, 36)).argmax(axis=1).tolist() == [16, 0]
    assert (await client.get("/v2/models/vae-classifier")).status_code == 404


async def test_the_catalogue_names_its_file(client: httpx.AsyncClient) -> None:
    facts = (await client.get("/models/cvae")).json()
    assert facts["classifier"]["entry"] == "cvae-classifier"


def test_a_model_built_when_it_is_first_asked_has_it_from_then_on(classified: Path) -> None:
    write_model(classified, "second", files={"classifier": classifier()})
    registry = load_registry(Settings(models=classified, device="cpu"))
    model = registry.get("second")
    assert not model.loaded
    assert run_now(read_labels(model, grey(119), range(36))).labels.tolist() == [16]
    registry.check()


def test_one_that_answers_for_other_labels_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, files={"classifier": classifier(labels=35)})
    with pytest.raises(StartError, match=r"logits of the classifier is float32 \(1, 35\), its manifest promises"):
        load_registry(Settings(models=tmp_path, device="cpu"))
