"""The limits on a request's body, enforced before and while it is read."""

import asyncio
import re

from starlette.types import Receive

from glyphvae.api.head import RequestHead
from glyphvae.api.responses import Body
from glyphvae.errors import BodyTooLarge, Busy, MalformedBody
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.deadline import ClientGoneError, Deadline
from glyphvae.scheduling.worker_pool import WorkerPool
from glyphvae.settings import Settings
from glyphvae.web.content_encoding import encoding_of, inflate

# A string, or what begins like one. Possessive, because a string that does not end would be tried from each backslash.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
# What opens or closes a list or object, and everything else.
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes({*range(256)} - {*b"[]{}"})
# Lists and objects in a JSON body, twice what nested lists of `max_images` images have. Python takes 0.4 µs for each,
# and lets nothing else run meanwhile, in whichever thread.
MAX_LISTS = 1 << 16


class BodyLimits:
    """Reads bodies within the limits.

    Args:
        settings: The limits.
        pool: Counts the bytes of bodies in memory.
        telemetry: Where refusals are counted.
    """

    def __init__(self, settings: Settings, pool: WorkerPool, telemetry: Telemetry) -> None:
        self._limit = settings.max_body_bytes
        self._json_limit = min(settings.max_json_bytes, settings.max_body_bytes)
        self._depth = settings.max_json_depth
        self._pool = pool
        self._telemetry = telemetry

    def of(self, head: RequestHead) -> int:
        """Return the most bytes that a request's body may have."""
        return self._json_limit if head.headers.is_json else self._limit

    def check_announced(self, head: RequestHead) -> None:
        """Check the length that a request announces for its body.

        Raises:
            BodyTooLarge: It is over the limit.
        """
        if (head.headers.length or 0) > self.of(head):
            raise _too_large(self.of(head))

    def check(self, head: RequestHead, content: bytes) -> Body:
        """Return a body within the limit, once it is there as a whole.

        Raises:
            MalformedBody: It is JSON that is nested too deep.
        """
        if head.headers.is_json:
            check_nesting(content, self._depth)
        return Body(content, head.headers.content_type)

    async def read(self, head: RequestHead, receive: Receive, deadline: Deadline) -> Body:
        """Read a body, whose bytes `deadline` holds from then on.

        Raises:
            BodyTooLarge: It is over the limit, as it comes or inflated.
            MalformedBody: It is JSON that is nested too deep, or not of its `Content-Encoding`.
            UnsupportedMedia: Its `Content-Encoding` is none that is inflated.
            Busy: Too many bytes of bodies are in memory.
            ClientGoneError: The client has disconnected before the end.
        """
        limit, encoding = self.of(head), encoding_of(head.headers)
        pieces: list[bytes] = []
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._telemetry.refused["gone"] += 1
                raise ClientGoneError
            piece = message.get("body", b"")
            more = message.get("more_body", False)
            if deadline.held + len(piece) > limit:
                raise _too_large(limit)
            if piece:
                self.hold(len(piece), deadline)
                pieces.append(piece)
        content = b"".join(pieces)
        if encoding:
            content = await self._inflate(content, encoding, limit, deadline)
        return self.check(head, content)

    async def _inflate(self, content: bytes, encoding: str, limit: int, deadline: Deadline) -> bytes:
        work = self._pool.submit(len(content), deadline, self._pool.hold, limit, inflate, (content, encoding, limit))
        inflated: bytes = await asyncio.wrap_future(work)
        self.hold(len(inflated), deadline)
        return inflated

    def hold(self, size: int, deadline: Deadline) -> None:
        """Count bytes of a body in memory, which `deadline` holds until they are released.

        Raises:
            Busy: Too many are.
        """
        try:
            self._pool.take(size, deadline)
        except Busy:
            self._telemetry.refused["busy"] += 1
            raise
        deadline.held += size

    def release(self, deadline: Deadline) -> None:
        """Give the bytes back that `deadline` holds."""
        if deadline.held:
            self._pool.release(deadline.held)
            deadline.held = 0


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is over the limit of {limit} bytes.")


def check_nesting(text: bytes, limit: int) -> None:
    """Check how many lists and objects a JSON text has, and how deep they are nested, without parsing it.

    Raises:
        MalformedBody: They are nested deeper than `limit`, or more than `MAX_LISTS`, strings with brackets included.
    """
    opening = text.count(b"[") + text.count(b"{")
    # Most bodies have too few brackets to be deep at all, and are not looked at any closer.
    if opening <= limit:
        return
    if opening > MAX_LISTS:
        raise MalformedBody(f"The JSON has {opening} lists and objects; at most {MAX_LISTS} are allowed.")
    brackets = _STRING.sub(b"", text).translate(_ALIKE, _OTHERS)
    # Each round takes away the innermost, so that nothing is left of what is nested as deep as there were rounds.
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > limit:
        raise MalformedBody(f"The JSON is nested more than {limit} deep.")
