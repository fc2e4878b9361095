"""`POST /reconstruct`: images through the model and back, with what it costs in nats."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from glyphvae.api.conditions import names_of, title_of
from glyphvae.api.negotiate import PictureFormat
from glyphvae.api.parameters import DEFAULT_INK, DEFAULT_PAPER, Animate, Ink, Lines, Paper, Scale
from glyphvae.api.pictures import Glyphs, Style, plan_grid
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
from glyphvae.formats import grid
from glyphvae.formats.registry import JSON, NPY, PICTURES, SVG
from glyphvae.models.posterior import Reconstruction, reconstruct
from glyphvae.models.registry import Model
from glyphvae.operations.base import Responses
from glyphvae.operations.encode import PROBLEMS, ImageOperation, ImagePlan, ImageQuery, Images, Preview
from glyphvae.scheduling.steps import Program, inline

# Proxies refuse responses with more than a few kilobytes of headers; here one image needs some 30 bytes.
HEADER_IMAGES = 64


class ReconstructQuery(ImageQuery):
    """The query of `/reconstruct`."""

    scale: Scale = 1
    ink: Ink = DEFAULT_INK
    paper: Paper = DEFAULT_PAPER
    strokes: Lines = "outline"
    animate: Animate = False
    format: PictureFormat = None  # type: ignore[assignment] # wider than that of its base


class Reconstructed(BaseModel):
    """A reconstructed image."""

    label: str | None = Field(description="The label it was read under; null from an unconditional model.")
    reconstruction_error: float = Field(description="-log p(x|z) at the posterior mean, nats.")
    kl: float = Field(description="KL(q(z|x) ‖ p(z)), nats.")
    elbo: float = Field(description="-(reconstruction_error + kl), nats; far lower for noise than for characters.")
    mu: list[float] = Field(description="Posterior mean of the latents.")
    pixels: list[list[int]] = Field(description="The reconstruction: 28 rows of 28 pixels, paper 0, ink 255.")
    preview: Preview | None = Field(default=None, description="Only where `preview` asks for it.")


class Reconstructions(BaseModel):
    """The JSON response of `/reconstruct`."""

    model: str
    reconstructions: list[Reconstructed] = Field(description="In the order of the images.")


class Reconstruct(ImageOperation):
    """Reconstructions of images: each is encoded to its posterior mean and decoded again.

    The headers `Glyphvae-Label`, `Glyphvae-Reconstruction-Error`, `Glyphvae-Kl` and `Glyphvae-Elbo` hold one value an
    image, in nats per image, whatever the format, unless there are more than 64 images. An ELBO far below that of real
    characters marks what is none; blank paper it does not mark, which only `preprocess=none` lets through.
    """

    name = "reconstruct_images"
    path = "/reconstruct"
    summary = "Reconstruct images"
    parameters = ReconstructQuery
    offers = (*PICTURES, SVG, JSON, NPY)
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

    def style_of(self, query: ImageQuery) -> Style | None:
        """Return the look of pictures."""
        assert isinstance(query, ReconstructQuery)  # noqa: S101 (as `parameters` says)
        return Style.parse("query", query)

    def run(self, plan: ImagePlan, body: Body) -> Program[Result]:
        """Read, encode and decode the images."""
        model, media, settings = plan.model, plan.media, self.context.settings
        images = yield from self.read(plan, body)
        pixels, labels, _ = images
        rows, columns = grid.grid(len(pixels))
        canvas = None
        if media not in {JSON, NPY} and plan.style is not None:
            strokes = model.draws_strokes
            canvas = plan_grid("query.scale", rows, columns, plan.style, media, settings, strokes=strokes)
        result = yield from reconstruct(model, pixels, labels, plan.possible)
        names = names_of(result.labels, model)
        headers = _headers(model, names, result)
        if canvas is not None:
            glyphs: Glyphs = result.pixels
            if canvas.painted:
                glyphs = yield from model.strokes(result.mu, result.labels)
            content = yield from canvas.draw_glyphs(glyphs, rows, columns, title_of(names))
            return Result(model.title, headers, media, content)
        if media == NPY:
            return npy_result(model.title, headers, result.pixels)
        blocks = [inline(_block, names, result, images, start) for start in range(0, len(names), JSON_BLOCK)]
        return (yield from json_list_result(model.title, headers, {"model": model.title}, "reconstructions", blocks))


def _block(names: Sequence[str | None], result: Reconstruction, images: Images, start: int) -> list[dict[str, Any]]:
    rows = slice(start, start + JSON_BLOCK)
    columns = (
        names[rows],
        result.error[rows],
        result.kl[rows],
        result.elbo[rows],
        result.mu[rows],
        result.pixels[rows],
    )
    each = [
        {"label": name, "reconstruction_error": error, "kl": kl, "elbo": elbo, "mu": mu, "pixels": glyph}
        for name, error, kl, elbo, mu, glyph in zip(*columns, strict=True)
    ]
    images.add_previews(each, start)
    return each


def _headers(model: Model, names: Sequence[str | None], result: Reconstruction) -> Headers:
    """Return the headers of a response: one value an image, unless there are too many."""
    if len(names) > HEADER_IMAGES:
        return headers_of(model.title)
    return headers_of(
        model.title,
        label=", ".join(name for name in names if name is not None) or None,
        reconstruction_error=structured_list(result.error.tolist()),
        kl=structured_list(result.kl.tolist()),
        elbo=structured_list(result.elbo.tolist()),
    )
