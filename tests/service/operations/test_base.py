"""Behaviour that all operations share, and the cache of plans."""

import io
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from glyphvae.api.context import Context
from glyphvae.application import OPERATIONS, create_app
from glyphvae.errors import InvalidParameter, NotAcceptable, NotReady, UnknownModel
from glyphvae.formats.registry import GIF, JSON, MEDIA_TYPES, NPY, PDF, PICTURES, SVG, TEXT
from glyphvae.models.registry import load_registry
from glyphvae.operations.base import KEPT_PLANS, LONGEST_KEY, Operation, Plan, PlanCache
from tests.service.operations.test_font import write_pen
from tests.service.support import caller, context_of, expect_problem, grey, image_file, npy, percent_apart, resvg

# Of operations that read an image; the others draw, and take a seed.
READING = ("/encode", "/hand", "/read", "/reconstruct")
PATHS = [operation.path for operation in OPERATIONS]
OFFERS = dict.fromkeys(PATHS, (*PICTURES, SVG, JSON, NPY)) | {
    "/encode": (JSON, NPY),
    "/font": ("font/ttf", "font/otf", "font/woff2"),
    "/hand": (JSON,),
    "/read": (JSON, TEXT),
    "/interpolate": (*PICTURES, SVG, GIF, JSON, NPY),
    "/render-text": (*PICTURES, SVG, JSON, NPY, PDF),
    "/traverse": (*PICTURES, SVG, GIF, JSON, NPY),
}
del OFFERS["/dataset"]  # its body names the format
# What `/read` finds no fault with.
LETTER = np.full((60, 60), 255, np.uint8)
LETTER[10:50, 25:32] = 0
DRAWING = [path for path, offers in OFFERS.items() if PICTURES.keys() <= set(offers)]


async def post(client: httpx.AsyncClient, path: str, accept: str = "*/*", /, **parameters: object) -> httpx.Response:
    """Send a request for the label Z, or for a font, with more parameters in the query or the JSON body."""
    asked: dict[str, Any] = {"label": "Z"} | parameters
    if path == "/render-text":
        asked = {"text": asked.pop("label"), **asked}
    elif path == "/dataset":
        asked = {"count": 1, "labels": [asked.pop("label")], **asked}
    elif path == "/traverse":
        asked = {"latent": 1, **asked}
    elif path == "/font":
        del asked["label"]
    if path in {"/render-text", "/dataset", "/font"}:
        return await client.post(path, json=asked, headers={"Accept": accept})
    content = npy(grey(135)) if path in READING else b""
    if path == "/read":
        content = image_file(LETTER)
        del asked["label"]
    asked |= {"preprocess": "none"} if content and path != "/read" else {}
    return await client.post(path, params=asked, content=content, headers={"Accept": accept})


@pytest.fixture
def client(handed: httpx.AsyncClient) -> httpx.AsyncClient:
    """Return a client of a model that every operation can be asked of."""
    return handed


@pytest.mark.parametrize("path", PATHS)
async def test_a_response_names_its_model_and_is_not_stored(client: httpx.AsyncClient, path: str) -> None:
    response = await post(client, path)
    assert response.status_code == 200
    names = ("glyphvae-model", "vary", "cache-control")
    assert [response.headers[name] for name in names] == ["cvae/1", "Accept", "no-store"]


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_model_is_named(client: httpx.AsyncClient, path: str) -> None:
    expect_problem(await post(client, path, model="gan"), UnknownModel, "no model 'gan'; served are: cvae, vae.")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_unknown_parameter_is_named(client: httpx.AsyncClient, operation: Any) -> None:  # noqa: ANN401
    response = await post(client, operation.path, colour="red")
    says = f"unknown: 'colour'; allowed are: {', '.join(operation.parameters.model_fields)}"
    expect_problem(response, InvalidParameter, says, "body" if operation.body == "json" else "query")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_misspelt_parameter_is_recognised(client: httpx.AsyncClient, operation: Any) -> None:  # noqa: ANN401
    for name in operation.parameters.model_fields:
        response = await post(client, operation.path, **{f"{name}{name[-1]}": 1})
        if len(name) > 1:
            says = f"unknown: '{name}{name[-1]}' (did you mean `{name}`?)"
            expect_problem(response, InvalidParameter, says, "body" if operation.body == "json" else "query")


async def test_a_misspelt_field_within_another_is_recognised(client: httpx.AsyncClient) -> None:
    response = await client.post("/render-text", json={"text": "A", "page": {"lnes": "ruled"}})
    expect_problem(response, InvalidParameter, "did you mean `lines`?", "body.page")


@pytest.mark.parametrize("operation", [operation for operation in OPERATIONS if operation.body == "json"])
async def test_parameters_of_a_body_are_refused_in_the_query(client: httpx.AsyncClient, operation: Any) -> None:  # noqa: ANN401
    response = await client.post(f"{operation.path}?seed=7", json={"text": "A"})
    expect_problem(response, InvalidParameter, "unknown: 'seed'", "query")
    assert "belong in the JSON body" in response.json()["detail"]


