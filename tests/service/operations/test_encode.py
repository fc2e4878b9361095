import string

import httpx
import numpy as np
import pytest

from glyphvae.errors import InvalidParameter, MalformedBody, UnsupportedMedia
from glyphvae.operations.encode import Encodings
from tests.known_model import LABELS, MORE_LABELS
from tests.service.imaging.scenes import paper, write
from tests.service.support import JSON, NPY, Wrong, array, expect_problem, grey, image_file, npy

J = image_file(grey(119)[0])


async def encodings(client: httpx.AsyncClient, content: bytes, query: str = "") -> Encodings:
    response = await client.post(f"/encode?preprocess=none&{query}", content=content)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return Encodings.model_validate_json(response.content)


async def test_an_image_gets_its_latents_and_its_label(client: httpx.AsyncClient) -> None:
    response = await client.post("/encode?preprocess=none", content=J)
    answer = Encodings.model_validate_json(response.content)
    assert answer.model == "cvae/1"
    (encoding,) = answer.encodings
    assert encoding.label == "J"
    assert encoding.mu == pytest.approx([0] * 6)
    assert encoding.logvar == [0] * 6
    assert encoding.posterior is not None
    assert list(encoding.posterior) == list(LABELS)
    assert sum(encoding.posterior.values()) == pytest.approx(1)
    assert max(encoding.posterior, key=encoding.posterior.__getitem__) == "J"
    # One class further off costs a KL of 0.1²/2.
    assert encoding.posterior["K"] / encoding.posterior["J"] == pytest.approx(np.exp(-0.005), rel=1e-3)


@pytest.mark.parametrize("label", ["B", "11"])
async def test_a_given_label_is_taken_as_given(client: httpx.AsyncClient, label: str) -> None:
    response = await client.post(f"/encode?preprocess=none&label={label}", content=J)
    (encoding,) = response.json()["encodings"]
    assert encoding["label"] == "B"
    assert encoding["mu"] == pytest.approx([(19 - 11) / 10, 0, 0, 0, 0, 0])
    assert "posterior" not in encoding


async def test_an_unconditional_model_has_latents_alone(client: httpx.AsyncClient) -> None:
    answer = await encodings(client, J, "model=vae")
    assert answer.model == "vae/1"
    (encoding,) = answer.encodings
    assert (encoding.label, encoding.posterior) == (None, None)
    assert encoding.mu[0] == pytest.approx(1.9)


async def test_images_are_answered_in_their_order(client: httpx.AsyncClient) -> None:
    answer = await encodings(client, npy(grey(*range(100, 136))))
    assert [encoding.label for encoding in answer.encodings] == list(LABELS)


