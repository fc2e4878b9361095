"""One small picture in, its latents or its reconstruction out: what arrives together is worked on together.

The commonest requests to `/encode` and `/reconstruct`, read and answered without a task for each. Queries, limits,
pictures, models and contents are those of the endpoints; what is not plain, or goes wrong, is theirs to answer.
"""

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import parse_qsl

import numpy as np
from pydantic import ValidationError
from starlette.types import Scope

from service import answers, encode, negotiate, reconstruct, sheet
from service.access_log import Work
from service.answers import LARGE_PICTURE, Headers, Style
from service.conditions import names_of, optional_label
from service.context import Context
from service.encode import ImageQuery
from service.engine import Model, Pixels
from service.errors import Problem
from service.inference import infer_now, reconstruct_now
from service.preprocess import Mode
from service.reconstruct import ReconstructQuery
from service.turns import Turns
from service.uploads import INLINE_BYTES, read_glyph

logger = logging.getLogger("glyphvae")

# Pictures on one turn of the event loop, a few milliseconds of work; where the label is open, each is read under all.
TOGETHER, OPEN_TOGETHER = 32, 4
# Turns that may be full of those who wait. Others wait in the queue of `Admission`, which knows their deadlines.
TURNS = 8
KEPT_QUERIES = 256
LONGEST_QUERY = 256

_PATHS = frozenset({"/encode", "/reconstruct"})
# What says nothing but that the body is one file. JSON has limits of its own, and forms have parts.
_FILES = frozenset({b"image/png", b"image/jpeg", b"image/webp", b"application/octet-stream", b"application/x-npy"})
_TIMEOUT = b"x-request-timeout"


@dataclass(frozen=True)
class Plan:
    """A checked query.

    Attributes:
        model: What reads the picture.
        label: What it shows, None where that is open.
        mode: How it is converted.
        style: Of the picture that is answered; None for the JSON of `/encode`.
    """

    model: Model
    label: int | None
    mode: Mode
    style: Style | None


class Customer(Protocol):
    """Whoever waits for the answer."""

    def has_left(self) -> bool:
        """Whether it waits no longer."""

    def send(self, extra: Headers, media: str, content: bytes, work: Work) -> None:
        """The answer."""

    def start_over(self) -> None:
        """The endpoint has to answer."""


# Takes a request's body, to answer on the event loop's next turn; False where the endpoint has to answer.
Taker = Callable[[bytes, Customer], bool]


@dataclass(frozen=True, slots=True)
class _Order:
    plan: Plan
    content: bytes
    customer: Customer

    def has_left(self) -> bool:
        """Whether nobody waits any longer."""
        return self.customer.has_left()


