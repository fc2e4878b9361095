"""`POST /traverse`: glyphs along one latent or two."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from glyphvae.api import negotiate
from glyphvae.api.conditions import names_of, required_labels, written
from glyphvae.api.hands import HandString, given_latents
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import (
    DEFAULT_INK,
    DEFAULT_PAPER,
    Animate,
    Beta,
    Deviation,
    Ink,
    Latent,
    Latents,
    Lines,
    ModelName,
    Paper,
    Parameters,
    Scale,
    Seed,
    read_query,
    value_of,
)
from glyphvae.api.pictures import Glyphs, Style
from glyphvae.api.responses import Body, Result
from glyphvae.errors import InvalidParameter, MissingParameter, NotAcceptable, NotReady, UnknownModel, documented
from glyphvae.models.latents import draw_latents, new_seed
from glyphvae.models.registry import Floats, Labels, Model
from glyphvae.operations.base import Operation, Plan, Responses
from glyphvae.operations.sequence import Output, Sequence, SequenceFormat, documented_sequence, respond
from glyphvae.scheduling.steps import MAX_ROWS, Program


class TraverseQuery(Parameters):
    """The query of `/traverse`."""

    latent: list[Annotated[int, Field(ge=1)]] = Field(
        min_length=1,
        max_length=2,
        description="Which latents move, from 1: one gives a row, two a grid.",
        examples=[[1]],
    )
    label: str | None = Field(None, max_length=16, description="What to write; as for `/generate`.", examples=["J"])
    start: Latent = Field(-3.0, description="First value of the moving latents.")
    stop: Latent = Field(3.0, description="Last value.")
    n: int = Field(9, ge=2, le=100, description="Values of each moving latent.")
    z: Latents = None
    hand: HandString = None
    temperature: Deviation = Field(
        0.0,
        description="Standard deviation of the latents that `z` leaves open; 0 puts them at the centre of the prior.",
    )
    seed: Seed = None
    scale: Scale = 1
    ink: Ink = DEFAULT_INK
    paper: Paper = DEFAULT_PAPER
    strokes: Lines = "outline"
    animate: Animate = False
    format: SequenceFormat = None
    model: ModelName = None
    beta: Beta = None

    @model_validator(mode="after")
    def _two_different(self) -> "TraverseQuery":
        if len(set(self.latent)) < len(self.latent):
            raise ValueError("latent: two different ones are needed for a grid")
        return self


@dataclass(eq=False, kw_only=True)
class TraversePlan(Plan):
    """A query that has been checked.

    Attributes:
        model: The model that answers.
        z: (n, latent) latents of each glyph.
        labels: (n,) label of each glyph.
        seed: The seed of the latents that were drawn, None where none were.
        folded: As of `Sequence`.
        output: The form of the response.
    """

    model: Model
    z: Floats
    labels: Labels
    seed: int | None
    folded: int | None
    output: Output


class Traverse(Operation[TraversePlan]):
    """Glyphs as one latent, or two, move over a range while the others stay: the paper's figure 4."""

    name = "traverse"
    path = "/traverse"
    summary = "Move one or two latents"
    parameters = TraverseQuery
    body = "none"
    responses: ClassVar[Responses] = {
        200: documented_sequence("A row of glyphs; with two latents a grid, the first moving downwards."),
        **documented(UnknownModel, NotAcceptable, InvalidParameter, MissingParameter, NotReady),
    }

    def plan(self, head: RequestHead) -> TraversePlan:
        """Check the query, and lay the latents out."""
        query = read_query(TraverseQuery, head.query)
        model = value_of("query.beta", self.context.registry.get, query.model, query.beta)
        size = model.manifest.latent_size
        if max(query.latent) > size:
            raise InvalidParameter.of("query.latent", f"there is no latent {max(query.latent)}", f"1 to {size}")
        named = written([] if query.label is None else [query.label], model)
        (label,) = required_labels(named.texts, model)
        style = Style.parse("query", query)
        rows = query.n if len(query.latent) == 2 else 1
        output = Output.plan(negotiate.accepted(query.format, head.accept), rows, query.n, style, self.context, model)
        given = given_latents("query", query.z, query.hand, model, self.context.registry)
        seed = new_seed() if query.seed is None else query.seed
        base = draw_latents(seed, 1, given, query.temperature)[0]
        z = grid(base, [index - 1 for index in query.latent], np.linspace(query.start, query.stop, query.n))
        drawn = seed if query.temperature and None in given else None
        labels = np.full(len(z), label, dtype=np.int64)
        cost = min(len(z), MAX_ROWS)
        return TraversePlan(
            media=output.media,
            cost=cost,
            streams=output.streams,
            model=model,
            z=z,
            labels=labels,
            seed=drawn,
            folded=named.folded,
            output=output,
        )

    def run(self, plan: TraversePlan, body: Body) -> Program[Result]:  # noqa: ARG002 (there is none)
        """Decode the glyphs."""
        decode = plan.model.strokes if plan.output.painted else plan.model.decode
        glyphs: Glyphs = yield from decode(plan.z, plan.labels)
        names = names_of(plan.labels, plan.model)
        sequence = Sequence(plan.model, names, plan.z, glyphs, plan.output.rows, plan.seed, plan.folded)
        return (yield from respond(plan.output, sequence))


def grid(base: Floats, moving: list[int], values: np.typing.NDArray[np.float64]) -> Floats:
    """Return copies of `base` (latent,) with each coordinate in `moving` set to each of `values` (n,).

    Returns:
        (n ** len(moving), latent) float32; the last moving coordinate changes fastest.
    """
    axes = np.meshgrid(*[values] * len(moving), indexing="ij")
    z = np.tile(base, (axes[0].size, 1))
    for index, axis in zip(moving, axes, strict=True):
        z[:, index] = axis.ravel()
    return z
