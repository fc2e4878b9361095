"""`POST /encode`: images to latents, and to labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from glyphvae.api import negotiate
from glyphvae.api.conditions import LabelSets, names_of, optional_label, possible_labels, refuse_both
from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import Beta, ModelName, Parameters, read_query, value_of
from glyphvae.api.pictures import Style
from glyphvae.api.responses import (
    Body,
    Headers,
    Result,
    documented_response,
    headers_of,
    json_result,
    npy_result,
)
from glyphvae.api.uploads import Glyphs, documented_upload, read_glyphs, read_placed_glyphs
from glyphvae.errors import (
    BodyTooLarge,
    InvalidParameter,
    MalformedBody,
    MissingParameter,
    NotAcceptable,
    NotReady,
    UnknownModel,
    UnsupportedMedia,
    documented,
)
from glyphvae.formats.registry import JSON, NPY, PNG
from glyphvae.imaging.preprocess import Mode, Several
from glyphvae.models.elbo import kl_divergence
from glyphvae.models.likeness import DOUBTFUL, describe_doubt
from glyphvae.models.posterior import evidence_of, read_labels, rows_to_read
from glyphvae.models.registry import Floats, Labels, Model
from glyphvae.operations.base import Operation, Plan, PlanCache, Responses
from glyphvae.scheduling.steps import Program

# Problems that any endpoint that reads images can answer with.
_PROBLEMS = (MalformedBody, UnknownModel, NotAcceptable, BodyTooLarge, UnsupportedMedia, InvalidParameter, NotReady)
PROBLEMS = documented(*_PROBLEMS)
# Of endpoints that require a value besides.
REQUIRING = documented(*_PROBLEMS, MissingParameter)

DOUBT = {"percentile": 61.3, "others": 0, "doubtful": False, "reasons": []}

# About what it costs to read and convert a picture, in glyphs.
READING = 3


class ImageQuery(Parameters):
    """Query parameters of every endpoint that reads images."""

    label: str | None = Field(
        None,
        max_length=16,
        description="What the images show: a character (0-9, A-Z) or its number. Without it the model finds the most "
        "likely of `labels` for each.",
        examples=["J"],
    )
    labels: LabelSets = Field(default=[])
    preprocess: Mode = Field(
        "auto",
        description="`auto` converts each image the way MNIST was made: grey, ink made bright, cropped, fitted to "
        "20×20, centred by mass in 28×28. `none` takes 28×28 images with bright ink as they are.",
    )
    format: Annotated[Literal["json", "npy"] | None, negotiate.FORMAT] = None
    model: ModelName = None
    beta: Beta = None
    preview: bool = Field(
        False, description="In JSON, add what the model saw of each image, and which part of the image that is."
    )

    several: Several | None = Field(
        None,
        description="Which characters to take of an image that shows several beside each other: the `first` or `all`, "
        "from left to right. Without it such an image is refused.",
    )


class Doubt(BaseModel):
    """The certainty that an image shows a character of the model."""

    percentile: float | None = Field(
        description="How many of 100 real characters of this label are less like it, as far as the model can tell; "
        "null from a model without a classifier."
    )
    others: int = Field(description="How many other pieces of ink in the image were left out.")
    doubtful: bool = Field(description=f"Whether the percentile is under {DOUBTFUL}, as of most noise and drawings.")
    reasons: list[str] = Field(description="What there is to say against it, in words.")


class Preview(BaseModel):
    """The part of an image that the model read."""

    pixels: list[list[int]] = Field(description="What the model saw: 28 rows of 28 pixels, paper 0, ink 255.")
    box: tuple[int, int, int, int] = Field(
        description="Left, top, right and bottom of the character in the image turned upright, in its pixels; the last "
        "two are exclusive."
    )


class EncodeQuery(ImageQuery):
    """The query of `/encode`."""

    top: int | None = Field(
        None, ge=1, description="Keep only as many labels in each `posterior`, the most likely first. Default: all."
    )


class Encoding(BaseModel):
    """An encoded image."""

    label: str | None = Field(description="The given or most likely label; null from an unconditional model.")
    mu: list[float] = Field(description="Posterior mean of the latents.")
    logvar: list[float] = Field(description="Log of the posterior variance of the latents.")
    posterior: dict[str, float] | None = Field(
        default=None,
        description="p(label|image) of each of `labels`, or of the `top` ones, most likely first; only where no label "
        "was given.",
    )
    doubt: Doubt
    image: int | None = Field(default=None, description="The number of its image, from 0; only with `several=all`.")
    preview: Preview | None = Field(default=None, description="Only where `preview` asks for it.")


class Encodings(BaseModel):
    """The JSON response of `/encode`."""

    model: str
    encodings: list[Encoding] = Field(description="In the order of the images.")


@dataclass(eq=False, kw_only=True)
class ImagePlan(Plan):
    """A query that has been checked.

    Attributes:
        query: The query.
        model: The model that reads the images.
        label: The label of the images, None where it is to be found.
        possible: The labels that it may be.
        style: The look of a picture, None where there is none.
        headers: Headers of every response.
    """

    query: ImageQuery
    model: Model
    label: int | None
    possible: tuple[int, ...]
    style: Style | None
    headers: Headers


class Images(NamedTuple):
    """The images of a body.

    Attributes:
        glyphs: What was found in them.
        labels: (n,) of the query, None where it gives none.
        previews: Whether they are asked for.
    """

    glyphs: Glyphs
    labels: Labels | None
    previews: bool

    def add_facts(self, each: Sequence[dict[str, Any]], percentiles: Sequence[float] | None, start: int = 0) -> None:
        """Add to the object of each image from `start` how sure its character is, and what else is asked for."""
        glyphs = self.glyphs
        for index, one in enumerate(each, start):
            percentile = None if percentiles is None else percentiles[index]
            one["doubt"] = describe_doubt(one["label"], percentile, glyphs.others[index])
            if glyphs.images is not None:
                one["image"] = glyphs.images[index]
            if self.previews and glyphs.boxes is not None:
                one["preview"] = {"pixels": glyphs.pixels[index], "box": glyphs.boxes[index]}


class ImageOperation(Operation[ImagePlan]):
    """The base of endpoints that read images under labels; not one itself.

    Attributes:
        parameters: The model of its query.
        offers: The media types of its responses.
    """

    parameters: ClassVar[type[ImageQuery]]
    offers: ClassVar[tuple[str, ...]]
    body = "images"
    openapi_extra: ClassVar[Mapping[str, Any] | None] = documented_upload()

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plans = PlanCache[ImagePlan](context)

    def plan(self, head: RequestHead) -> ImagePlan:
        """Check the query."""
        key = head.query, head.headers.accept
        return self._plans.get(key, self._plan, head)

    def _plan(self, head: RequestHead) -> ImagePlan:
        query = read_query(self.parameters, head.query)
        accept = negotiate.accepted(query.format, head.accept)
        negotiate.choose(accept, self.offers)
        model = value_of("query.beta", self.context.registry.get, query.model, query.beta)
        media = negotiate.choose_for(model, accept, self.offers, self.context.registry)
        if query.preview and media != JSON:
            raise InvalidParameter.of("query.preview", "previews are part of JSON responses", f"only with {JSON}")
        style = self.style_of(query)
        if style is not None:
            style.check("query", media)
        label = optional_label(query.label, model)
        refuse_both(query.label, query.labels)
        possible = possible_labels(query.labels, model)
        return ImagePlan(
            media=media,
            cost=READING + (rows_to_read(model, possible) if label is None else 0),
            streams=media == JSON and PNG in self.offers,
            query=query,
            model=model,
            label=label,
            possible=possible,
            style=style,
            headers=headers_of(model.title),
        )

    def style_of(self, query: ImageQuery) -> Style | None:  # noqa: ARG002 (for those who draw)
        """Return the look of pictures; an endpoint that makes none has none."""
        return None

    def read(self, plan: ImagePlan, body: Body) -> Program[Images]:
        """Read the images of a body."""
        settings, query = self.context.settings, plan.query
        if query.preview or query.several is not None:
            glyphs = yield from read_placed_glyphs(body, settings, query.preprocess, query.several)
        else:
            glyphs = yield from read_glyphs(body, settings, query.preprocess)
        labels = None if plan.label is None else np.array([plan.label] * len(glyphs.pixels))
        return Images(glyphs, labels, query.preview)


class Encode(ImageOperation):
    """The latents of each image under its label; without a label, the most likely of `labels` and how likely each is.

    The labels are those of the model's classifier. A conditional VAE without one classifies by Bayes' rule: the ELBO
    under a label stands in for the likelihood of the image.
    """

    name = "encode"
    path = "/encode"
    summary = "Encode images"
    parameters = EncodeQuery
    offers = (JSON, NPY)
    responses: ClassVar[Responses] = {
        200: documented_response(
            "Encodings",
            {
                "model": "cvae/1",
                "encodings": [
                    {"label": "J", "mu": [0.3], "logvar": [-2.9], "posterior": {"I": 0.1, "J": 0.9}, "doubt": DOUBT}
                ],
            },
            None,
            "float32 (n, 2, latent): `mu`, then `logvar`.",
        ),
        **PROBLEMS,
    }

    def _plan(self, head: RequestHead) -> ImagePlan:
        plan = super()._plan(head)
        if _top(plan) and (plan.media != JSON or plan.label is not None):
            raise InvalidParameter.of("query.top", "there is no posterior", f"only in {JSON} and without label")
        return plan

    def run(self, plan: ImagePlan, body: Body) -> Program[Result]:
        """Read and encode the images."""
        model = plan.model
        images = yield from self.read(plan, body)
        pixels, labels = images.glyphs.pixels, images.labels
        posterior = evidence = None
        if labels is None:
            reading = yield from read_labels(model, pixels, plan.possible)
            labels, posterior, evidence = reading.labels, reading.posterior, reading.evidence
        mu, logvar = yield from model.encode(pixels, labels)
        if plan.media == NPY:
            return npy_result(model.title, plan.headers, np.stack([mu, logvar], axis=1))
        found = encodings(model, labels, mu, logvar, posterior=posterior, possible=plan.possible, top=_top(plan))
        percentiles = None
        if model.encoded is not None:
            if evidence is None:
                evidence = yield from evidence_of(model, pixels, labels)
            percentiles = model.encoded.find(labels, evidence, kl_divergence(mu, logvar))
        images.add_facts(found["encodings"], percentiles)
        return json_result(model.title, plan.headers, found)


def _top(plan: ImagePlan) -> int | None:
    assert isinstance(plan.query, EncodeQuery)  # noqa: S101 (as `parameters` says)
    return plan.query.top


def encodings(
    model: Model,
    labels: Labels,
    mu: Floats,
    logvar: Floats,
    *,
    posterior: Floats | None = None,
    possible: Sequence[int] = (),
    top: int | None = None,
) -> dict[str, Any]:
    """Return `Encodings` of n images.

    Args:
        model: What encoded them.
        labels: (n,) what they were encoded under.
        mu: (n, latent).
        logvar: (n, latent).
        posterior: (n, labels), None where the labels were given.
        possible: The labels that are named in it.
        top: How many of these, the most likely first; None for all, in their order.
    """
    each: list[dict[str, Any]] = [
        {"label": name, "mu": mu[i], "logvar": logvar[i]} for i, name in enumerate(names_of(labels, model))
    ]
    if posterior is not None:
        names = [model.manifest.labels[label] for label in possible]
        for encoding, chances in zip(each, _posteriors(posterior[:, possible], names, top), strict=True):
            encoding["posterior"] = chances
    return {"model": model.title, "encodings": each}


def _posteriors(chances: Floats, names: Sequence[str], top: int | None) -> list[dict[str, float]]:
    """Return p(label|image) of n images (n, names) by name: all in their order, or the `top` best."""
    rows = chances.tolist()
    if top is None:
        return [dict(zip(names, row, strict=True)) for row in rows]
    best = np.argsort(-chances, axis=1, kind="stable")[:, :top].tolist()
    return [{names[index]: row[index] for index in order} for order, row in zip(best, rows, strict=True)]
