"""Short texts, written together: those of one turn of the event loop are one batch, without a task for each.

Orders, limits, glyphs, layout and pictures are those of `/render-text`; what is not plain, or goes wrong, it answers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from time import perf_counter

import numpy as np
import orjson
from pydantic import ValidationError
from starlette.types import Scope

from glyphvae.api import negotiate, responses
from glyphvae.api.context import Context
from glyphvae.api.responses import LARGE_PICTURE, Style
from glyphvae.api.uploads import INLINE_BYTES
from glyphvae.errors import Problem
from glyphvae.models.registry import Model, Pixels
from glyphvae.observability.access_log import Work
from glyphvae.operations.render_text import LONG_TEXT, OFFERS, Draft, RenderText, draft, finished
from glyphvae.scheduling.turns import Turns, send_or_log
from glyphvae.text.rasterize import draw
from glyphvae.web.desk import Answer, Customer, Order, Taker, accept_of_plain, has_room, start_over

PATH = "/render-text"
# Texts on one turn of the event loop, a few milliseconds of work.
TOGETHER = 8
# Pixels of a picture; a larger one is drawn by a thread.
LARGEST = 2 * LARGE_PICTURE
# Glyph pixels from a letter to the next, but for the gap between them, and of a line from its top to its last tail.
_ADVANCE, _HEIGHT = 21, 28
# An object with a list in it; deeper JSON is looked at more closely elsewhere.
_BRACKETS = 2
_KINDS = frozenset({b"application/json"})


@dataclass(frozen=True, slots=True)
class _Order(Order):
    text: RenderText
    style: Style
    begun: Draft


class TextDesk:
    """Answers requests for a short text as a picture.

    Args:
        context: Settings and models.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turns = Turns(self._answer, context.telemetry, TOGETHER)

    def taker(self, scope: Scope) -> Taker | None:
        """What takes the body of a request; None where the endpoint has to answer."""
        if scope["path"] != PATH or scope["query_string"]:
            return None
        settings = self._context.settings
        limit = min(INLINE_BYTES, settings.max_body_bytes, settings.max_json_bytes)
        accept = accept_of_plain(scope, _KINDS, limit)
        try:
            plain = accept is not None and negotiate.choose(accept, OFFERS) == negotiate.PNG
        except Problem:
            return None
        return self._ask if plain else None

    def _ask(self, content: bytes, customer: Customer) -> bool:
        now = perf_counter()
        if not has_room(self._turns, now) or content.count(b"[") + content.count(b"{") > _BRACKETS:
            return False
        try:
            text = RenderText.model_validate(orjson.loads(content))
            if len(text.text) > LONG_TEXT or _about(text) > LARGEST:
                return False
            style, begun = text.style, draft(text, self._context)
        except (orjson.JSONDecodeError, ValidationError, Problem):
            return False
        if begun.model.loaded:  # the first to ask for a model waits for it
            self._turns.add(_Order(customer, now, text, style, begun))
        return begun.model.loaded

    def _answer(self, orders: Sequence[_Order]) -> None:
        """Write the texts of one turn."""
        groups: defaultdict[Model, list[_Order]] = defaultdict(list)
        for order in orders:
            groups[order.begun.model].append(order)
        for model, group in groups.items():
            self._answer_group(model, group)

    def _answer_group(self, model: Model, group: Sequence[_Order]) -> None:
        name, telemetry, began = model.manifest.name, self._context.telemetry, perf_counter()
        z = np.concatenate([order.begun.z for order in group])
        labels = np.concatenate([order.begun.script.labels for order in group])
        try:
            decoded = model.decode_now(z, labels)
        except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
            start_over(group)
            return
        telemetry.ran(name, len(z), perf_counter() - began)
        stops = np.cumsum([len(order.begun.z) for order in group])
        for order, glyphs in zip(group, np.split(decoded, stops[:-1]), strict=True):
            telemetry.waits[name].observe(began - order.since)
            self._finish(order, glyphs, len(z))

    def _finish(self, order: _Order, glyphs: Pixels, batch: int) -> None:
        text = order.text
        try:
            writing = finished(order.begun, glyphs, text.setting)
            width, height = writing.layout.size(text.scale)
            responses.check_picture("body.scale", width, height, min(LARGEST, self._context.settings.max_output_pixels))
            content = order.style.show(draw(writing.layout, writing.pixels, text.scale))
        except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
            order.customer.start_over()
            return
        answer = Answer(writing.model.title, writing.headers, negotiate.PNG, content, Work(len(glyphs), batch))
        send_or_log(order.customer.send, answer)


def _about(text: RenderText) -> int:
    """How many pixels the picture of a text has, more or less; what its glyphs measure is not known yet."""
    edges = 2 * text.margin
    lengths = [len(line) * max(1, _ADVANCE + text.letter_gap) for line in text.text.splitlines()]
    width = text.width or edges + max(lengths, default=0)
    lines = sum(max(1, ceil(length / max(1, width - edges))) for length in lengths)
    height = edges + _HEIGHT + max(0, lines - 1) * text.line_height
    return width * height * text.scale**2