@pytest.mark.parametrize("path", READING)
async def test_parameters_of_a_query_are_refused_in_a_body(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, json={"label": "J"}, params={} if path == "/read" else {"label": "J"})
    expect_problem(response, InvalidParameter, "send images in base64, and parameters in the query", "body")


@pytest.mark.parametrize(
    ("path", "query", "folded"),
    [
        ("/generate", "label=j", "1"),
        ("/generate", "label=j&label=k&label=L", "2"),
        ("/generate", "labels=j", "1"),
        ("/generate", "label=j&seed=7&n=2", "1"),
        ("/traverse", "label=j&latent=1&temperature=1", "1"),
        ("/interpolate", "label=j&label=k", "2"),
        ("/generate", "label=J", None),
        ("/interpolate", "label=J", None),
    ],
)
@pytest.mark.parametrize("accept", ["image/png", "application/json", "application/x-npy"])
async def test_a_label_that_is_written_as_another_is_counted(
    client: httpx.AsyncClient, path: str, query: str, folded: str | None, accept: str
) -> None:
    response = await client.post(f"{path}?{query}", headers={"Accept": accept})
    assert (response.status_code, response.headers.get("glyphvae-folded")) == (200, folded)
    capitals = query.replace("j", "J").replace("k", "K")
    seeded = f"{capitals}&seed={response.headers.get('glyphvae-seed', 0)}"
    assert (await client.post(f"{path}?{seeded}", headers={"Accept": accept})).content == response.content


def test_every_offer_can_be_named_by_format() -> None:
    for operation in OPERATIONS:
        query = operation.query if operation.body == "json" else operation.parameters
        assert query is not None
        field = query.model_fields.get("format")
        offers = OFFERS.get(operation.path, ())
        names = get_args(get_args(field.annotation)[0]) if field else ()
        assert {MEDIA_TYPES[name] for name in names} == (set(offers) if len(offers) > 1 else set())


@pytest.mark.parametrize("path", [path for path in OFFERS if path not in {"/hand", "/font", "/read"}])
@pytest.mark.parametrize(
    ("name", "says"), [("npy", ""), ("json", ""), ("NPY", "'npy'"), ("bmp", "'json'"), ("", "'json'")]
)
async def test_format_takes_the_place_of_accept(client: httpx.AsyncClient, path: str, name: str, says: str) -> None:
    query, accept = {"format": name}, {"Accept": "image/png, text/html"}
    if path == "/render-text":
        response = await client.post(path, params=query, headers=accept, json={"text": "A"})
    elif path in READING:
        query |= {"label": "A", "preprocess": "none"}
        response = await client.post(path, params=query, headers=accept, content=npy(grey(135)))
    else:
        query |= {"label": "A"} | ({"latent": "1"} if path == "/traverse" else {})
        response = await client.post(path, params=query, headers=accept)
    if says:
        expect_problem(response, InvalidParameter, says, "query.format")
    else:
        assert (response.status_code, response.headers["content-type"]) == (200, MEDIA_TYPES[name])


async def test_the_format_of_a_font_may_be_named(tmp_path: Path) -> None:
    write_pen(tmp_path, "A", "B")
    async with caller(create_app(context_of(tmp_path, default_model="pen"))) as client:
        for name in ("ttf", "otf", "woff2"):
            response = await client.post(f"/font?format={name}", json={"seed": 7}, headers={"Accept": "*/*"})
            assert response.headers["content-type"] == f"font/{name}"


@pytest.mark.parametrize("path", OFFERS)
async def test_a_format_that_is_not_offered_is_not_acceptable(client: httpx.AsyncClient, path: str) -> None:
    response = await post(client, path, "text/html")
    expect_problem(response, NotAcceptable, f"This route offers {', '.join(OFFERS[path])};")
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("path", DRAWING)
async def test_a_webp_shows_the_same_as_a_png(client: httpx.AsyncClient, path: str) -> None:
    shown = []
    for media in ("image/webp, image/png", "image/*", "image/webp, image/png;q=0.9"):
        response = await post(client, path, media, **({} if path == "/reconstruct" else {"seed": 7}), scale=2)
        image = Image.open(io.BytesIO(response.content))
        assert response.headers["content-type"] == f"image/{(image.format or '').lower()}"
        shown.append((image.format, np.asarray(image.convert("RGB")).tolist()))
    assert [kind for kind, _ in shown] == ["PNG", "PNG", "WEBP"]
    assert shown[0][1] == shown[1][1] == shown[2][1]


