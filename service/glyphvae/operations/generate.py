"""`POST /generate`: new glyphs of one or more labels."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from glyphvae.api import negotiate, responses
from glyphvae.api.conditions import required_labels
from glyphvae.api.context import Context, Running
from glyphvae.api.parameters import Ink, Latents, ModelName, Paper, Parameters, Scale, Seed, Temperature, value_of
from glyphvae.api.responses import Style
from glyphvae.api.streaming import streamed
from glyphvae.errors import InvalidParameter, NotAcceptable, NotReady, UnknownModel, documented
from glyphvae.formats import grid, npy
from glyphvae.models.latents import draw_latents, new_seed, parse_latents
from glyphvae.models.registry import Floats, Labels, Model, Pixels

OFFERS = (negotiate.PNG, negotiate.JSON, negotiate.NPY)

# Rows decoded, and sent, at a time: an answer of any length needs no more memory than this many glyphs.
CHUNK = 2048

router = APIRouter()


class GenerateQuery(Parameters):
    """The query of `/generate`."""

    label: list[Annotated[str, Field(max_length=16)]] = Field(
        default=[],
        max_length=1024,
        description="What to write: a character (0-9, A-Z) or its number (10 is A, 19 is J, 35 is Z). Repeat it for "
        "several. Required by a conditional model, refused by an unconditional one.",
        examples=[["J"]],
    )
    n: int = Field(
        1,
        ge=1,
        le=1_000_000_000,
        description="Glyphs of each label; the setting `max_samples` limits the glyphs of all labels together.",
    )
    seed: Seed = None
    z: Latents = None
    temperature: Temperature = 1.0
    columns: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Columns of a sheet. Default: one row a label; nearly square with one label, or one glyph of each.",
    )
    scale: Scale = 1
    ink: Ink = "black"
    paper: Paper = "white"
    model: ModelName = None


class Sample(BaseModel):
    """One glyph."""

    label: str | None = Field(description="Its character; null from an unconditional model.")
    z: list[float] = Field(description="Its latents.")
    pixels: list[list[int]] = Field(description="28 rows of 28 pixels, paper 0, ink 255.")


class Samples(BaseModel):
    """The JSON answer of `/generate`."""

    model: str
    seed: int = Field(description="Reproduces the answer.")
    temperature: float
    samples: list[Sample] = Field(description="Label by label, `n` of each.")


@dataclass(frozen=True)
class Recipe:
    """A request that has been checked, before anything is drawn.

    Attributes:
        model: The model that answers.
        labels: (n,) label of each glyph, zeros for an unconditional model.
        given: The latents that the request fixes, None where one is drawn.
        temperature: Of the drawn ones.
    """

    model: Model
    labels: Labels
    given: tuple[float | None, ...]
    temperature: float

    def order(self, seed: int | None) -> "Order":
        """The latents of `seed`, of a new one for None."""
        chosen = new_seed() if seed is None else seed
        z = draw_latents(chosen, len(self.labels), self.given, self.temperature)
        return Order(self.model, chosen, self.labels, z)


@dataclass(frozen=True)
class Order:
    """The rows to decode.

    Attributes:
        model: The model that decodes them.
        seed: The seed of the latents.
        labels: (n,) label of each row, zeros for an unconditional model.
        z: (n, latent) latents of each row.
    """

    model: Model
    seed: int
    labels: Labels
    z: Floats

    @property
    def headers(self) -> responses.Headers:
        """The headers of the answer."""
        return responses.headers(self.model.title, seed=self.seed)


@router.post(
    "/generate",
    summary="Write new glyphs",
    response_class=Response,
    responses={
        200: responses.documented_answer(
            "Samples",
            {
                "model": "cvae/1",
                "seed": 7,
                "temperature": 1.0,
                "samples": [{"label": "J", "z": [0.0], "pixels": [[0, 255]]}],
            },
            "The glyph, or a sheet with one row a label.",
            "uint8 (n, 28, 28), paper 0, ink 255.",
            {"Glyphvae-Seed": "The seed that reproduces the answer."},
        ),
        **documented(UnknownModel, NotAcceptable, InvalidParameter, NotReady),
    },
)
async def generate(request: Request, query: Annotated[GenerateQuery, Query()], context: Running) -> Response:
    """Draw latents from the prior and decode them: handwriting that nobody wrote.

    Without a seed each answer is new. `n` over 1, or several labels, give a sheet.
    """
    media = negotiate.choose_for(request, OFFERS)
    style = Style.parse("query", query.scale, query.ink, query.paper)
    order = check_query(query, context).order(query.seed)
    if media == negotiate.NPY:
        return await _array(order)
    if media == negotiate.JSON:
        return await _json(order, query.temperature)
    rows, columns = _grid(query, len(order.z))
    side = 28 * query.scale
    responses.check_picture("query.scale", columns * side, rows * side, context.settings.max_output_pixels)
    pixels = await order.model.decode(order.z, order.labels)
    return responses.png_answer(await responses.glyphs_picture(pixels, rows, columns, style), order.headers)


def check_query(query: GenerateQuery, context: Context) -> Recipe:
    """What `query` asks for, checked against the model and the limits.

    Raises:
        UnknownModel: No such model.
        InvalidParameter: A label, a latent, or the number of glyphs is not allowed.
    """
    model = context.engine.get(query.model)
    labels = required_labels(query.label, model)
    limit = context.settings.max_samples
    total = len(labels) * query.n
    if total > limit:
        detail = f"{total} glyphs were asked for"
        raise InvalidParameter.of("query.n", detail, f"at most {limit} of all labels together")
    given = value_of("query.z", parse_latents, query.z or "", model.manifest.latent_size)
    return Recipe(model, np.repeat(labels, query.n), given, query.temperature)


def _grid(query: GenerateQuery, total: int) -> tuple[int, int]:
    if query.columns is not None:
        columns = min(query.columns, total)
        return -(-total // columns), columns
    if len(query.label) > 1 and query.n > 1:
        return len(query.label), query.n
    return grid.grid(total)


async def _json(order: Order, temperature: float) -> Response:
    content = {"model": order.model.title, "seed": order.seed, "temperature": temperature}
    return await responses.json_list_answer(content, "samples", _samples(order), len(order.z), order.headers)


async def _samples(order: Order) -> AsyncIterator[list[dict[str, Any]]]:
    names = order.model.manifest.labels or (None,)
    for start in range(0, len(order.z), responses.JSON_BLOCK):
        labels, z = order.labels[start : start + responses.JSON_BLOCK], order.z[start : start + responses.JSON_BLOCK]
        pixels = await order.model.decode(z, labels)
        yield [
            {"label": names[label], "z": latents, "pixels": glyph}
            for label, latents, glyph in zip(labels, z, pixels, strict=True)
        ]


async def _array(order: Order) -> Response:
    header = npy.npy_header((len(order.z), 28, 28), np.uint8)
    size = {"Content-Length": str(len(header) + len(order.z) * 28 * 28)}
    return await streamed(_pieces(header, order), negotiate.NPY, order.headers | size)


async def _pieces(header: bytes, order: Order) -> AsyncIterator[bytes]:
    for start in range(0, len(order.z), CHUNK):
        pixels: Pixels = await order.model.decode(order.z[start : start + CHUNK], order.labels[start : start + CHUNK])
        yield header + pixels.tobytes() if start == 0 else pixels.tobytes()
