from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter, MalformedBody, NotAcceptable
from glyphvae.models.hand_string import write_hand
from glyphvae.models.manifest import read_manifest
from glyphvae.operations.hand import DISAGREEMENT, FoundHand
from tests.known_model import classifier, write_model
from tests.service.imaging.scenes import paper, print_lines
from tests.service.processes import ROOT
from tests.service.support import JSON, Wrong, caller, context_of, expect_problem, grey, image_file, npy

J = image_file(grey(119)[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the known model with a hand of two latents, one with a classifier, one without labels, and one without."""
    folder = tmp_path_factory.mktemp("exported")
    config = {"hand_size": 2}
    write_model(folder, "cvae", config=config)
    write_model(folder, "reading", files={"classifier": classifier()}, config=config)
    write_model(folder, "vae", conditional=False, config=config)
    write_model(folder, "plain")
    return folder


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(context_of(folder, max_images=70))) as client:
        yield client


async def found(client: httpx.AsyncClient, query: str, **body: Any) -> FoundHand:  # noqa: ANN401 (httpx' own)
    response = await client.post(f"/hand?preprocess=none&{query}", **body)
    assert response.status_code == 200, response.text
    assert response.headers["glyphvae-hand"] == response.json()["hand"]
    return FoundHand.model_validate_json(response.content)


async def test_a_letter_gives_its_hand(client: httpx.AsyncClient, folder: Path) -> None:
    """A J that is drawn by z[0] = 0 is as grey as the mean of the prior has it."""
    answer = await found(client, "label=J", content=J)
    assert answer.model == "cvae/1"
    assert answer.mu == pytest.approx([0, 0], abs=1e-5)
    assert answer.left == pytest.approx(np.exp(answer.logvar))
    assert answer.left[1] == 1
    assert answer.certainty == pytest.approx(1 - np.mean(answer.left))
    assert [letter.model_dump() for letter in answer.letters] == [{"label": "J", "distance": None, "disagrees": False}]
    assert answer.hand == write_hand(np.zeros(2, np.float32), read_manifest(folder / "cvae.json"))


async def test_several_letters_may_come_as_an_array_or_as_files(client: httpx.AsyncClient) -> None:
    as_array = await found(client, "label=J&label=A", content=npy(grey(129, 120)))
    files = [("file", image_file(grey(129)[0])), ("file", npy(grey(120)))]
    assert as_array == await found(client, "label=J&label=A", files=files)
    assert [letter.label for letter in as_array.letters] == ["J", "A"]
    assert as_array.mu[0] > 0.5


async def test_the_same_pictures_give_the_same_hand(client: httpx.AsyncClient) -> None:
    answers = {(await found(client, "label=J", content=npy(grey(121, 125, 117)))).hand for _ in range(3)}
    assert len(answers) == 1


async def test_one_label_stands_for_all_pictures(client: httpx.AsyncClient) -> None:
    once, each = [await found(client, query, content=npy(grey(119, 125))) for query in ("label=J", "label=J&label=19")]
    assert once == each


async def test_without_labels_the_model_reads_them(client: httpx.AsyncClient) -> None:
    """By Bayes' rule grey 119 is a J, the known classifier takes it for a G."""
    content = npy(grey(119, 119))
    for query, label in (("", "J"), ("model=reading", "G"), ("model=reading&labels=A&labels=B", "B")):
        assert [letter.label for letter in (await found(client, query, content=content)).letters] == [label] * 2


async def test_an_unconditional_model_has_no_labels(client: httpx.AsyncClient) -> None:
    answer = await found(client, "model=vae", content=npy(grey(110, 110)))
    assert [letter.label for letter in answer.letters] == [None, None]
    assert answer.mu[0] > 0.5


async def test_a_letter_of_another_hand_disagrees(client: httpx.AsyncClient) -> None:
    for levels, expected in (((119, 121, 117, 149), [False, False, False, True]), ((119, 121, 117, 119), [False] * 4)):
        answer = await found(client, "label=J", content=npy(grey(*levels)))
        assert [letter.disagrees for letter in answer.letters] == expected
        farthest = max(letter.distance or 0 for letter in answer.letters)
        assert (farthest > DISAGREEMENT) is any(expected)


async def test_what_a_wrong_letter_does_to_the_others_does_not_count_against_them(client: httpx.AsyncClient) -> None:
    answer = await found(client, "label=J", content=npy(grey(119, 121, 117, 255)))
    assert [letter.distance is not None and letter.distance > DISAGREEMENT for letter in answer.letters] == [True] * 4
    assert [letter.disagrees for letter in answer.letters] == [False, False, False, True]


async def test_of_two_letters_none_is_called_wrong(client: httpx.AsyncClient) -> None:
    answer = await found(client, "label=J", content=npy(grey(119, 255)))
    assert [letter.disagrees for letter in answer.letters] == [False, False]
    assert max(letter.distance or 0 for letter in answer.letters) > DISAGREEMENT


async def test_photographs_are_converted(client: httpx.AsyncClient) -> None:
    """Black on white, larger than 28×28: the corner of what MNIST's way makes of it is paper."""
    drawing = np.full((60, 50), 255, dtype=np.uint8)
    drawing[10:50, 20:30] = 0
    response = await client.post("/hand?label=1", content=image_file(drawing))
    assert response.json()["mu"][0] < -1


async def test_a_hand_goes_on_to_other_endpoints(client: httpx.AsyncClient) -> None:
    hand = await found(client, "label=J", content=npy(grey(129, 129)))
    response = await client.post(f"/generate?label=J&temperature=0&hand={hand.hand}", headers=JSON)
    (sample,) = response.json()["samples"]
    assert sample["z"][:2] == pytest.approx(hand.mu, abs=0.011)


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("", b"", MalformedBody, None, "body is empty"),
        Wrong(
            "model=plain", J, InvalidParameter, "query.model", "has no hand; models with one are: cvae, reading, vae"
        ),
        Wrong("label=J&labels=all", J, InvalidParameter, "query.labels", "label is given, too"),
        Wrong("label=!", J, InvalidParameter, "query.label", "a character 0-9, A-Z"),
        Wrong("label=J&label=A", J, InvalidParameter, "query.label", "there are 2 labels for 1 images"),
        Wrong("label=J", npy(grey(*[119] * 65)), InvalidParameter, "body", "at most 64"),
        Wrong("label=J" + "&label=J" * 64, J, InvalidParameter, "query.label", "at most 64 items"),
        Wrong("model=vae&label=J", J, InvalidParameter, "query.label", "model 'vae' has no labels"),
        Wrong("z=1", J, InvalidParameter, "query", "unknown: 'z'"),
    ],
    ids=lambda wrong: wrong.says,
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, wrong: Wrong) -> None:
    response = await client.post(f"/hand?preprocess=none&{wrong.query}", content=wrong.content)
    expect_problem(response, wrong.problem, wrong.says, wrong.field)


