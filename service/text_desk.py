"""Short texts, written together: those of one turn of the event loop are one batch, without a task for each.

Orders, limits, glyphs, layout and pictures are those of `/render-text`; what is not plain, or goes wrong, it answers.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from pydantic import ValidationError
from starlette.types import Scope

from service import answers, negotiate
from service.access_log import Work
from service.answers import LARGE_PICTURE, Style
from service.context import Context
from service.desk import TURNS, Customer, Taker, accept_of_plain
from service.draw import draw
from service.engine import Pixels
from service.errors import Problem
from service.render_text import LONG_TEXT, OFFERS, Draft, RenderText, draft, finished
from service.turns import Turns
from service.uploads import INLINE_BYTES

logger = logging.getLogger("glyphvae")

PATH = "/render-text"
# Texts on one turn of the event loop, a few milliseconds of work.
TOGETHER = 8
# A wider or higher picture is drawn by a thread.
LARGEST = 2 * LARGE_PICTURE
# An object with a list in it; deeper JSON is looked at more closely elsewhere.
_BRACKETS = 2
_KINDS = frozenset({b"application/json"})


@dataclass(frozen=True, slots=True)
class _Order:
    text: RenderText
    style: Style
    begun: Draft
    customer: Customer

    def has_left(self) -> bool:
        """Whether nobody waits any longer."""
        return self.customer.has_left()


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
            plain = accept is not None and negotiate.choose(accept.decode("latin-1"), OFFERS) == negotiate.PNG
        except Problem:
            return None
        return self._ask if plain else None

    def _ask(self, content: bytes, customer: Customer) -> bool:
        if len(self._turns) >= TURNS * TOGETHER or content.count(b"[") + content.count(b"{") > _BRACKETS:
            return False
        try:
            text = RenderText.model_validate(orjson.loads(content))
            if len(text.text) > LONG_TEXT or len(text.text) * (28 * text.scale) ** 2 > 2 * LARGEST:
                return False
            style, begun = text.style, draft(text, self._context)
        except (orjson.JSONDecodeError, ValidationError, Problem):
            return False
        if begun.model.loaded:  # the first to ask for a model waits for it
            self._turns.add(_Order(text, style, begun, customer))
        return begun.model.loaded

    def _answer(self, orders: Sequence[_Order]) -> None:
        """Write the texts of one turn."""
        groups: defaultdict[str, list[_Order]] = defaultdict(list)
        for order in orders:
            groups[order.begun.model.title].append(order)
        for group in groups.values():
            sizes = [len(order.begun.z) for order in group]
            try:
                z = np.concatenate([order.begun.z for order in group])
                labels = np.concatenate([order.begun.script.labels for order in group])
                decoded = group[0].begun.model.decode_now(z, labels)
            except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
                for order in group:
                    order.customer.start_over()
                continue
            for order, glyphs in zip(group, np.split(decoded, np.cumsum(sizes)[:-1]), strict=True):
                self._finish(order, glyphs, len(z))

    def _finish(self, order: _Order, glyphs: Pixels, batch: int) -> None:
        text = order.text
        try:
            writing = finished(order.begun, glyphs, text.setting)
            width, height = writing.layout.size(text.scale)
            answers.check_picture("body.scale", width, height, min(LARGEST, self._context.settings.max_output_pixels))
            content = order.style.show(draw(writing.layout, writing.pixels, text.scale))
        except Exception:  # noqa: BLE001 (the endpoint says what is wrong, and logs it)
            order.customer.start_over()
            return
        try:
            order.customer.send(writing.headers, negotiate.PNG, content, Work(len(glyphs), batch))
        except Exception:
            logger.exception("an answer was not sent")  # the others of this turn are
