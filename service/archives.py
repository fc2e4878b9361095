"""Zip and tar archives written while they are sent: nothing is held but the piece that is on its way.

Both are the same to the byte for the same content: no file has a date.
"""

import tarfile
import zipfile
from collections.abc import Iterable, Iterator

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip knows no earlier date


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
    info = tarfile.TarInfo(name)
    info.size = size
    yield info.tobuf(tarfile.GNU_FORMAT)
    yield from pieces
    yield bytes(-size % tarfile.BLOCKSIZE)


def tar_end() -> bytes:
    """What ends a tar archive."""
    return bytes(2 * tarfile.BLOCKSIZE)