async def test_it_is_json_alone(client: httpx.AsyncClient) -> None:
    response = await client.post("/hand?label=J", content=J, headers={"accept": "image/png"})
    expect_problem(response, NotAcceptable, "application/json")


def sheet(text: str) -> bytes:
    return image_file(print_lines(paper(130 * len(text.split("\n")) + 70, 900), text))


@pytest.fixture(scope="module")
def pen_context() -> Context:
    """Load the shipped models: reading a sheet needs one that reads."""
    return context_of(ROOT / "exported", request_timeout=60)


@pytest.fixture
async def pen(pen_context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(pen_context)) as client:
        yield client


async def of_sheet(client: httpx.AsyncClient, query: str, **body: Any) -> FoundHand:  # noqa: ANN401 (httpx' own)
    response = await client.post(f"/hand?{query}", **body)
    assert response.status_code == 200, response.text
    return FoundHand.model_validate_json(response.content)


async def test_a_photograph_of_lines_gives_the_hand_of_its_letters(pen: httpx.AsyncClient) -> None:
    content = sheet("Rage\nHx,")
    given = await of_sheet(pen, "text=Rage%20Hx,", content=content)
    assert [letter.label for letter in given.letters] == list("RageHx,")
    labels = "&".join(f"label={letter}" for letter in "RageHx")
    assert (await of_sheet(pen, f"sheet=true&{labels}&label=,", content=content)).letters == given.letters
    read = await of_sheet(pen, "sheet=true", content=content)
    assert [letter.label for letter in read.letters] == list("RageHx,")


