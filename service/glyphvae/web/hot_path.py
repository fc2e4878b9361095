"""The short way to one glyph: `POST /generate` for a PNG, without FastAPI's machinery.

Whatever is not the plainest case goes on to FastAPI, which also words every error. The short way uses the same query
model, checks, sampling and picture, so either way gives the same answer; what it saves is routing, dependencies and
response objects, and what it adds is glyphs drawn ahead for requests without a seed. `glyphvae.web.express` goes the same
way without a task for each request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from glyphvae.api import negotiate, responses
from glyphvae.api.context import Context
from glyphvae.api.responses import LARGE_PICTURE, Style
from glyphvae.errors import Problem
from glyphvae.formats import grid, png
from glyphvae.formats.png import Frame
from glyphvae.models.latents import MAX_SEED, new_seed, parse_latents
from glyphvae.models.registry import Model, Pixels
from glyphvae.observability.access_log import Work, current_work
from glyphvae.operations.generate import OFFERS, GenerateQuery, Recipe, check_query
from glyphvae.scheduling.prefetch import Pool
from glyphvae.scheduling.press import Press
from glyphvae.scheduling.turns import Turns, send_or_log
from glyphvae.web.request_context import RawHeaders, lines

PATH = "/generate"

# Queries that are kept parsed. Each may hold a pool of glyphs, about 15 kB when full.
KEPT_QUERIES = 256
LONGEST_QUERY = 256
_PLAIN_LATENTS = b"0123456789.,-e"


@dataclass(frozen=True)
class Plan:
    """A query that has been checked; only the seed and the given latents are open.

    Attributes:
        recipe: What is drawn, one glyph.
        scale: Picture pixels per glyph pixel.
        frame: The file around them.
        headers: Those of every answer.
    """

    recipe: Recipe
    scale: int
    frame: Frame
    headers: RawHeaders

    @cached_property
    def title(self) -> bytes:
        """Name and version of the model."""
        return self.recipe.model.title.encode()

    @cached_property
    def lines(self) -> bytes:
        """The headers as lines."""
        return lines(self.headers)

    def show(self, glyphs: Pixels) -> list[bytes]:
        """Each glyph of (n, 28, 28) as a PNG."""
        if self.scale == 1:
            return self.frame.around_each(glyphs)
        return [self.frame.around(grid.upscale(glyph, self.scale)) for glyph in glyphs]


class Receiver(Protocol):
    """Whoever waits for the answer to a request."""

    def has_left(self) -> bool:
        """Whether it waits no longer."""

    def send(self, plan: Plan, content: bytes, seed: int, batch: int) -> None:
        """The answer: a PNG and the seed of its glyph, which was drawn with `batch - 1` others, or ahead where 0."""

    def fail(self, error: Exception) -> None:
        """There is none."""


@dataclass(slots=True)
class Order:
    """A glyph on its way to whoever waits for it; a `Caller` of `Press`."""

    plan: Plan
    seed: int
    receiver: Receiver

    def has_left(self) -> bool:
        """Whether nobody waits any longer."""
        return self.receiver.has_left()

    def give(self, glyph: Pixels, batch: int) -> None:
        """It was drawn."""
        (content,) = self.plan.show(glyph[None])
        self.receiver.send(self.plan, content, self.seed, batch)

    def fail(self, error: Exception) -> None:
        """It was not."""
        self.receiver.fail(error)


class Source:
    """Where the glyphs of a plan come from: drawn ahead, or drawn to order.

    Args:
        plan: The plan.
        press: Draws them.
    """

    def __init__(self, plan: Plan, press: Press) -> None:
        self.plan = plan
        self._press = press
        self._label = int(plan.recipe.labels[0])
        self._temperature = plan.recipe.temperature
        self._turns = Turns(self._hand_out, press.telemetry)
        self.pool = Pool(self._draw_ahead)

    def deliver(self, seed: int | None, given: Sequence[float | None] | None, receiver: Receiver) -> None:
        """Send a glyph as a PNG on the event loop's next turn."""
        # Latents that a query fixes are rarely asked for twice, so nothing is drawn ahead for them.
        if seed is None and given is None:
            # What is ready waits for the turn too: answers that leave together are read together, and bring the next
            # requests together, for which a turn of the loop then costs once what it else costs for each.
            self._turns.add(receiver)
        else:
            seed = new_seed() if seed is None else seed
            self._press.ask(self._label, seed, given or (), self._temperature, Order(self.plan, seed, receiver))

    def _hand_out(self, receivers: Sequence[Receiver]) -> None:
        for receiver in receivers:
            try:
                content, seed = self.pool.take()
            except Exception as error:  # noqa: BLE001 (every receiver gets the error; the loop must go on)
                receiver.fail(error)
                continue
            send_or_log(receiver.send, self.plan, content, seed, 0)

    def _draw_ahead(self, count: int) -> list[tuple[bytes, int]]:
        """New glyphs as PNGs, each with the seed that reproduces it alone."""
        seeds = [new_seed() for _ in range(count)]
        glyphs = self._press.glyphs(self._label, seeds, self._temperature)
        return list(zip(self.plan.show(glyphs), seeds, strict=True))


@dataclass(slots=True)
class _Awaiting:
    """A task that waits for the answer."""

    answer: "asyncio.Future[tuple[Plan, bytes, int]]"
    work: Work | None

    def has_left(self) -> bool:
        return self.answer.done()

    def send(self, plan: Plan, content: bytes, seed: int, batch: int) -> None:
        if self.work and batch:
            self.work.rows = 1
            self.work.ran(batch)
        self.answer.set_result((plan, content, seed))

    def fail(self, error: Exception) -> None:
        self.answer.set_exception(error)


