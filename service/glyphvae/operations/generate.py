"""`POST /generate`, and `GET`: new glyphs of one or more labels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from glyphvae import __version__
from glyphvae.api import negotiate
from glyphvae.api.conditions import FOLDED, LabelSets, chosen_labels, names_of, title_of, written
from glyphvae.api.context import Context
from glyphvae.api.hands import HandString, given_latents
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import (
    DEFAULT_INK,
    DEFAULT_PAPER,
    DEFAULT_TEMPERATURE,
    Animate,
    Beta,
    Ink,
    Latents,
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
from glyphvae.api.pictures import Canvas, Glyphs, Style, plan_grid
from glyphvae.api.responses import (
    JSON_BLOCK,
    Body,
    Headers,
    Result,
    documented_response,
    headers_of,
    json_list_result,
)
from glyphvae.errors import InvalidParameter, NotAcceptable, NotReady, UnknownModel, documented
from glyphvae.formats import grid, npy
from glyphvae.formats.registry import JSON, NPY, PICTURES, PNG, SVG
from glyphvae.models.latents import MAX_SEED, draw_latents, fill_latents, new_seed, new_seeds
from glyphvae.models.registry import Floats, Labels, Model, Pixels
from glyphvae.operations.base import Operation, Plan, PlanCache, Responses
from glyphvae.scheduling.cost import INLINE
from glyphvae.scheduling.prefetch import Prefetch
from glyphvae.scheduling.steps import MAX_ROWS, Call, Execute, Program
from glyphvae.vectors.strokes import SIDE, Strokes

OFFERS = (*PICTURES, SVG, JSON, NPY)
# What a single glyph, small enough to be drawn in the event loop, is drawn ahead as.
AHEAD = (PNG, SVG)

# Rows decoded, and sent, at a time: a response of any length needs no more memory than this many glyphs.
CHUNK = 2048

_PLAIN_LATENTS = b"0123456789.,-e"
_LONGEST_LATENTS = 256


class GenerateQuery(Parameters):
    """The query of `/generate`."""

    label: list[Annotated[str, Field(max_length=16)]] = Field(
        default=[],
        max_length=1024,
        description="What to write: a character (0-9, A-Z) or its number (10 is A, 19 is J, 35 is Z). Repeat it for "
        "several. A character that the model does not have is written as in a text, `j` as `J`, and the header "
        "`Glyphvae-Folded` counts it. Refused by an unconditional model.",
        examples=[["J"]],
    )
    labels: LabelSets = Field(default=[])
    n: int = Field(
        1,
        ge=1,
        le=1_000_000_000,
        description="Glyphs of each label; the setting `max_samples` limits the glyphs of all labels together.",
    )
    seed: Seed = None
    z: Latents = None
    hand: HandString = None
    temperature: Temperature = DEFAULT_TEMPERATURE
    columns: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Columns of the grid. Default: one row a label; nearly square for one label, or one glyph of each.",
    )
    scale: Scale = 1
    ink: Ink = DEFAULT_INK
    paper: Paper = DEFAULT_PAPER
    strokes: Lines = "outline"
    animate: Animate = False
    format: negotiate.PictureFormat = None
    model: ModelName = None
    beta: Beta = None


class Sample(BaseModel):
    """A glyph."""

    label: str | None = Field(description="Its character; null from an unconditional model.")
    z: list[float] = Field(description="Its latents.")
    pixels: list[list[int]] = Field(description="28 rows of 28 pixels, paper 0, ink 255.")


class Samples(BaseModel):
    """The JSON response of `/generate`."""

    model: str
    seed: int = Field(description="Reproduces the response.")
    temperature: float
    samples: list[Sample] = Field(description="Label by label, `n` of each.")


class Own(NamedTuple):
    """The part of a query that differs from request to request.

    Attributes:
        fixed: The rest of the query.
        seed: The seed; None where there is none, or a wrong one, which is then left in `fixed`.
        z: The latents as they were written; None likewise.
    """

    fixed: bytes
    seed: int | None = None
    z: bytes | None = None


@dataclass(eq=False, kw_only=True)
class GeneratePlan(Plan):
    """A query that has been checked.

    Attributes:
        query: The query.
        model: The model that answers.
        labels: (n,) label of each glyph, zeros for an unconditional model.
        given: The latents that the request fixes, None where one is drawn.
        rows: Rows of the grid.
        columns: Columns of the grid.
        canvas: The picture, None where there is none.
        each: Makes files of single small glyphs; None for any other response.
        singles: Draws such glyphs.
        folded: How many labels are written as others, None for none.
        headers: Headers of every response, but for the seed.
    """

    query: GenerateQuery
    model: Model
    labels: Labels
    given: tuple[float | None, ...]
    rows: int
    columns: int
    canvas: Canvas | None
    each: Callable[[Glyphs], Sequence[bytes]] | None
    singles: "Singles"
    folded: int | None
    headers: Headers

    @cached_property
    def fixed(self) -> bytes:
        """Digest of what determines the response, besides seed and latents."""
        parts = __version__, self.model.identity, self.query.model_dump_json(), self.media
        return sha256("\0".join(parts).encode()).digest()

    def seeded(self, seed: int) -> Headers:
        """Return the headers of a response with its seed among them."""
        return headers_of(self.model.title, seed=seed, folded=self.folded)


class GenerateRequest(NamedTuple):
    """A plan with the seed and the latents of one request.

    Attributes:
        plan: The plan, which knows of no request: what refers to each other outlives its use.
        seed: The seed, None for a new one.
        given: See `GeneratePlan`.
        cost: See `Plan`.
        streams: See `Plan`.
        prefetch: Small glyphs drawn ahead; None where the request has its own seed or latents, or is for none.
    """

    plan: GeneratePlan
    seed: int | None
    given: tuple[float | None, ...]
    cost: int
    streams: bool
    prefetch: Prefetch[tuple[bytes, int]] | None = None


class Generate(Operation[GenerateRequest]):
    """Draw latents from the prior and decode them: handwriting that nobody wrote.

    Without a seed each response is new. `n` over 1, or several labels, give a grid; without `label` there is a glyph of
    each of `labels`. `GET` does the same as `POST`, for the `src` of an image in a page.
    """

    name = "generate"
    path = "/generate"
    summary = "Write new glyphs"
    parameters = GenerateQuery
    methods = ("POST", "GET")
    body = "none"
    responses: ClassVar[Responses] = {
        200: documented_response(
            "Samples",
            {
                "model": "cvae/1",
                "seed": 7,
                "temperature": DEFAULT_TEMPERATURE,
                "samples": [{"label": "J", "z": [0.0], "pixels": [[0, 255]]}],
            },
            "The glyph, or a grid with one row a label.",
            "uint8 (n, 28, 28), paper 0, ink 255.",
            {"Glyphvae-Seed": "The seed that reproduces the response."} | FOLDED,
        ),
        **documented(UnknownModel, NotAcceptable, InvalidParameter, NotReady),
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._requests = PlanCache[GenerateRequest](context)
        self._singles = PlanCache[Singles](context)
        context.telemetry.prefetched = self._prefetched

    def plan(self, head: RequestHead) -> GenerateRequest:
        """Check the query; what stays the same from request to request is checked once."""
        query = head.query
        own = split(query) if b"seed=" in query or b"z=" in query else None
        key = query if own is None else own.fixed, head.headers.accept
        request = self._requests.get(key, self._request, *key)
        if own is None or (own.seed is None and own.z is None):
            return request
        plan = request.plan
        seed, given = plan.query.seed if own.seed is None else own.seed, plan.given
        if own.z is not None:
            given = given_latents("query", own.z.decode(), plan.query.hand, plan.model, self.context.registry)
        return GenerateRequest(plan, seed, given, plan.cost, plan.streams)

    def identity(self, request: GenerateRequest) -> bytes | None:
        """Return what determines the response: the models and the query, and its seed."""
        if request.seed is None:
            return None
        own = request.seed, request.given, request.plan.model.device, self.context.settings.precision
        return b"%b%r" % (request.plan.fixed, own)

    def run(self, request: GenerateRequest, body: Body) -> Program[Result]:  # noqa: ARG002 (there is none)
        """Draw and decode the glyphs."""
        plan = request.plan
        model, seed = plan.model, request.seed
        if not model.loaded:
            yield from model.ready()
        if request.prefetch is not None:
            content, seed = request.prefetch.take() or (yield Call(request.prefetch, ()))
        else:
            seed = new_seed() if seed is None else seed
            if plan.each is None:
                return (yield from _several(request, seed))
            content = yield Call(plan.singles, (plan, seed, request.given))
        return Result(model.title, plan.headers, plan.media, content, extra=((b"glyphvae-seed", b"%d" % seed),))

    def _request(self, query: bytes, accept: str) -> GenerateRequest:
        """Check a query without seed and latents of its own."""
        settings = self.context.settings
        checked = read_query(GenerateQuery, query)
        accept = negotiate.accepted(checked.format, accept)
        negotiate.choose(accept, OFFERS)
        style = Style.parse("query", checked)
        model = value_of("query.beta", self.context.registry.get, checked.model, checked.beta)
        media = negotiate.choose_for(model, accept, OFFERS, self.context.registry)
        style.check("query", media)
        label, sets = written(checked.label, model), written(checked.labels, model)
        folded = label.folded or sets.folded
        labels = chosen_labels(label.texts, sets.texts, model)
        total = len(labels) * checked.n
        if total > settings.max_samples:
            allowed = f"at most {settings.max_samples} of all labels together"
            raise InvalidParameter.of("query.n", f"{total} glyphs were asked for", allowed)
        given = given_latents("query", checked.z, checked.hand, model, self.context.registry)
        rows, columns = _grid(checked, len(labels))
        canvas, each = None, None
        if media not in {JSON, NPY}:
            strokes = model.draws_strokes
            canvas = plan_grid("query.scale", rows, columns, style, media, settings, strokes=strokes)
        if canvas is not None and media in AHEAD and total == 1 and canvas.cost.work <= INLINE and not style.animate:
            each = canvas.each(title_of(names_of(labels, model)))
        painted = canvas is not None and canvas.painted > 0
        name = model.title.encode(), "strokes" if painted else ""
        plan = GeneratePlan(
            media=media,
            cost=min(total, MAX_ROWS),
            streams=canvas is None and total > JSON_BLOCK,
            query=checked,
            model=model,
            labels=np.repeat(labels, checked.n),
            given=given,
            rows=rows,
            columns=columns,
            canvas=canvas,
            each=each,
            singles=self._singles.get(name, Singles, model, painted),
            folded=folded,
            headers=headers_of(model.title, folded=folded),
        )
        # Latents that a query fixes are rarely asked for twice, so nothing is drawn ahead for them; a hand is.
        ahead = each is not None and checked.seed is None and not (checked.z or "").strip(", ")
        prefetch = plan.singles.prefetch(plan) if ahead else None
        return GenerateRequest(plan, checked.seed, given, plan.cost, plan.streams, prefetch)

    def _prefetched(self) -> dict[str, int]:
        """Return the glyphs that are drawn ahead, by model; safe to call from any thread."""
        ready: dict[str, int] = {}
        for request in self._requests.values():
            if (prefetch := request.prefetch) is not None:
                ready[prefetch.model] = ready.get(prefetch.model, 0) + len(prefetch)
        return ready


class Singles:
    """Single glyphs of one model as files, those of concurrent requests together.

    Args:
        model: The model.
        painted: Whether they are painted from their strokes.
    """

    def __init__(self, model: Model, painted: bool) -> None:
        self.model = model.manifest.name
        self._painted = painted
        self._decoder = model.stroke_decoder if painted else model.decoder
        self._latents = model.manifest.latent_size

    def run(
        self, calls: Sequence[tuple[GeneratePlan, int, Sequence[float | None]]], execute: Execute
    ) -> Sequence[bytes]:
        """Return the files for plans with seeds and given latents; without any, all are drawn."""
        z = np.empty((len(calls), self._latents), np.float32)
        for row, (plan, seed, given) in zip(z, calls, strict=True):
            fill_latents(row, seed, given, plan.query.temperature)
        decoded = execute(self._decoder, (z, np.array([plan.labels[0] for plan, _, _ in calls])))
        glyphs = Strokes(*decoded) if self._painted else decoded[0]
        files: list[bytes] = []
        for plan, group in groupby(range(len(calls)), key=lambda call: calls[call][0]):
            assert plan.each is not None  # noqa: S101 (a single glyph has one)
            files += plan.each(glyphs[len(files) : len(files) + len(list(group))])
        return files

    def prefetch(self, plan: GeneratePlan) -> Prefetch[tuple[bytes, int]]:
        """Return a source of files made ahead, each with the seed that reproduces it alone."""
        given = () if plan.query.hand is None else plan.given

        def make(count: int, execute: Execute) -> Sequence[tuple[bytes, int]]:
            seeds = new_seeds(count)
            return list(zip(self.run([(plan, seed, given) for seed in seeds], execute), seeds, strict=True))

        return Prefetch(make, self.model)


def _several(request: GenerateRequest, seed: int) -> Program[Result]:
    """Make a response of several glyphs, or one that is no small picture."""
    plan = request.plan
    z = draw_latents(seed, len(plan.labels), request.given, plan.query.temperature)
    if plan.media == NPY:
        return (yield from _array(plan, seed, z))
    if plan.media == JSON:
        return (yield from _json(plan, seed, z))
    assert plan.canvas is not None  # noqa: S101 (a picture has one)
    decode = plan.model.strokes if plan.canvas.painted else plan.model.decode
    glyphs: Glyphs = yield from decode(z, plan.labels)
    content = yield from plan.canvas.draw_glyphs(
        glyphs, plan.rows, plan.columns, title_of(names_of(plan.labels, plan.model))
    )
    return Result(plan.model.title, plan.seeded(seed), plan.media, content)


def _grid(query: GenerateQuery, labels: int) -> tuple[int, int]:
    """Return rows and columns of the grid."""
    total = labels * query.n
    if query.columns is not None:
        columns = min(query.columns, total)
        return -(-total // columns), columns
    if labels > 1 and query.n > 1:
        return labels, query.n
    return grid.grid(total)


def _json(plan: GeneratePlan, seed: int, z: Floats) -> Program[Result]:
    content = {"model": plan.model.title, "seed": seed, "temperature": plan.query.temperature}
    blocks = [_samples(plan, z, start) for start in range(0, len(z), JSON_BLOCK)]
    return (yield from json_list_result(plan.model.title, plan.seeded(seed), content, "samples", blocks))


def _samples(plan: GeneratePlan, z: Floats, start: int) -> Program[Sequence[dict[str, Any]]]:
    names = plan.model.manifest.labels or (None,)
    labels, latents = plan.labels[start : start + JSON_BLOCK], z[start : start + JSON_BLOCK]
    pixels = yield from plan.model.decode(latents, labels)
    return [
        {"label": names[label], "z": row, "pixels": glyph}
        for label, row, glyph in zip(labels, latents, pixels, strict=True)
    ]


def _array(plan: GeneratePlan, seed: int, z: Floats) -> Program[Result]:
    beginning = npy.npy_header((len(z), SIDE, SIDE), np.uint8)
    first = yield from _piece(plan, z, 0)
    more: Iterator[Program[bytes]] = (_piece(plan, z, start) for start in range(CHUNK, len(z), CHUNK))
    return Result(
        model=plan.model.title,
        headers=plan.seeded(seed),
        media=NPY,
        content=beginning + first,
        more=more if len(z) > CHUNK else None,
        length=len(beginning) + len(z) * SIDE * SIDE,
    )


def _piece(plan: GeneratePlan, z: Floats, start: int) -> Program[bytes]:
    pixels: Pixels = yield from plan.model.decode(z[start : start + CHUNK], plan.labels[start : start + CHUNK])
    return pixels.tobytes()


def split(query: bytes) -> Own:
    """Take seed and latents out of a query string, without decoding it: what is written strangely is left in it."""
    rest: list[bytes] = []
    seed: int | None = None
    z: bytes | None = None
    for part in query.split(b"&"):
        if seed is None and part.startswith(b"seed=") and _is_seed(part[5:]):
            seed = int(part[5:])
        elif z is None and part.startswith(b"z=") and _are_latents(part[2:]):
            z = part[2:]
        elif part.startswith((b"seed=", b"z=")):
            return Own(query)
        else:
            rest.append(part)
    return Own(b"&".join(rest), seed, z)


def _is_seed(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 16 and int(text) <= MAX_SEED


def _are_latents(text: bytes) -> bool:
    return len(text) <= _LONGEST_LATENTS and not text.translate(None, _PLAIN_LATENTS)
