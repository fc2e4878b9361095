"""`POST /reconstruct`: images through the model and back, with what it costs in nats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from glyphvae.api import negotiate
from glyphvae.api.conditions import names_of, optional_label
from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import Ink, Paper, Scale, read_query
from glyphvae.api.pictures import Style, plan_grid
from glyphvae.api.responses import (
    JSON_BLOCK,
    Body,
    Headers,
    Result,
    documented_response,
    headers_of,
    json_list_result,
    npy_result,
    structured_list,
)
from glyphvae.api.uploads import documented_upload, read_glyphs
from glyphvae.formats import grid
from glyphvae.formats.registry import JSON, NPY, PICTURES
from glyphvae.models.posterior import Reconstruction, read_labels, reconstruct
from glyphvae.models.registry import Model
from glyphvae.operations.base import Operation, PlanCache, Responses
from glyphvae.operations.encode import PROBLEMS, ImageQuery, image_cost
from glyphvae.scheduling.steps import Program, inline

OFFERS = (*PICTURES, JSON, NPY)

# Proxies refuse responses with more than a few kilobytes of headers; here one image needs some 30 bytes.
HEADER_IMAGES = 64


class ReconstructQuery(ImageQuery):
    """The query of `/reconstruct`."""

    scale: Scale = 1
    ink: Ink = "black"
    paper: Paper = "white"


class Reconstructed(BaseModel):
    """One image, reconstructed."""

    label: str | None = Field(description="The label it was read under; null from an unconditional model.")
    reconstruction_error: float = Field(description="-log p(x|z) at the posterior mean, nats.")
    kl: float = Field(description="KL(q(z|x) ‖ p(z)), nats.")
    elbo: float = Field(description="-(reconstruction_error + kl), nats; far lower for noise than for characters.")
    mu: list[float] = Field(description="Posterior mean of the latents.")
    pixels: list[list[int]] = Field(description="The reconstruction: 28 rows of 28 pixels, paper 0, ink 255.")


class Reconstructions(BaseModel):
    """The JSON response of `/reconstruct`."""

    model: str
    reconstructions: list[Reconstructed] = Field(description="In the order of the images.")


@dataclass(frozen=True)
class ReconstructPlan:
    """A query that has been checked.

    Attributes:
        query: The query.
        model: The model that reads the images.
        label: The label of the images, None where it is to be found.
        media: The media type of the response.
        style: The look of a picture.
        cost: About what a small image costs the event loop, in glyphs.
        streams: Whether the response may come in pieces.
    """

    query: ReconstructQuery
    model: Model
    label: int | None
    media: str
    style: Style
    cost: int
    streams: bool


class Reconstruct(Operation[ReconstructPlan]):
    """What the model makes of each image: encoded to its posterior mean and decoded again.

    The headers `Glyphvae-Label`, `Glyphvae-Reconstruction-Error`, `Glyphvae-Kl` and `Glyphvae-Elbo` hold one value an
    image, in nats per image, whatever the format, unless there are more than 64 images. An ELBO far below that of real
    characters marks what is none; blank paper it does not mark, which only `preprocess=none` lets through.
    """

    name = "reconstruct_images"
    path = "/reconstruct"
    summary = "Reconstruct images"
    parameters = ReconstructQuery
    body = "images"
    responses: ClassVar[Responses] = {
        200: documented_response(
            "Reconstructions",
            {
                "model": "cvae/1",
                "reconstructions": [
                    {
                        "label": "J",
                        "reconstruction_error": 71.2,
                        "kl": 12.4,
                        "elbo": -83.6,
                        "mu": [0.3],
                        "pixels": [[0, 255]],
                    }
                ],
            },
            "The reconstruction, or a grid of them.",
            "uint8 (n, 28, 28), paper 0, ink 255.",
            {
                "Glyphvae-Label": "The label of each image.",
                "Glyphvae-Reconstruction-Error": "-log p(x|z) at the posterior mean of each image, nats.",
                "Glyphvae-Kl": "KL(q(z|x) ‖ p(z)) of each image, nats.",
                "Glyphvae-Elbo": "The evidence lower bound of each image, nats.",
            },
        ),
        **PROBLEMS,
    }
    openapi_extra: ClassVar[Mapping[str, Any] | None] = documented_upload()

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plans = PlanCache[ReconstructPlan](context)

    def plan(self, head: RequestHead) -> ReconstructPlan:
        """Check the query."""
        return self._plans.get((head.query, head.accept), lambda: self._plan(head))

    def _plan(self, head: RequestHead) -> ReconstructPlan:
        media = negotiate.choose(head.accept, OFFERS)
        query = read_query(ReconstructQuery, head.query)
        model = self.context.registry.get(query.model)
        label = optional_label(query.label, model)
        style = Style.parse("query", query.scale, query.ink, query.paper)
        return ReconstructPlan(query, model, label, media, style, image_cost(model, label), media == JSON)

    def run(self, plan: ReconstructPlan, body: Body) -> Program[Result]:
        """Read, encode and decode the images."""
        model, media, settings = plan.model, plan.media, self.context.settings
        pixels = yield from read_glyphs(body, settings, plan.query.preprocess)
        rows, columns = grid.grid(len(pixels))
        canvas = plan_grid("query.scale", rows, columns, plan.style, media, settings) if media in PICTURES else None
        labels = (
            (yield from read_labels(model, pixels)).labels if plan.label is None else np.full(len(pixels), plan.label)
        )
        result = yield from reconstruct(model, pixels, labels)
        names = names_of(result.labels, model)
        headers = _headers(model, names, result)
        if canvas is not None:
            content = yield from canvas.draw_glyphs(result.pixels, rows, columns)
            return Result(model.title, headers, media, content)
        if media == NPY:
            return npy_result(model.title, headers, result.pixels)
        blocks = [inline(_block, names, result, start) for start in range(0, len(names), JSON_BLOCK)]
        return (yield from json_list_result(model.title, headers, {"model": model.title}, "reconstructions", blocks))


def _block(names: Sequence[str | None], result: Reconstruction, start: int) -> list[dict[str, Any]]:
    rows = slice(start, start + JSON_BLOCK)
    columns = (
        names[rows],
        result.error[rows],
        result.kl[rows],
        result.elbo[rows],
        result.mu[rows],
        result.pixels[rows],
    )
    return [
        {"label": name, "reconstruction_error": error, "kl": kl, "elbo": elbo, "mu": mu, "pixels": glyph}
        for name, error, kl, elbo, mu, glyph in zip(*columns, strict=True)
    ]


def _headers(model: Model, names: Sequence[str | None], result: Reconstruction) -> Headers:
    """Return the headers of a response: one value an image, unless there are too many."""
    if len(names) > HEADER_IMAGES:
        return headers_of(model.title)
    return headers_of(
        model.title,
        label=", ".join(name for name in names if name is not None) or None,
        reconstruction_error=structured_list(result.error),
        kl=structured_list(result.kl),
        elbo=structured_list(result.elbo),
    )
