"""Bearer keys: a file of their hashes, and which key a request shows.

A key is 256 random bits, so its SHA-256 is as hard to reverse as the key is to guess: a slow hash, which makes up for
passwords that people choose, would protect nothing here and would cost every request its time.
"""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from hmac import compare_digest
from pathlib import Path
from time import monotonic
from typing import Annotated

from limits import RateLimitItem, parse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from glyphvae.errors import StartError
from glyphvae.files import read_file
from glyphvae.wording import SHA256, Pattern

logger = logging.getLogger("glyphvae")

# Found by scanners for leaked secrets, and by whoever wonders what a string is.
PREFIX = "glyphvae_"
# A key that is taken out of the file works no longer than this, in seconds.
REREAD = 1.0
# Below this, models are loaded and unloaded, which takes a key with a route at or below that.
REPOSITORY = "/v2/repository"
CONTROL = f"{REPOSITORY}/models"


class Key(BaseModel):
    """A line of the file, in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        Field(description="Who has it; the log names it."),
        Pattern(r"^[A-Za-z0-9._-]{1,64}$", "1 to 64 letters, digits, dots, underscores and hyphens"),
    ]
    sha256: Annotated[str, Field(description="SHA-256 of the key."), SHA256]
    expires: AwareDatetime | None = Field(None, description="When it ends; null for never.")
    rate: str | None = Field(None, description="Most requests in a time: `100/minute`, `5 per second`; null for any.")
    routes: tuple[Annotated[str, Pattern("^/.*$", "a path that begins with /")], ...] = Field(
        (), description="Paths it opens, with all below them; empty for all."
    )

    @field_validator("rate")
    @classmethod
    def _rate_is_one(cls, rate: str | None) -> str | None:
        try:
            if rate is not None:
                parse(rate)
        except ValueError:
            raise ValueError("not a number and a time, such as 100/minute") from None
        return rate

    @cached_property
    def limit(self) -> RateLimitItem | None:
        """The rate, parsed."""
        return None if self.rate is None else parse(self.rate)

    @property
    def expired(self) -> bool:
        """True once its time is over."""
        return self.expires is not None and self.expires <= datetime.now(UTC)

    def opens(self, path: str) -> bool:
        """Return whether a request to `path` may be made with it."""
        if _is_below(path, CONTROL):  # what changes the service for all is not meant where nothing is said
            return any(_is_below(path, route) and _is_below(route, REPOSITORY) for route in self.routes)
        return not self.routes or any(_is_below(path, route) for route in self.routes)


def _is_below(path: str, route: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{route.rstrip('/')}/")


class KeyFile:
    """The keys of a file, which is read again every second that has requests.

    Once it is missing or broken, it has no keys, until it is whole again: a key that somebody meant to take out of it
    must not work on.

    Args:
        path: The file; one key a line, blank lines aside.

    Raises:
        StartError: The file is missing or a line is no key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: bytes | str = read_file(path)
        self._keys = _parse(path, self._content)
        self._known: dict[bytes, Key] = {}
        self._checked = monotonic()

    def find(self, token: bytes) -> Key | None:
        """Return the key that `token` is, expired or not; None if it is none."""
        self._reread()
        # A hit tells nothing about other keys: the caller had all of this one.
        if token not in self._known:
            digest = hashlib.sha256(token).hexdigest()
            for key in self._keys:  # with every key, and each in full, so that it takes as long for any digest
                if compare_digest(key.sha256, digest):
                    self._known[token] = key
        return self._known.get(token)

    def _reread(self) -> None:
        if monotonic() - self._checked < REREAD:
            return
        self._checked = monotonic()
        content = _content(self._path)
        # Times do not tell: `cp -p` and `rsync` set them, and a file may change twice within their resolution.
        if content == self._content:
            return
        self._content, self._keys, self._known = content, (), {}
        try:
            self._keys = _parse(self._path, content)
        except StartError as error:
            logger.error("no key is accepted: %s", error)  # noqa: TRY400 (one line says it)
        else:
            logger.info("%s has changed: %d keys are accepted", self._path, len(self._keys))


def read_keys(path: Path) -> Sequence[Key]:
    """Read the keys of a file.

    Raises:
        StartError: The file cannot be read, a line is no key, or a name or a hash comes twice.
    """
    return _parse(path, read_file(path))


def _content(path: Path) -> bytes | str:
    """Return the content of a file, or the sentence that says why it has none."""
    try:
        return read_file(path)
    except StartError as error:
        return str(error)


def _parse(path: Path, content: bytes | str) -> Sequence[Key]:
    """Return the keys in the content of a file.

    Raises:
        StartError: There is no content, a line is no key, or a name or a hash comes twice.
    """
    if isinstance(content, str):
        raise StartError(content)
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise StartError(f"{path}: not a text file") from None
    keys = [_read_key(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    for facts in ([key.name for key in keys], [key.sha256 for key in keys]):
        if len(set(facts)) < len(facts):
            raise StartError(f"{path}: two keys have the same name or hash")
    return keys


def _read_key(path: Path, number: int, line: str) -> Key:
    try:
        return Key.model_validate_json(line)
    except ValidationError as error:
        # What the line says is not repeated: somebody may have put a key there instead of its hash.
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise StartError(f"{path}, line {number}: {where}: {first['msg']}") from None


def new_key(name: str, expires: datetime | None, rate: str | None, routes: Sequence[str]) -> tuple[str, Key]:
    """Make a new key, and the line that describes it.

    Raises:
        ValidationError: A fact about it is not allowed.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    return token, Key(name=name, sha256=digest, expires=expires, rate=rate, routes=tuple(routes))