class HotPath:
    """ASGI middleware in front of the application.

    Args:
        app: The application; it answers whatever is not answered here.
        context: Settings and models.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        self._engine = context.engine
        self._presses: dict[str, Press] = {}
        self.kept: OrderedDict[bytes, Source | None] = OrderedDict()
        context.telemetry.pooled = self.pooled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        answer: asyncio.Future[tuple[Plan, bytes, int]] = asyncio.get_running_loop().create_future()
        try:
            if not self.begin(scope, _Awaiting(answer, current_work())):
                await self._app(scope, receive, send)
                return
            plan, content, seed = await answer
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        headers = [
            *plan.headers,
            (b"glyphvae-seed", b"%d" % seed),
            (b"content-length", b"%d" % len(content)),
            (b"content-type", b"image/png"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def begin(self, scope: Scope, receiver: Receiver) -> bool:
        """Have a request answered, if it can be answered here.

        Args:
            scope: The request, as ASGI describes it.
            receiver: Gets the answer.

        Returns:
            Whether it will be.
        """
        if scope["type"] != "http" or scope["path"] != PATH or not _is_plain(scope):
            return False
        query = split(scope["query_string"])
        source = self._source(query.fixed)
        given = None if source is None or query.z is None else _given(query.z, source.plan)
        if source is None or (query.z is not None and given is None):
            return False
        source.deliver(query.seed, given, receiver)
        return True

    def pooled(self) -> dict[str, int]:
        """How many glyphs are drawn ahead, by model; any thread may ask."""
        levels: dict[str, int] = {}
        for source in list(self.kept.values()):
            if source is not None:
                model = source.plan.recipe.model.manifest.name
                levels[model] = levels.get(model, 0) + len(source.pool)
        return levels

    def _source(self, query: bytes) -> Source | None:
        """Where the answer to a query comes from, None where FastAPI has to give it."""
        if len(query) > LONGEST_QUERY:
            return None
        if self._context.engine is not self._engine:
            # Models were loaded anew; what was drawn ahead is the old ones'.
            self.kept.clear()
            self._presses.clear()
            self._engine = self._context.engine
        if query in self.kept:
            self.kept.move_to_end(query)
            return self.kept[query]
        plan = make_plan(query, self._context)
        if plan is not None and not plan.recipe.model.loaded:
            return None  # the first to ask for a model waits for it, and nobody else
        source = None if plan is None else Source(plan, self._press(plan.recipe.model))
        self.kept[query] = source
        if len(self.kept) > KEPT_QUERIES:
            self.kept.popitem(last=False)
        return source

    def _press(self, model: Model) -> Press:
        name = model.manifest.name
        if name not in self._presses:
            self._presses[name] = Press(model, self._context.telemetry)
        return self._presses[name]


def make_plan(query: bytes, context: Context) -> Plan | None:
    """The plan for a query string without seed and latents; None unless it is valid and asks for a small picture."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    parameters = dict(pairs)
    if len(parameters) < len(pairs) or parameters.keys() & {"seed", "z"}:
        return None
    label = {"label": [parameters.pop("label")]} if "label" in parameters else {}
    try:
        checked = GenerateQuery.model_validate(parameters | label)
        style = Style.parse("query", checked.scale, checked.ink, checked.paper)
        recipe = check_query(checked, context)
    except (ValidationError, Problem):
        return None
    side = 28 * style.scale
    if len(recipe.labels) > 1 or side**2 > LARGE_PICTURE:
        return None
    headers = responses.headers(recipe.model.title)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Plan(recipe, style.scale, png.frame(side, side, style.ink, style.paper), raw)


class Query(NamedTuple):
    """A query string, taken apart.

    Attributes:
        fixed: What stays the same from request to request.
        seed: The seed; None where there is none, or a wrong one, which is then left in `fixed`.
        z: The latents as they were written; None where there are none.
    """

    fixed: bytes
    seed: int | None = None
    z: bytes | None = None


def split(query: bytes) -> Query:
    """Take a query string apart, without decoding it: what is written in a strange way is left where it is."""
    if b"seed=" not in query and b"z=" not in query:
        return Query(query)
    rest: list[bytes] = []
    seed: int | None = None
    z: bytes | None = None
    for part in query.split(b"&"):
        if seed is None and part.startswith(b"seed=") and _is_seed(part[5:]):
            seed = int(part[5:])
        elif z is None and part.startswith(b"z=") and _are_latents(part[2:]):
            z = part[2:]
        else:
            rest.append(part)
    return Query(b"&".join(rest), seed, z)


def _is_seed(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 16 and int(text) <= MAX_SEED


def _are_latents(text: bytes) -> bool:
    return len(text) <= LONGEST_QUERY and not text.translate(None, _PLAIN_LATENTS)


def _given(text: bytes, plan: Plan) -> Sequence[float | None] | None:
    """The given latents, None where they are not valid."""
    try:
        return parse_latents(text.decode("ascii"), plan.recipe.model.manifest.latent_size)
    except ValueError:
        return None


def _is_plain(scope: Scope) -> bool:
    """Whether it is a POST without a body that takes a PNG."""
    if scope["method"] != "POST":
        return False
    accept: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"accept":
            accept.append(value)
        elif (name == b"content-length" and value != b"0") or name == b"transfer-encoding":
            return False
    return len(accept) == 0 or (len(accept) == 1 and _takes_png(accept[0]))


@lru_cache(maxsize=256)
def _takes_png(accept: bytes) -> bool:
    try:
        return negotiate.choose(accept.decode("latin-1"), OFFERS) == negotiate.PNG
    except Problem:
        return False