async def test_several_sheets_are_read_in_their_order(pen: httpx.AsyncClient) -> None:
    files = [("file", sheet(text)) for text in ("Rag", "eH")]
    for query in ("text=RageH", "sheet=true&labels=letters"):
        assert [letter.label for letter in (await of_sheet(pen, query, files=files)).letters] == list("RageH")


async def test_one_label_stands_for_all_letters_of_a_sheet(pen: httpx.AsyncClient) -> None:
    answer = await of_sheet(pen, "sheet=true&label=a", content=sheet("aaa"))
    assert [letter.label for letter in answer.letters] == ["a"] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(
            "text=Rag",
            sheet("Rage"),
            InvalidParameter,
            "query.text",
            "it has 3 characters, but 4 characters are found, at",
        ),
        Wrong("text=R", sheet("Rage"), InvalidParameter, "query.text", "it has 1 characters, but 4"),
        Wrong("sheet=1&label=R&label=a", sheet("Rage"), InvalidParameter, "query.label", "it has 2 labels, but 4"),
        Wrong("text=%20", sheet("Rage"), InvalidParameter, "query.text", "1 to 64"),
        Wrong(f"text={'x' * 65}", sheet("Rage"), InvalidParameter, "query.text", "it has 65 characters"),
        Wrong("text=R%C5%82", sheet("Rage"), InvalidParameter, "query.text", "is not a label"),
        Wrong("text=Rage&preprocess=none", sheet("Rage"), InvalidParameter, "query.preprocess", "are cut out"),
        Wrong("text=Rage&label=R", sheet("Rage"), InvalidParameter, "query.text", "label or labels are given, too"),
        Wrong("sheet=1", sheet("\n".join(["Rage" * 3] * 6)), InvalidParameter, "body", "at most 64"),
        Wrong("sheet=1", image_file(paper()), InvalidParameter, "body", "The image shows no ink"),
    ],
    ids=lambda wrong: wrong.says,
)
async def test_what_is_wrong_with_a_sheet_is_named(pen: httpx.AsyncClient, wrong: Wrong) -> None:
    response = await pen.post(f"/hand?{wrong.query}", content=wrong.content)
    expect_problem(response, wrong.problem, wrong.says, wrong.field)


async def test_a_model_without_labels_reads_no_sheet(client: httpx.AsyncClient) -> None:
    for query in ("sheet=true", "text=A"):
        response = await client.post(f"/hand?model=vae&{query}", content=J)
        expect_problem(response, InvalidParameter, "has no labels and reads no sheet", "query.model")


# Each request that takes a hand: its path, and its JSON body if it has one.
TAKERS: list[tuple[str, dict[str, Any] | None]] = [
    ("/generate?label=J", None),
    ("/generate?label=J&z=1", None),
    ("/generate?label=J&n=2&seed=7", None),
    ("/traverse?label=J&latent=1", None),
    ("/interpolate?label=J", None),
    ("/render-text", {"text": "J"}),
    ("/dataset", {"count": 2}),
]


@pytest.mark.parametrize(("path", "body"), TAKERS)
async def test_every_endpoint_refuses_a_hand_that_is_not_the_models(
    client: httpx.AsyncClient, folder: Path, path: str, body: dict[str, Any] | None
) -> None:
    own = read_manifest(folder / "cvae.json")
    digest = "0" * 64
    gone = own.model_copy(update={"decoder": own.decoder.model_copy(update={"sha256": digest})})
    hands = [write_hand(np.zeros(2, np.float32), manifest) for manifest in (own, gone)]
    for hand, model, says in (
        (hands[0], "cvae", ""),
        (hands[1], "cvae", "of a model that is not served; make it again with POST /hand"),
        (hands[0] + "A", "cvae", "copy all of `hand` from POST /hand"),
        (hands[0], "plain", "model 'plain' has no hand; models with one are: cvae, reading, vae"),
        ("x" * 129, "cvae", "at most 128 characters"),
    ):
        if body is None:
            response = await client.post(f"{path}&hand={hand}&model={model}")
        else:
            response = await client.post(path, json=body | {"hand": hand, "model": model})
        if says:
            named = "query.hand" if body is None else "body.hand"
            named += ".0" if path.startswith("/interpolate") and len(hand) > 128 else ""
            expect_problem(response, InvalidParameter, says, named)
        else:
            assert response.status_code == 200, response.text
