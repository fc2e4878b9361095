import pytest

from glyphvae.errors import Busy
from glyphvae.scheduling.outbox import PIECE, Outbox, pieces


def test_a_response_waits_for_room_unless_it_is_the_only_one() -> None:
    outbox = Outbox(100)
    outbox.check(1000)
    outbox.held = 60
    outbox.check(40)
    with pytest.raises(Busy, match="60 of at most 100 bytes") as caught:
        outbox.check(41)
    assert caught.value.headers == {"Retry-After": "1"}


def test_pressure_begins_at_half() -> None:
    outbox = Outbox(100)
    outbox.held = 50
    assert not outbox.pressed
    outbox.held = 51
    assert outbox.pressed


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5])
def test_pieces_are_all_of_it(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    cut = list(pieces(content))
    assert b"".join(cut) == content
    assert len(cut) == max(1, -(-size // PIECE))
    assert max(map(len, cut)) <= PIECE
