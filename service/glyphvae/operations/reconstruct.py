"""`POST /reconstruct`: images through the model and back, with what it costs in nats."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from glyphvae.api import negotiate, responses
from glyphvae.api.conditions import names_of, optional_label
from glyphvae.api.context import Running
from glyphvae.api.parameters import Ink, Paper, Scale
from glyphvae.api.responses import Style
from glyphvae.api.uploads import documented_upload, read_glyphs
from glyphvae.formats import grid
from glyphvae.models.posterior import Reconstruction, read_labels, reconstruct
from glyphvae.models.registry import Model
from glyphvae.operations.encode import PROBLEMS, ImageQuery

OFFERS = (negotiate.PNG, negotiate.JSON, negotiate.NPY)

# Proxies refuse answers with more than a few kilobytes of headers; here one image needs some 30 bytes.
HEADER_IMAGES = 64

router = APIRouter()


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
    """The JSON answer of `/reconstruct`."""

    model: str
    reconstructions: list[Reconstructed] = Field(description="In the order of the images.")


@router.post(
    "/reconstruct",
    summary="Reconstruct images",
    response_class=Response,
    responses={
        200: responses.documented_answer(
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
            "The reconstruction, or a sheet of them.",
            "uint8 (n, 28, 28), paper 0, ink 255.",
            {
                "Glyphvae-Label": "The label of each image.",
                "Glyphvae-Reconstruction-Error": "-log p(x|z) at the posterior mean of each image, nats.",
                "Glyphvae-Kl": "KL(q(z|x) ‖ p(z)) of each image, nats.",
                "Glyphvae-Elbo": "The evidence lower bound of each image, nats.",
            },
        ),
        **PROBLEMS,
    },
    openapi_extra=documented_upload(),
)
async def reconstruct_images(
    request: Request, query: Annotated[ReconstructQuery, Query()], context: Running
) -> Response:
    """What the model makes of each image: encoded to its posterior mean and decoded again.

    The headers `Glyphvae-Label`, `Glyphvae-Reconstruction-Error`, `Glyphvae-Kl` and `Glyphvae-Elbo` hold one value an
    image, in nats per image, whatever the format, unless there are more than 64 images. An ELBO far below that of real
    characters marks what is none; blank paper it does not mark, which only `preprocess=none` lets through.
    """
    media = negotiate.choose_for(request, OFFERS)
    model = context.engine.get(query.model)
    label = optional_label(query.label, model)
    style = Style.parse("query", query.scale, query.ink, query.paper)
    pixels = await read_glyphs(request, context.settings, query.preprocess)
    rows, columns = grid.grid(len(pixels))
    side = 28 * query.scale
    if media == negotiate.PNG:
        responses.check_picture("query.scale", columns * side, rows * side, context.settings.max_output_pixels)
    labels = (await read_labels(model, pixels)).labels if label is None else np.full(len(pixels), label)
    result = await reconstruct(model, pixels, labels)
    names = names_of(result.labels, model)
    extra = facts(model, names, result)
    if media == negotiate.PNG:
        return responses.png_answer(await responses.glyphs_picture(result.pixels, rows, columns, style), extra)
    if media == negotiate.NPY:
        return responses.npy_answer(result.pixels, extra)
    reconstructions = (
        {"label": name, "reconstruction_error": error, "kl": kl, "elbo": elbo, "mu": mu, "pixels": glyph}
        for name, error, kl, elbo, mu, glyph in zip(
            names, result.error, result.kl, result.elbo, result.mu, result.pixels, strict=True
        )
    )
    blocks = responses.in_blocks(reconstructions)
    return await responses.json_list_answer({"model": model.title}, "reconstructions", blocks, len(names), extra)


def facts(model: Model, names: list[str | None], result: Reconstruction) -> responses.Headers:
    """The headers of an answer: one value an image, unless there are too many."""
    if len(names) > HEADER_IMAGES:
        return responses.headers(model.title)
    return responses.headers(
        model.title,
        label=", ".join(name for name in names if name is not None) or None,
        reconstruction_error=responses.structured_list(result.error),
        kl=responses.structured_list(result.kl),
        elbo=responses.structured_list(result.elbo),
    )
