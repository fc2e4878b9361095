"""`POST /encode`: images to latents, and to labels."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from glyphvae.api import negotiate, responses
from glyphvae.api.conditions import names_of, optional_label
from glyphvae.api.context import Running
from glyphvae.api.parameters import ModelName, Parameters
from glyphvae.api.uploads import documented_upload, read_glyphs
from glyphvae.errors import (
    BodyTooLarge,
    InvalidParameter,
    MalformedBody,
    NotAcceptable,
    NotReady,
    UnknownModel,
    UnsupportedMedia,
    documented,
)
from glyphvae.imaging.preprocess import Mode
from glyphvae.models.posterior import read_labels
from glyphvae.models.registry import Floats, Labels, Model

OFFERS = (negotiate.JSON, negotiate.NPY)

# What any endpoint that reads images can answer besides 200.
PROBLEMS = documented(
    MalformedBody, UnknownModel, NotAcceptable, BodyTooLarge, UnsupportedMedia, InvalidParameter, NotReady
)

router = APIRouter()


class ImageQuery(Parameters):
    """What every endpoint that reads images takes."""

    label: str | None = Field(
        None,
        max_length=16,
        description="What the images show: a character (0-9, A-Z) or its number. Without it the model finds the most "
        "likely label of each.",
        examples=["J"],
    )
    preprocess: Mode = Field(
        "auto",
        description="`auto` converts each image the way MNIST was made: grey, ink made bright, cropped, fitted to "
        "20×20, centred by mass in 28×28. `none` takes 28×28 images with bright ink as they are.",
    )
    model: ModelName = None


class Encoding(BaseModel):
    """One image, encoded."""

    label: str | None = Field(description="The given or most likely label; null from an unconditional model.")
    mu: list[float] = Field(description="Posterior mean of the latents.")
    logvar: list[float] = Field(description="Log of the posterior variance of the latents.")
    posterior: dict[str, float] | None = Field(
        default=None, description="p(label|image) of every label; only where no label was given."
    )


class Encodings(BaseModel):
    """The JSON answer of `/encode`."""

    model: str
    encodings: list[Encoding] = Field(description="In the order of the images.")


@router.post(
    "/encode",
    summary="Encode images",
    response_class=Response,
    responses={
        200: responses.documented_answer(
            "Encodings",
            {
                "model": "cvae/1",
                "encodings": [{"label": "J", "mu": [0.3], "logvar": [-2.9], "posterior": {"I": 0.1, "J": 0.9}}],
            },
            None,
            "float32 (n, 2, latent): `mu`, then `logvar`.",
        ),
        **PROBLEMS,
    },
    openapi_extra=documented_upload(),
)
async def encode(request: Request, query: Annotated[ImageQuery, Query()], context: Running) -> Response:
    """The latents of each image under its label; without a label, the most likely one and how likely each is.

    The labels are those of the model's classifier. A conditional VAE without one classifies by Bayes' rule: the ELBO
    under a label stands in for the likelihood of the image.
    """
    media = negotiate.choose_for(request, OFFERS)
    model = context.engine.get(query.model)
    label = optional_label(query.label, model)
    pixels = await read_glyphs(request, context.settings, query.preprocess)
    posterior = None
    if label is None:
        reading = await read_labels(model, pixels)
        labels, posterior = reading.labels, reading.posterior
    else:
        labels = np.full(len(pixels), label)
    mu, logvar = await model.encode(pixels, labels)
    extra = responses.headers(model.title)
    if media == negotiate.NPY:
        return responses.npy_answer(np.stack([mu, logvar], axis=1), extra)
    return responses.json_answer(encodings(model, labels, mu, logvar, posterior), extra)


def encodings(
    model: Model, labels: Labels, mu: Floats, logvar: Floats, posterior: Floats | None = None
) -> dict[str, Any]:
    """`Encodings` of n images.

    Args:
        model: What encoded them.
        labels: (n,) what they were encoded under.
        mu: (n, latent).
        logvar: (n, latent).
        posterior: (n, labels), None where the labels were given.
    """
    each: list[dict[str, Any]] = [
        {"label": name, "mu": mu[i], "logvar": logvar[i]} for i, name in enumerate(names_of(labels, model))
    ]
    if posterior is not None:
        for encoding, row in zip(each, posterior.tolist(), strict=True):
            encoding["posterior"] = dict(zip(model.manifest.labels, row, strict=True))
    return {"model": model.title, "encodings": each}
