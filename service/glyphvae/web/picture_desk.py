"""One small picture in, its latents or its reconstruction out: what arrives together is worked on together.

The commonest requests to `/encode` and `/reconstruct`, read and answered without a task for each. Queries, limits,
pictures, models and contents are those of the endpoints.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from urllib.parse import parse_qsl

import numpy as np
from pydantic import ValidationError
from starlette.types import Scope

from glyphvae.api import negotiate, responses
from glyphvae.api.conditions import names_of, optional_label
from glyphvae.api.context import Context
from glyphvae.api.responses import LARGE_PICTURE, Headers, Style
from glyphvae.api.uploads import INLINE_BYTES, glyph_of, is_bounded, read_small
from glyphvae.errors import Problem
from glyphvae.formats import grid
from glyphvae.imaging.preprocess import Mode
from glyphvae.imaging.preprocess_batch import GLYPH, preprocess_many
from glyphvae.models.posterior import read_labels_now, reconstruct_now, rows_to_read
from glyphvae.models.registry import Labels, Model, Pixels
from glyphvae.observability.access_log import Work
from glyphvae.operations import encode, reconstruct
from glyphvae.operations.encode import ImageQuery
from glyphvae.operations.reconstruct import ReconstructQuery
from glyphvae.scheduling.turns import Turns, send_or_log
from glyphvae.web.desk import Answer, Customer, Order, Taker, accept_of_plain, has_room, start_over
from glyphvae.web.hot_path import KEPT_QUERIES, LONGEST_QUERY

# Pictures on one turn of the event loop; without label and classifier, each is held against all labels.
TOGETHER, OPEN_TOGETHER = 32, 4
# Seconds of a turn for reading. Glyphs on clean paper need half of it; photographs, of which each takes twenty times as
# long, wait for their turn.
READING = 0.004

_PATHS = frozenset({"/encode", "/reconstruct"})
# What says nothing but that the body is one file. JSON has limits of its own, and forms have parts.
_FILES = frozenset({b"", b"image/png", b"image/jpeg", b"image/webp", b"application/octet-stream", b"application/x-npy"})


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


@dataclass(frozen=True, slots=True)
class _Order(Order):
    plan: Plan
    content: bytes


class PictureDesk:
    """Answers requests with one small picture.

    Args:
        context: Settings and models.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._engine = context.engine
        self._plans: OrderedDict[tuple[str, bytes, str], Plan | None] = OrderedDict()
        self._quick = Turns(self._answer, context.telemetry, TOGETHER)
        self._slow = Turns(self._answer, context.telemetry, OPEN_TOGETHER)

    def taker(self, scope: Scope) -> Taker | None:
        """What takes the body of a request; None where the endpoint has to answer."""
        plan = self._plan(scope)
        return None if plan is None else partial(self._ask, plan)

    def _plan(self, scope: Scope) -> Plan | None:
        if scope["path"] not in _PATHS or len(scope["query_string"]) > LONGEST_QUERY:
            return None
        accept = accept_of_plain(scope, _FILES, min(INLINE_BYTES, self._context.settings.max_body_bytes))
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
        if not is_bounded(content):
            return False
        turns, now = self._turns_of(plan), perf_counter()
        if not has_room(turns, now):
            return False
        turns.add(_Order(customer, now, plan, content))
        return True

    def _turns_of(self, plan: Plan) -> Turns[_Order]:
        return self._slow if plan.label is None and plan.model.manifest.classifier is None else self._quick

    def _answer(self, orders: Sequence[_Order]) -> None:
        """Answer those of one turn."""
        groups: defaultdict[tuple[Model, bool, bool], list[tuple[_Order, Pixels]]] = defaultdict(list)
        for order, glyph in self._read(orders):
            plan = order.plan
            if glyph is None:
                order.customer.start_over()
            else:
                groups[plan.model, plan.label is None, plan.style is None].append((order, glyph))
        for (model, is_open, is_table), group in groups.items():
            self._answer_group(model, group, is_open=is_open, is_table=is_table)

    def _read(self, orders: Sequence[_Order]) -> Iterator[tuple[_Order, Pixels | None]]:
        """The glyphs (28, 28) of those that can be read in time, None where the endpoint has to; others wait."""
        until = perf_counter() + READING
        quick: list[tuple[_Order, Pixels]] = []
        late: list[_Order] = []
        unread: Sequence[_Order] = ()
        for index, order in enumerate(orders):
            if index and perf_counter() > until:
                unread = orders[index:]
                break
            grey = self._grey(order)
            if grey is not None and grey.shape == GLYPH and order.plan.mode == "auto":
                quick.append((order, grey))
            else:
                yield order, _glyph(order, grey)
        for (order, grey), glyph in zip(quick, _together([grey for _, grey in quick]), strict=True):
            if glyph is not None:
                yield order, glyph
            elif order is orders[0] or perf_counter() <= until:
                yield order, _glyph(order, grey)
            else:
                late.append(order)
        if late or unread:
            self._turns_of(orders[0].plan).put_back([*late, *unread])

    def _grey(self, order: _Order) -> Pixels | None:
        try:
            return read_small(order.content, self._context.settings)
        except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
            return None

    def _answer_group(
        self, model: Model, group: Sequence[tuple[_Order, Pixels]], *, is_open: bool, is_table: bool
    ) -> None:
        name, telemetry, began = model.manifest.name, self._context.telemetry, perf_counter()
        pixels = np.stack([glyph for _, glyph in group])
        labels = np.array([order.plan.label or 0 for order, _ in group], np.int64)
        # How often a picture goes through a graph: the encoder, perhaps the decoder, and what finds the label.
        reading = rows_to_read(model) if is_open else 0
        rows = reading + (1 if is_table else 2)
        largest = len(group) * max(1, reading // 2)
        work = Work(rows, largest)
        try:
            if is_table:
                contents = list(_tables(model, pixels, None if is_open else labels))
            else:
                styles = [order.plan.style for order, _ in group if order.plan.style is not None]
                contents = list(_pictures(model, pixels, None if is_open else labels, styles))
        except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
            start_over(order for order, _ in group)
            return
        telemetry.ran(name, largest, perf_counter() - began)
        for (order, _), (headers, media, content) in zip(group, contents, strict=True):
            telemetry.waits[name].observe(began - order.since)
            send_or_log(order.customer.send, Answer(model.title, headers, media, content, work))


def _together(greys: Sequence[Pixels]) -> list[Pixels | None]:
    try:
        return preprocess_many(greys)
    except Exception:  # noqa: BLE001 (each may be converted alone)
        return [None] * len(greys)


def _glyph(order: _Order, grey: Pixels | None) -> Pixels | None:
    try:
        return None if grey is None else glyph_of("body", grey, order.plan.mode)
    except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
        return None


_Content = tuple[Headers, str, bytes]


def _tables(model: Model, pixels: Pixels, labels: Labels | None) -> Iterator[_Content]:
    """The JSON of `/encode` for each picture (n, 28, 28), under labels (n,) or each under its likeliest."""
    extra, posterior = responses.headers(model.title), None
    if labels is None:
        reading = read_labels_now(model, pixels)
        labels, posterior = reading.labels, reading.posterior
    mu, logvar = model.encode_now(pixels, labels)
    for row in (slice(i, i + 1) for i in range(len(pixels))):
        table = encode.encodings(
            model, labels[row], mu[row], logvar[row], None if posterior is None else posterior[row]
        )
        yield extra, negotiate.JSON, responses.json_bytes(table)


def _pictures(model: Model, pixels: Pixels, labels: Labels | None, styles: Sequence[Style]) -> Iterator[_Content]:
    """The PNG of `/reconstruct` for each picture, likewise."""
    result = reconstruct_now(model, pixels, read_labels_now(model, pixels).labels if labels is None else labels)
    for i, style in enumerate(styles):
        one = result.take(slice(i, i + 1))
        picture = style.show(grid.upscale(one.pixels[0], style.scale))
        yield reconstruct.facts(model, names_of(one.labels, model), one), negotiate.PNG, picture


def make_plan(path: str, query: bytes, accept: str, context: Context) -> Plan | None:
    """The plan for a query; None unless it is valid, and asks for JSON of `/encode` or a small picture."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
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
        if negotiate.choose(accept, offers) != media:
            return None
    except (ValidationError, Problem):
        return None
    if style is not None and (28 * style.scale) ** 2 > min(LARGE_PICTURE, context.settings.max_output_pixels):
        return None
    return Plan(model, label, checked.preprocess, style)
