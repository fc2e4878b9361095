"""The short way to one glyph: `POST /generate` for a PNG, without FastAPI's machinery.

Whatever is not the plainest case goes on to FastAPI, which also words every error. The short way uses the same query
model, checks, sampling and picture, so either way gives the same answer; what it saves is routing, dependencies and
response objects, and what it adds is glyphs drawn ahead for requests without a seed.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

import numpy as np
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from service import answers, negotiate, sheet
from service.answers import LARGE_PICTURE, Style
from service.context import Context
from service.engine import Pixels
from service.errors import Problem
from service.generate import OFFERS, GenerateQuery, Recipe, check_query
from service.latents import MAX_SEED
from service.pool import Pool

RawHeaders = list[tuple[bytes, bytes]]

# Queries that are kept parsed. Each may hold a pool of finished glyphs, about 30 kB when full.
KEPT_QUERIES = 256
LONGEST_QUERY = 256


@dataclass(frozen=True)
class Plan:
    """A query that has been checked; only the seed is open.

    Attributes:
        recipe: What is drawn, one glyph.
        style: How it is shown.
        headers: Those of every answer.
    """

    recipe: Recipe
    style: Style
    headers: RawHeaders

    def show(self, glyph: Pixels) -> bytes:
        """A glyph (28, 28) as a PNG."""
        return self.style.show(sheet.upscale(glyph, self.style.scale))

    def draw_ahead(self, count: int) -> list[tuple[bytes, int]]:
        """New glyphs as PNGs, each with the seed that reproduces it alone."""
        orders = [self.recipe.order(None) for _ in range(count)]
        z = np.concatenate([order.z for order in orders])
        pixels = self.recipe.model.decode_now(z, np.repeat(self.recipe.labels, count))
        return [(self.show(glyph), order.seed) for glyph, order in zip(pixels, orders, strict=True)]


@dataclass(frozen=True)
class Source:
    """A plan and the glyphs that were drawn ahead for it."""

    plan: Plan
    pool: Pool[tuple[bytes, int]]

    async def take(self, seed: int | None) -> tuple[bytes, int]:
        """A glyph as a PNG, and its seed."""
        # Latents that a query fixes are rarely asked for twice, so nothing is drawn ahead for them.
        if seed is None and not self.plan.recipe.fixed:
            return self.pool.take()
        order = self.plan.recipe.order(seed)
        pixels = await order.model.decode(order.z, order.labels)
        return self.plan.show(pixels[0]), order.seed


class HotPath:
    """ASGI middleware in front of the application.

    Args:
        app: The application; it answers whatever is not answered here.
        context: Settings and models.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        self.kept: OrderedDict[bytes, Source | None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] != "/generate" or not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        query, seed = split_seed(scope["query_string"])
        source = self._source(query)
        if source is None:
            await self._app(scope, receive, send)
            return
        try:
            content, seed = await source.take(seed)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        headers = [
            *source.plan.headers,
            (b"glyphvae-seed", b"%d" % seed),
            (b"content-length", b"%d" % len(content)),
            (b"content-type", b"image/png"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _source(self, query: bytes) -> Source | None:
        """Where the answer to a query comes from, None where FastAPI has to give it."""
        if query in self.kept:
            self.kept.move_to_end(query)
            return self.kept[query]
        plan = make_plan(query, self._context)
        source = None if plan is None else Source(plan, Pool(plan.draw_ahead))
        self.kept[query] = source
        if len(self.kept) > KEPT_QUERIES:
            self.kept.popitem(last=False)
        return source


def make_plan(query: bytes, context: Context) -> Plan | None:
    """The plan for a query string, None unless it is valid, without a seed, and asks for one small picture."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    parameters = dict(pairs)
    if len(query) > LONGEST_QUERY or len(parameters) < len(pairs) or "seed" in parameters:
        return None
    label = {"label": [parameters.pop("label")]} if "label" in parameters else {}
    try:
        checked = GenerateQuery.model_validate(parameters | label)
        style = Style.parse("query", checked.scale, checked.ink, checked.paper)
        recipe = check_query(checked, context)
    except (ValidationError, Problem):
        return None
    if len(recipe.labels) > 1 or (28 * style.scale) ** 2 > LARGE_PICTURE:
        return None
    headers = answers.headers(recipe.model.title)
    return Plan(recipe, style, [(name.lower().encode(), value.encode()) for name, value in headers.items()])


def split_seed(query: bytes) -> tuple[bytes, int | None]:
    """The query string without its seed, and the seed; unchanged and without where there is none, or a wrong one."""
    if b"seed=" not in query:
        return query, None
    parts = query.split(b"&")
    seeds = [part[5:] for part in parts if part.startswith(b"seed=")]
    if len(seeds) != 1 or not seeds[0].isdigit() or len(seeds[0]) > 16 or int(seeds[0]) > MAX_SEED:
        return query, None
    return b"&".join(part for part in parts if not part.startswith(b"seed=")), int(seeds[0])


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