@pytest.mark.parametrize("path", DRAWING)
async def test_an_svg_shows_the_same_as_a_png(more: httpx.AsyncClient, path: str) -> None:
    asked = {"scale": 4, "ink": "navy", "paper": "#ffc"} | ({} if path == "/reconstruct" else {"seed": 7})
    png, svg = [await post(more, path, media, **asked) for media in ("image/png", "image/svg+xml")]
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.headers["glyphvae-model"] == "more/1"
    assert svg.headers["vary"].startswith("Accept")  # and what a large one is compressed by
    shown = np.asarray(Image.open(io.BytesIO(png.content)).convert("RGB"))
    assert percent_apart(resvg(svg.content), shown) < 0.3
    root = ET.fromstring(svg.content)  # noqa: S314 (our own)
    assert root.get("aria-label") == "Z"


@pytest.mark.parametrize("path", DRAWING)
async def test_an_svg_of_pixels_is_not_acceptable(app: FastAPI, path: str) -> None:
    async with caller(app) as client:
        response = await post(client, path, "image/svg+xml")
        others = await post(client, path, "image/svg+xml, application/json;q=0.9, image/webp;q=0.1")
    expect_problem(response, NotAcceptable, "Model 'cvae' draws pixels, and image/svg+xml is made of strokes.")
    assert response.headers["vary"] == "Accept"
    assert others.headers["content-type"] == "application/json"
    assert others.json()["model"] == "cvae/1"


@pytest.mark.parametrize("path", DRAWING)
async def test_centres_and_animations_are_for_svg(more: httpx.AsyncClient, path: str) -> None:
    where = "body" if path == "/render-text" else "query"
    for name, value in (("strokes", "centre"), ("animate", True)):
        drawn = await post(more, path, "image/svg+xml", **{name: value})
        assert drawn.status_code == 200, drawn.text
        assert (b"mm" in drawn.content, b"@keyframes" in drawn.content) == (name == "strokes", name == "animate")
        expect_problem(
            await post(more, path, **{name: value}), InvalidParameter, "the response is image/png", f"{where}.{name}"
        )
    expect_problem(
        await post(more, path, strokes="thin"), InvalidParameter, "'outline' or 'centre'", f"{where}.strokes"
    )


@pytest.mark.parametrize("kind", [kind for kind in OPERATIONS if "GET" not in kind.methods])
def test_what_only_posts_has_no_identity_to_be_kept_by(context: Context, kind: type[Operation[Any]]) -> None:
    assert kind(context).identity(Plan(media=JSON, cost=1)) is None


@pytest.mark.parametrize("path", PATHS)
async def test_a_model_is_loaded_by_the_first_request_for_it(with_hand: Context, path: str) -> None:
    context = context_of(with_hand.settings.models, default_model="vae")
    assert not context.registry.get("cvae").loaded
    async with caller(create_app(context)) as client:
        response = await post(client, path, model="cvae")
    assert (response.status_code, response.headers["glyphvae-model"]) == (200, "cvae/1")


# /encode and /read run no decoder, and a font has glyphs for all labels, so there is none without the one that fails.
@pytest.mark.parametrize(
    ("path", "accept"),
    [*((path, "*/*") for path in PATHS if path not in {"/encode", "/read", "/font"}), ("/generate", JSON)],
)
async def test_a_model_that_fails_is_not_ready(half_broken: FastAPI, path: str, accept: str) -> None:
    async with caller(half_broken) as client:
        response = await post(client, path, accept)
        expect_problem(response, NotReady, "cvae: the model did not run.")
        assert response.headers["retry-after"] == "5"
        assert (await post(client, path, accept, label="Y")).status_code == 200


def test_plans_are_kept_until_others_are_used_more_or_models_are_reloaded(context: Context) -> None:
    context = Context(context.settings, context.registry)
    cache, made = PlanCache[bytes](context), list[bytes]()

    def make(query: bytes) -> bytes:
        made.append(query)
        return query

    def get(query: bytes, accept: str = "") -> None:
        assert cache.get((query, accept), make, query) == query

    for query in (b"a", b"b", b"a", b"b"):
        get(query)
    assert made == [b"a", b"b"]
    get(b"a", "image/png")
    assert made == [b"a", b"b", b"a"]
    for number in range(KEPT_PLANS - 2):
        get(b"a")  # what is asked for stays
        get(b"%d" % number)
    assert len(cache.values()) == KEPT_PLANS
    assert {b"a", b"0"} <= set(cache.values())
    assert b"b" not in cache.values()
    get(bytes(LONGEST_KEY + 1))
    assert bytes(LONGEST_KEY + 1) not in cache.values()
    context.registry = load_registry(context.settings)
    assert cache.values() == []
    get(b"a")
    assert cache.values() == [b"a"]


def test_a_plan_that_was_begun_before_a_reload_is_not_kept_for_the_new_models(context: Context) -> None:
    context = Context(context.settings, context.registry)
    cache = PlanCache[str](context)

    def make() -> str:
        context.registry = load_registry(context.settings)
        return "old"

    assert cache.get((b"a", ""), make) == "old"
    assert cache.values() == []