class Desk:
    """Answers requests with one small picture.

    Args:
        context: Settings and models.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._engine = context.engine
        self._plans: OrderedDict[tuple[str, bytes, bytes], Plan | None] = OrderedDict()
        self._given = Turns(self._answer, context.telemetry, TOGETHER)
        self._open = Turns(self._answer, context.telemetry, OPEN_TOGETHER)

    def taker(self, scope: Scope) -> Taker | None:
        """What takes the body of a request; None where the endpoint has to answer."""
        plan = self._plan(scope)
        return None if plan is None else partial(self._ask, plan)

    def _plan(self, scope: Scope) -> Plan | None:
        limit = min(INLINE_BYTES, self._context.settings.max_body_bytes)
        accept = accept_of_plain(scope, _FILES, limit) if scope["path"] in _PATHS else None
        if accept is None:
            return None
        if self._context.engine is not self._engine:  # models were loaded anew
            self._plans.clear()
            self._engine = self._context.engine
        key = (scope["path"], scope["query_string"], accept)
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        plan = make_plan(*key, self._context)
        if plan is not None and not plan.model.loaded:
            return None  # the first to ask for a model waits for it
        self._plans[key] = plan
        if len(self._plans) > KEPT_QUERIES:
            self._plans.popitem(last=False)
        return plan

    def _ask(self, plan: Plan, content: bytes, customer: Customer) -> bool:
        turns, each = (self._open, OPEN_TOGETHER) if plan.label is None else (self._given, TOGETHER)
        if len(turns) >= TURNS * each:
            return False
        turns.add(_Order(plan, content, customer))
        return True

    def _answer(self, orders: Sequence[_Order]) -> None:
        """Answer those of one turn."""
        groups: defaultdict[tuple[str, bool, bool], list[tuple[_Order, Pixels]]] = defaultdict(list)
        for order in orders:
            pixels = self._read(order)
            if pixels is None:
                order.customer.start_over()
            else:
                plan = order.plan
                groups[plan.model.title, plan.label is None, plan.style is None].append((order, pixels))
        for group in groups.values():
            together = [order for order, _ in group]
            try:
                contents = _contents(
                    [order.plan for order in together], np.concatenate([pixels for _, pixels in group])
                )
            except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
                for order in together:
                    order.customer.start_over()
                continue
            for order, (extra, media, content, work) in zip(together, contents, strict=True):
                try:
                    order.customer.send(extra, media, content, work)
                except Exception:
                    logger.exception("an answer was not sent")  # the others of this turn are

    def _read(self, order: _Order) -> Pixels | None:
        try:
            return read_glyph(order.content, self._context.settings, order.plan.mode)
        except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
            return None


_Content = tuple[Headers, str, bytes, Work]


def _contents(plans: Sequence[Plan], pixels: Pixels) -> list[_Content]:
    """The answers to requests of one kind to one model, in order."""
    model, n = plans[0].model, len(plans)
    labels = np.array([plan.label or 0 for plan in plans], np.int64)
    if plans[0].style is None and plans[0].label is not None:
        mu, logvar = model.encode_now(pixels, labels)
        extra = answers.headers(model.title)
        each = [answers.json_bytes(encode.encodings(model, labels[i : i + 1], mu[i:], logvar[i:])) for i in range(n)]
        return [(extra, negotiate.JSON, content, Work(1, n)) for content in each]
    posterior = None
    if plans[0].label is None:
        inference = infer_now(model, pixels)
        result, posterior = inference.best, inference.posterior
    else:
        result = reconstruct_now(model, pixels, labels)
    rows = 1 if posterior is None else len(model.manifest.labels)
    work = Work(2 * rows, n * rows)  # the encoder's, and the decoder's
    contents: list[_Content] = []
    for i, plan in enumerate(plans):
        one = result.take(slice(i, i + 1))
        if plan.style is None:
            assert posterior is not None  # noqa: S101 (latents under a given label need no decoder)
            table = encode.encodings(model, one.labels, one.mu, one.logvar, posterior[i : i + 1])
            contents.append((answers.headers(model.title), negotiate.JSON, answers.json_bytes(table), work))
        else:
            picture = plan.style.show(sheet.upscale(one.pixels[0], plan.style.scale))
            extra = reconstruct.facts(model, names_of(one.labels, model), one)
            contents.append((extra, negotiate.PNG, picture, work))
    return contents


def make_plan(path: str, query: bytes, accept: bytes, context: Context) -> Plan | None:
    """The plan for a query; None unless it is valid, and asks for JSON of `/encode` or a small picture."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if len(query) > LONGEST_QUERY or len(dict(pairs)) < len(pairs):
        return None
    kind, offers, media = (
        (ImageQuery, encode.OFFERS, negotiate.JSON)
        if path == "/encode"
        else (ReconstructQuery, reconstruct.OFFERS, negotiate.PNG)
    )
    try:
        checked = kind.model_validate(dict(pairs))
        model = context.engine.get(checked.model)
        label = optional_label(checked.label, model)
        style = None
        if isinstance(checked, ReconstructQuery):
            style = Style.parse("query", checked.scale, checked.ink, checked.paper)
        if negotiate.choose(accept.decode("latin-1"), offers) != media:
            return None
    except (ValidationError, Problem):
        return None
    if style is not None and (28 * style.scale) ** 2 > min(LARGE_PICTURE, context.settings.max_output_pixels):
        return None
    return Plan(model, label, checked.preprocess, style)


def accept_of_plain(scope: Scope, kinds: Collection[bytes], limit: int) -> bytes | None:
    """What a request takes, empty where it does not say.

    Args:
        scope: The request, as ASGI describes it.
        kinds: Content types that its body may have.
        limit: Bytes that its body may have.

    Returns:
        Its `Accept`; None where it is no POST, has another body, or comes with a time limit of its own.
    """
    if scope["method"] != "POST":
        return None
    accept: list[bytes] = []
    size = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            size = int(value)  # the parser lets nothing but digits through
        elif name == b"accept":
            accept.append(value)
        elif name in {b"transfer-encoding", _TIMEOUT} or (name == b"content-type" and value not in kinds):
            return None
    return b", ".join(accept) if 0 < size <= limit else None
