"""Zip and tar archives written while they are sent: nothing is held but the piece that is on its way.

Both are the same to the byte for the same content: no file has a date.
"""

import zipfile
from collections.abc import Iterable, Iterator
from functools import lru_cache

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip knows no earlier date

# Fields of a tar header; its sum is taken as if its own field were of spaces.
_SIZE, _SUM = slice(124, 135), slice(148, 156)
_SPACES = 8 * ord(" ")
_LONGEST_NAME = 100
_LARGEST = 8**11 - 1
_BLOCK = 512


class Sink:
    """A file that is only written to, for libraries that write files; what was written is taken from it."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Keep `data` until it is taken."""
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def close(self) -> None:
        """Nothing is held open."""

    def take(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def zip_stream(members: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A zip archive of uncompressed members of any size, each a name and its content in pieces."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, pieces in members:
            # Sizes follow the content, in zip64's width, because they are not known before.
            with archive.open(zipfile.ZipInfo(name, _EPOCH), "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
                    yield sink.take()
    yield sink.take()


def tar_member(name: str, size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A member of a tar archive, whose content is known to have `size` bytes."""
    yield _tar_header(name, size)
    yield from pieces
    yield bytes(-size % _BLOCK)


def _tar_header(name: str, size: int) -> bytes:
    """What tarfile writes; in a quarter of its time where the fields are short, as only they and the sum differ."""
    encoded = name.encode()
    if len(encoded) > _LONGEST_NAME or size > _LARGEST:
        return _by_tarfile(name, size)
    header = bytearray(_template())
    header[: len(encoded)] = encoded
    header[_SIZE] = b"%011o" % size
    header[_SUM] = b"%06o\0 " % (sum(header[: _SUM.start]) + sum(header[_SUM.stop :]) + _SPACES)
    return bytes(header)


@lru_cache(maxsize=1)
def _template() -> bytes:
    return _by_tarfile("", 0)


def _by_tarfile(name: str, size: int) -> bytes:
    import tarfile  # noqa: PLC0415 (a third of a megabyte, for a format that few ask for)

    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def tar_end() -> bytes:
    """What ends a tar archive."""
    return bytes(2 * _BLOCK)
