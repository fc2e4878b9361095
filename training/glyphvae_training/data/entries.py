"""Files of a data folder, at any depth and inside zip archives."""

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from glyphvae_training.errors import DataError, DataMissingError

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Entry:
    """A file of a data folder.

    Attributes:
        path: of the file, or of the zip archive that holds it.
        member: its name in the archive; empty for a file that is in none.
        size: in bytes as it is stored, but for a member as it is unpacked.
    """

    path: Path
    member: str
    size: int

    def __str__(self) -> str:
        """Return how an error names it."""
        return f"{self.member} in {self.path}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """The name without folders."""
        return self.member.rpartition("/")[2] or self.path.name

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the content, decompressed if it is gzip, whatever the name says.

        Raises:
            DataError: it is damaged or encrypted.
        """
        try:
            with self._stored() as stored:
                # Both kinds of file can look ahead.
                zipped = cast("gzip.GzipFile", stored).peek(2)[:2] == GZIP_MAGIC
                with gzip.GzipFile(fileobj=stored) if zipped else nullcontext(stored) as content:
                    yield cast("BinaryIO", content)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise DataError(f"{self} is damaged or cannot be read: {error}") from error

    @contextmanager
    def _stored(self) -> Iterator[BinaryIO]:
        if not self.member:
            with self.path.open("rb") as file:
                yield file
            return
        with zipfile.ZipFile(self.path) as archive:
            try:
                member = archive.open(self.member)
            except RuntimeError as error:  # a password, or a method of compression that Python does not know
                raise DataError(f"{self} cannot be unpacked: {error}") from error
            with member:
                yield cast("BinaryIO", member)

    def read(self) -> bytes:
        """Return the whole content; raises as `open` does."""
        with self.open() as stream:
            return stream.read()


class DataFolder:
    """A folder with source files, listed once.

    Args:
        path: of the folder; `~` is expanded.

    Attributes:
        path: of the folder.
        entries: its files, then those in its zip archives, each sorted by path.
        broken: zip archives that cannot be opened, such as incomplete downloads.

    Raises:
        DataMissingError: it is not a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()
        if not self.path.is_dir():
            raise DataMissingError(f"{self.path} is not a folder; --data names the one with the source files")
        self.broken: list[Path] = []
        files = sorted(
            Path(folder, name) for folder, _, names in os.walk(self.path) for name in names if not name.startswith("._")
        )
        self.entries = [Entry(file, "", file.stat().st_size) for file in files if file.is_file()]
        for file in files:
            if file.suffix.lower() == ".zip":
                self.entries += self._members(file)

    def _members(self, path: Path) -> list[Entry]:
        try:
            with zipfile.ZipFile(path) as archive:
                members = sorted(archive.infolist(), key=lambda member: member.filename)
        except (OSError, zipfile.BadZipFile):
            self.broken.append(path)
            return []
        # macOS adds files of its own to archives, named "._" and the file they describe.
        wanted = [member for member in members if not member.is_dir() and "/._" not in f"/{member.filename}"]
        return [Entry(path, member.filename, member.file_size) for member in wanted]

    def all(self, pattern: str) -> list[Entry]:
        """Return the files whose whole name matches a regular expression, gzipped ones too."""
        name = re.compile(rf"{pattern}(\.gz)?")
        return [entry for entry in self.entries if name.fullmatch(entry.name)]

    def first(self, *patterns: str) -> Entry | None:
        """Return the first file that matches the earliest of the patterns, or None."""
        return next((entry for pattern in patterns for entry in self.all(pattern)), None)
