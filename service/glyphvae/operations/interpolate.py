"""`POST /interpolate`: steps between two glyphs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from glyphvae.api import negotiate
from glyphvae.api.conditions import LabelSets, names_of, possible_labels, refuse_both, required_labels, written
from glyphvae.api.hands import OneHand, given_latents
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import (
    DEFAULT_INK,
    DEFAULT_PAPER,
    DEFAULT_TEMPERATURE,
    Animate,
    Beta,
    Ink,
    Lines,
    ModelName,
    Paper,
    Parameters,
    Scale,
    Seed,
    Temperature,
    read_query,
    value_of,
)
from glyphvae.api.pictures import Glyphs, Style
from glyphvae.api.responses import Body, Result
from glyphvae.api.uploads import documented_upload, read_glyphs
from glyphvae.errors import InvalidParameter
from glyphvae.imaging.preprocess import Mode
from glyphvae.models.latents import draw_latents, new_seed
from glyphvae.models.posterior import read_labels
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.operations.base import Operation, Plan, Responses
from glyphvae.operations.encode import REQUIRING
from glyphvae.operations.sequence import Output, Sequence, SequenceFormat, documented_sequence, respond
from glyphvae.scheduling.steps import MAX_ROWS, Program
from glyphvae.vectors.strokes import Strokes, mixed

# A blank coordinate keeps its place in a list, so an end may fix any of them.
End = Annotated[str, Field(max_length=1024)]


class InterpolateQuery(Parameters):
    """The query of `/interpolate`."""

    label: list[Annotated[str, Field(max_length=16)]] = Field(
        default=[],
        max_length=2,
        description="What to write: one label for all steps, or two to go from the first to the second. Images need "
        "none: without it each is read under the most likely of `labels`.",
        examples=[["J"]],
    )
    labels: LabelSets = Field(default=[])
    z: list[End] = Field(
        default=[],
        max_length=2,
        description="Latents of the first and of the second end, as for `/generate`; what is not given is drawn.",
    )
    hand: list[OneHand] = Field(
        default=[],
        max_length=2,
        description="A hand as for `/generate`: one for all steps, or two to go from the first to the second. The form "
        "is interpolated apart from it, so that one hand stays the same.",
    )
    n: int = Field(9, ge=2, le=1000, description="Steps, both ends included.")
    method: Literal["spherical", "linear"] = Field(
        "spherical",
        description="`spherical` turns from one end to the other at the length that latents of the prior have; "
        "`linear` takes the straight line, through less typical glyphs near the centre.",
    )
    seed: Seed = None
    temperature: Temperature = DEFAULT_TEMPERATURE
    preprocess: Mode = Field("auto", description="How images are converted; as for `/encode`.")
    scale: Scale = 1
    ink: Ink = DEFAULT_INK
    paper: Paper = DEFAULT_PAPER
    strokes: Lines = "outline"
    animate: Animate = False
    format: SequenceFormat = None
    model: ModelName = None
    beta: Beta = None


@dataclass(frozen=True)
class Ends:
    """The two ends of an interpolation.

    Attributes:
        z: (2, latent) float32.
        labels: (2,) int64.
        seed: The seed of the latents that were drawn, None where none were.
    """

    z: Floats
    labels: Labels
    seed: int | None


@dataclass(eq=False, kw_only=True)
class InterpolatePlan(Plan):
    """A query that has been checked.

    Attributes:
        query: The query, each label as it is written.
        model: The model that answers.
        ends: The ends, None where they are the images in the body.
        folded: As of `Sequence`.
        output: The form of the response.
    """

    query: InterpolateQuery
    model: Model
    ends: Ends | None
    folded: int | None
    output: Output


class Interpolate(Operation[InterpolatePlan]):
    """Steps between two latents, two labels, or the two images in the body.

    Between two labels each step is decoded under both, because the label of the decoder is a table entry, so nothing
    lies between two of them. The log odds of ink are mixed, or the strokes, where a picture is painted from these.
    """

    name = "interpolate"
    path = "/interpolate"
    summary = "Go from one glyph to another"
    parameters = InterpolateQuery
    body = "images"
    responses: ClassVar[Responses] = {200: documented_sequence("The steps from left to right."), **REQUIRING}
    openapi_extra: ClassVar[Mapping[str, Any] | None] = documented_upload(required=False)

    def plan(self, head: RequestHead) -> InterpolatePlan:
        """Check the query, and draw the ends where the body does not bring them."""
        query = read_query(InterpolateQuery, head.query)
        model = value_of("query.beta", self.context.registry.get, query.model, query.beta)
        named = written(query.label, model)
        query = query.model_copy(update={"label": named.texts})
        style = Style.parse("query", query)
        output = Output.plan(negotiate.accepted(query.format, head.accept), 1, query.n, style, self.context, model)
        has_body = head.headers.length != 0  # announced by its length, or by coming in chunks
        refuse_both(query.label, query.labels)
        if query.labels and not has_body:
            raise InvalidParameter.of("query.labels", "there are no images to read", "no labels without images")
        if has_body and query.z:
            raise InvalidParameter.of("query.z", "the images in the body are the ends", "no z beside images")
        if has_body and query.hand:
            raise InvalidParameter.of("query.hand", "the images in the body are the ends", "no hand beside images")
        ends = None if has_body else self._drawn_ends(query, model)
        cost = min(query.n, MAX_ROWS)
        return InterpolatePlan(
            media=output.media,
            cost=cost,
            streams=output.streams,
            query=query,
            model=model,
            ends=ends,
            folded=named.folded,
            output=output,
        )

    def run(self, plan: InterpolatePlan, body: Body) -> Program[Result]:
        """Decode the steps."""
        query, model = plan.query, plan.model
        ends = (yield from self._encoded_ends(plan, body)) if plan.ends is None else plan.ends
        share = np.linspace(0, 1, query.n, dtype=np.float32)
        between = spherical if query.method == "spherical" else linear
        parts = np.split(ends.z, [model.manifest.hand_size] if query.hand else [], axis=1)
        z = np.hstack([between(begin, end, share) for begin, end in parts])
        first, last = names_of(ends.labels, model)
        names = [first] * len(z) if first == last else [first, *[None] * (len(z) - 2), last]
        decode = _strokes if plan.output.painted else _pixels
        glyphs: Glyphs = yield from decode(model, z, ends.labels, share)
        return (yield from respond(plan.output, Sequence(model, names, z, glyphs, 1, ends.seed, plan.folded)))

    def _encoded_ends(self, plan: InterpolatePlan, body: Body) -> Program[Ends]:
        query, model = plan.query, plan.model
        images = yield from read_glyphs(body, self.context.settings, query.preprocess)
        if len(images) != 2:
            raise InvalidParameter.of("body", f"it holds {len(images)} images", "exactly two")
        if model.manifest.labels and not query.label:
            labels = (yield from read_labels(model, images, possible_labels(query.labels, model))).labels
        else:
            labels = np.resize(required_labels(query.label, model), 2)
        mu, _ = yield from model.encode(images, labels)
        return Ends(mu, labels, None)

    def _drawn_ends(self, query: InterpolateQuery, model: Model) -> Ends:
        labels = required_labels(query.label, model)
        latents = [*query.z, "", ""][:2]
        hands = [query.hand[0], query.hand[-1]] if query.hand else [None, None]
        given = [
            given_latents("query", z, hand, model, self.context.registry)
            for z, hand in zip(latents, hands, strict=True)
        ]
        seed = new_seed() if query.seed is None else query.seed
        drawn = draw_latents(seed, 2, (None,) * model.manifest.latent_size, query.temperature)
        fixed = np.array([[np.nan if value is None else value for value in end] for end in given], dtype=np.float32)
        open_ = np.isnan(fixed)
        # One label, or hand, stands for both ends.
        return Ends(np.where(open_, drawn, fixed), np.resize(labels, 2), seed if open_.any() else None)


def _pixels(model: Model, z: Floats, ends: Labels, share: Floats) -> Program[Pixels]:
    """Decode the steps between two labels, and mix the log odds of ink."""
    if ends[0] == ends[1]:
        return (yield from model.decode(z, np.full(len(z), ends[0])))
    _, begin = yield from model.decode_logits(z, np.full(len(z), ends[0]))
    _, end = yield from model.decode_logits(z, np.full(len(z), ends[1]))
    weight = share[:, None, None]
    odds = np.exp(-((1 - weight) * begin + weight * end))
    return np.round(255 / (1 + odds)).astype(np.uint8)


def _strokes(model: Model, z: Floats, ends: Labels, share: Floats) -> Program[Strokes]:
    """Decode the steps between two labels, and mix the strokes."""
    begin = yield from model.strokes(z, np.full(len(z), ends[0]))
    if ends[0] == ends[1]:
        return begin
    return mixed(begin, (yield from model.strokes(z, np.full(len(z), ends[1]))), share)


def linear(begin: Floats, end: Floats, share: NDArray[np.float32]) -> Floats:
    """Return (n, latent) points on the straight line between two latents (latent,), at shares (n,) of the way."""
    return np.asarray(begin + share[:, None] * (end - begin), dtype=np.float32)


def spherical(begin: Floats, end: Floats, share: NDArray[np.float32]) -> Floats:
    """Interpolate spherically (Shoemake, SIGGRAPH 1985), as White (arXiv:1609.04468) uses it on latents.

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