async def test_an_array_holds_mu_and_logvar(client: httpx.AsyncClient) -> None:
    for query in ("", "&label=0"):
        url = f"/encode?preprocess=none{query}"
        response = await client.post(url, content=npy(grey(100, 110)), headers=NPY)
        values = array(response)
        assert values.dtype == np.float32
        assert values.shape == (2, 2, 6)
        json = (await client.post(url, content=npy(grey(100, 110)), headers=JSON)).json()["encodings"]
        assert np.array_equal(values, np.array([[e["mu"], e["logvar"]] for e in json], dtype=np.float32))


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "application/octet-stream", None])
async def test_the_content_decides_whatever_its_type_is_said_to_be(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = await client.post("/encode?preprocess=none", content=J, headers=headers)
    assert response.json()["encodings"][0]["label"] == "J"


async def test_multipart_files_are_read_in_their_order(client: httpx.AsyncClient) -> None:
    files = [("file", J), ("other", npy(grey(100, 101))), ("file", image_file(grey(135)[0]))]
    response = await client.post("/encode?preprocess=none", files=files)
    assert [encoding["label"] for encoding in response.json()["encodings"]] == ["J", "0", "1", "Z"]


async def test_pictures_are_converted_unless_they_are_taken_as_they_are(client: httpx.AsyncClient) -> None:
    """Black on white, larger than 28×28, a single bar: MNIST's way fits it into 20×20, bright on black."""
    drawing = np.full((60, 50), 255, dtype=np.uint8)
    drawing[10:50, 20:30] = 0
    response = await client.post("/encode?label=0", content=image_file(drawing))
    # The corner is paper, 0, of which the known model's encoder makes -10.
    assert response.json()["encodings"][0]["mu"][0] == pytest.approx(-10)
    refused = await client.post("/encode?label=0&preprocess=none", content=image_file(drawing))
    expect_problem(refused, InvalidParameter, "28", "body")


BLANK = image_file(np.full((40, 40), 255, dtype=np.uint8))


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("", b"", MalformedBody, None, "body is empty; send a PNG, JPEG or WebP image, or a .npy array."),
        Wrong("", J[: len(J) // 2], MalformedBody, None, "body: "),
        Wrong("", npy(grey(1))[:-1], MalformedBody, None, "784 bytes of values but holds 783."),
        Wrong("", b"no image", UnsupportedMedia, None, "body is none of PNG, JPEG, WebP and .npy."),
        Wrong(
            "",
            b"%PDF-1.7",
            UnsupportedMedia,
            None,
            "body is a PDF document, and none of PNG, JPEG, WebP and .npy; save",
        ),
        Wrong("", BLANK, InvalidParameter, "body", "ink"),
        Wrong(
            "", npy(np.full((28, 28), 256)), InvalidParameter, "body", "outside 0-255, which is the range for integers"
        ),
        Wrong(
            "", npy(np.zeros((28, 28), np.complex64)), InvalidParameter, "body", "allowed is uint8 or another integer"
        ),
        Wrong(
            "", npy(grey(1, 2)[:, None]), InvalidParameter, "body", "with channels, which come last and are 1, 3 or 4"
        ),
        Wrong("", npy(grey(*[119] * 71)), InvalidParameter, "body", "at most 70"),
        Wrong("preprocess=some", J, InvalidParameter, "query.preprocess", "'auto' or 'none'"),
        Wrong("label=36", J, InvalidParameter, "query.label", "a character 0-9, A-Z or a number 0-35"),
        Wrong(f"label={'J' * 17}", J, InvalidParameter, "query.label", "at most 16 characters"),
        Wrong("model=vae&label=J", J, InvalidParameter, "query.label", "model 'vae' has no labels"),
    ],
    ids=lambda wrong: wrong.says,
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, wrong: Wrong) -> None:
    response = await client.post(f"/encode?{wrong.query}", content=wrong.content)
    expect_problem(response, wrong.problem, wrong.says, wrong.field)


async def test_labels_say_what_an_image_may_be(more: httpx.AsyncClient) -> None:
    """Grey 136 is an `a`; the nearest among the usual labels is Z."""
    for query, label, possible in (
        ("", "Z", LABELS),
        ("labels=letters", "a", (*LABELS[10:], "a", "b", "ß")),
        ("labels=0&labels=J", "J", ("0", "J")),
        ("labels=digits", "9", tuple("0123456789")),
        ("labels=9876543210", "9", tuple("9876543210")),
        ("labels=small&labels=capitals", "a", tuple("ab" + string.ascii_uppercase)),
        ("labels=all", "a", MORE_LABELS),
    ):
        (encoding,) = (await encodings(more, npy(grey(136)), query)).encodings
        assert encoding.label == label
        assert encoding.posterior is not None
        assert tuple(encoding.posterior) == possible
        assert sum(encoding.posterior.values()) == pytest.approx(1)
        answer = await more.post(f"/reconstruct?preprocess=none&{query}", content=npy(grey(136)), headers=JSON)
        assert answer.json()["reconstructions"][0]["label"] == label
        ends = npy(grey(136, 136))
        answer = await more.post(f"/interpolate?preprocess=none&n=2&{query}", content=ends, headers=JSON)
        assert [step["label"] for step in answer.json()["steps"]] == [label] * 2


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/encode", "label=J&labels=all", "label is given, too"),
        ("/reconstruct", "labels=digit", "'digit' is not a label, did you mean digits?; allowed is a character"),
        ("/encode", "model=vae&labels=all", "none, because the model has no labels"),
        ("/interpolate", "label=J&labels=all", "label is given, too"),
    ],
)
async def test_labels_that_no_image_can_have(client: httpx.AsyncClient, path: str, query: str, says: str) -> None:
    expect_problem(await client.post(f"{path}?{query}", content=J), InvalidParameter, says, "query.labels")


async def test_top_keeps_the_best_of_the_posterior(client: httpx.AsyncClient) -> None:
    (whole,) = (await encodings(client, J)).encodings
    (best,) = (await encodings(client, J, "top=3")).encodings
    assert whole.posterior is not None
    assert best.posterior is not None
    # As near to J are I and K, of which the first label comes first.
    assert list(best.posterior) == ["J", "I", "K"]
    assert best.posterior == {label: whole.posterior[label] for label in best.posterior}
    assert len((await encodings(client, J, "top=99&labels=digits")).encodings[0].posterior or ()) == 10


@pytest.mark.parametrize("query", ["label=J", "format=npy", "model=vae"])
async def test_top_needs_a_posterior(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post(f"/encode?top=3&{query}", content=J)
    expect_problem(response, InvalidParameter, "there is no posterior", "query.top")


async def test_labels_to_read_need_images(client: httpx.AsyncClient) -> None:
    response = await client.post("/interpolate?labels=all")
    expect_problem(response, InvalidParameter, "no labels without images", "query.labels")


def saved_two(further: int = 0) -> bytes:
    """A PNG file of a 2 with little contrast, of 100 x 100 pixels."""
    return image_file(write(paper(100, 100), 90, top=30, left=35 - further, height=40, pen=4)[..., 0])


async def test_a_preview_shows_what_the_model_saw_and_where(client: httpx.AsyncClient) -> None:
    files = [("file", ("a.png", saved_two())), ("file", ("b.png", saved_two(10)))]
    response = await client.post("/encode?preview=true", files=files)
    first, second = Encodings.model_validate_json(response.content).encodings
    assert first.preview is not None
    assert second.preview is not None
    assert np.array(first.preview.pixels).shape == (28, 28)
    assert np.abs(np.array(first.preview.box) - [34, 29, 67, 73]).max() <= 4
    assert second.preview.box[0] == first.preview.box[0] - 10
    assert second.preview.box[1] == first.preview.box[1]


async def test_without_preprocessing_the_preview_is_the_image(client: httpx.AsyncClient) -> None:
    (encoding,) = (await encodings(client, J, "preview=true")).encodings
    assert encoding.preview is not None
    assert np.array_equal(encoding.preview.pixels, grey(119)[0])
    assert encoding.preview.box == (0, 0, 28, 28)


async def test_an_array_has_no_preview(client: httpx.AsyncClient) -> None:
    response = await client.post("/encode?preview=true", content=J, headers=NPY)
    expect_problem(response, InvalidParameter, "JSON", "query.preview")
