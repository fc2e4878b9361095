"""The bytes of responses that wait for their clients to read them."""

from collections.abc import Iterator

from glyphvae.errors import Busy
from glyphvae.scheduling.deadline import RETRY

# Bytes handed to a connection at a time, as many as it takes before it says that it has enough. Responses that are no
# longer are not counted: they are written at once, and each connection holds two of them at most.
PIECE = 1 << 16


class Outbox:
    """The count of them; for the event loop alone.

    Args:
        limit: Most bytes. A single response over the limit is taken where no other waits.

    Attributes:
        held: Bytes that wait now.
    """

    def __init__(self, limit: int) -> None:
        self.held = 0
        self._limit = limit

    @property
    def pressed(self) -> bool:
        """Return whether half of the limit is taken."""
        return self.held * 2 > self._limit

    def check(self, size: int = 0) -> None:
        """Check that there is room for so many bytes.

        Raises:
            Busy: There is none, because other responses wait.
        """
        if self.held and self.held + size > self._limit:
            raise Busy(f"Responses of {self.held} of at most {self._limit} bytes wait to be read.", headers=RETRY)


def pieces(content: bytes) -> Iterator[bytes]:
    """Yield content in pieces for a connection."""
    if len(content) <= PIECE:
        yield content
        return
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]
