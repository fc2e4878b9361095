"""`POST /interpolate`: steps between two glyphs."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray
from pydantic import Field

from glyphvae.api import sequence
from glyphvae.api.conditions import names_of, required_labels
from glyphvae.api.context import Context, Running
from glyphvae.api.parameters import Ink, ModelName, Paper, Parameters, Scale, Seed, Temperature, value_of
from glyphvae.api.responses import Style
from glyphvae.api.uploads import documented_upload, read_glyphs
from glyphvae.errors import InvalidParameter
from glyphvae.imaging.preprocess import Mode
from glyphvae.models.latents import draw_latents, new_seed, parse_latents
from glyphvae.models.posterior import read_labels
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.operations.encode import PROBLEMS

router = APIRouter()

# A blank coordinate keeps its place in a list, so an end may fix any of them.
End = Annotated[str, Field(max_length=1024)]


class InterpolateQuery(Parameters):
    """The query of `/interpolate`."""

    label: list[Annotated[str, Field(max_length=16)]] = Field(
        default=[],
        max_length=2,
        description="What to write: one label for all steps, or two to go from the first to the second. Images need "
        "none: without it each is read under its most likely label.",
        examples=[["J"]],
    )
    z: list[End] = Field(
        default=[],
        max_length=2,
        description="Latents of the first and of the second end, as for `/generate`; what is not given is drawn.",
    )
    n: int = Field(9, ge=2, le=1000, description="Steps, both ends included.")
    method: Literal["spherical", "linear"] = Field(
        "spherical",
        description="`spherical` turns from one end to the other at the length that latents of the prior have; "
        "`linear` takes the straight line, through less typical glyphs near the centre.",
    )
    seed: Seed = None
    temperature: Temperature = 1.0
    preprocess: Mode = Field("auto", description="How images are converted; as for `/encode`.")
    scale: Scale = 1
    ink: Ink = "black"
    paper: Paper = "white"
    model: ModelName = None


@dataclass(frozen=True)
class Ends:
    """Where the way begins and ends.

    Attributes:
        z: (2, latent) float32.
        labels: (2,) int64.
        seed: Of the latents that were drawn, None where none were.
    """

    z: Floats
    labels: Labels
    seed: int | None


@router.post(
    "/interpolate",
    summary="Go from one glyph to another",
    response_class=Response,
    responses={200: sequence.documented_sequence("The steps from left to right."), **PROBLEMS},
    openapi_extra=documented_upload(required=False),
)
async def interpolate(request: Request, query: Annotated[InterpolateQuery, Query()], context: Running) -> Response:
    """Steps between two latents, two labels, or the two images in the body.

    Between two labels each step is decoded under both, and the log odds of ink are mixed: the label of the decoder is a
    table entry, so nothing lies between two of them.
    """
    model = context.engine.get(query.model)
    style = Style.parse("query", query.scale, query.ink, query.paper)
    media = sequence.check(request, 1, query.n, style, context.settings)
    ends = await _ends(request, query, context, model)
    share = np.linspace(0, 1, query.n, dtype=np.float32)
    z = spherical(ends.z[0], ends.z[1], share) if query.method == "spherical" else linear(ends.z[0], ends.z[1], share)
    pixels, labels = await _decode(model, z, ends.labels, share)
    return await sequence.answer(media, sequence.Sequence(model, labels, z, pixels, 1, ends.seed), style)


async def _ends(request: Request, query: InterpolateQuery, context: Context, model: Model) -> Ends:
    if _has_body(request):
        if query.z:
            raise InvalidParameter.of("query.z", "the images in the body are the ends", "no z beside images")
        return await _ends_of_images(request, query, context, model)
    labels = required_labels(query.label, model)
    size = model.manifest.latent_size
    given = [value_of("query.z", parse_latents, text, size) for text in query.z]
    given += [(None,) * size] * (2 - len(given))
    seed = new_seed() if query.seed is None else query.seed
    drawn = draw_latents(seed, 2, (None,) * size, query.temperature)
    fixed = np.array([[np.nan if value is None else value for value in end] for end in given], dtype=np.float32)
    open_ = np.isnan(fixed)
    # One label stands for both ends.
    return Ends(np.where(open_, drawn, fixed), np.resize(labels, 2), seed if open_.any() else None)


def _has_body(request: Request) -> bool:
    """Whether a body was announced, by its length or by coming in chunks."""
    length = request.headers.get("content-length")
    return "transfer-encoding" in request.headers if length is None else length != "0"


async def _ends_of_images(request: Request, query: InterpolateQuery, context: Context, model: Model) -> Ends:
    images = await read_glyphs(request, context.settings, query.preprocess)
    if len(images) != 2:
        raise InvalidParameter.of("body", f"it holds {len(images)} images", "exactly two")
    if model.manifest.labels and not query.label:
        labels = (await read_labels(model, images)).labels
    else:
        labels = np.resize(required_labels(query.label, model), 2)
    mu, _ = await model.encode(images, labels)
    return Ends(mu, labels, None)


async def _decode(model: Model, z: Floats, ends: Labels, share: NDArray[np.float32]) -> tuple[Pixels, list[str | None]]:
    first, last = names_of(ends, model)
    if first == last:
        return await model.decode(z, np.full(len(z), ends[0])), [first] * len(z)
    _, begin = await model.decode_logits(z, np.full(len(z), ends[0]))
    _, end = await model.decode_logits(z, np.full(len(z), ends[1]))
    weight = share[:, None, None]
    odds = np.exp(-((1 - weight) * begin + weight * end))
    pixels = np.round(255 / (1 + odds)).astype(np.uint8)
    return pixels, [first, *[None] * (len(z) - 2), last]


def linear(begin: Floats, end: Floats, share: NDArray[np.float32]) -> Floats:
    """(n, latent) points on the straight line between two latents (latent,), at shares (n,) of the way."""
    return np.asarray(begin + share[:, None] * (end - begin), dtype=np.float32)


def spherical(begin: Floats, end: Floats, share: NDArray[np.float32]) -> Floats:
    """Spherical interpolation (Shoemake, SIGGRAPH 1985), as White (arXiv:1609.04468) uses it on latents.

    sin((1 - t)·w)/sin(w)·begin + sin(t·w)/sin(w)·end, with w the angle between the two. Where it is undefined, at
    parallel, opposite or zero latents, the straight line takes its place.

    Args:
        begin: (latent,) float32.
        end: (latent,) float32.
        share: (n,) from 0 to 1.

    Returns:
        (n, latent) float32; the first and last row are the ends.
    """
    lengths = float(np.linalg.norm(begin)) * float(np.linalg.norm(end))
    angle = float(np.arccos(np.clip(begin @ end / lengths, -1, 1))) if lengths else 0.0
    if np.sin(angle) < 1e-4:
        return linear(begin, end, share)
    t = share[:, None]
    points = (np.sin((1 - t) * angle) * begin + np.sin(t * angle) * end) / np.sin(angle)
    return np.asarray(points, dtype=np.float32)
