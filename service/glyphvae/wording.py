"""Helpers for the wording of error messages."""

from collections.abc import Sequence
from itertools import pairwise


def quoted(text: str, limit: int = 40) -> str:
    """Quote `text` from a client: escape what is not printable, and cut it off after `limit` characters."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}..."


def character_ranges(characters: Sequence[str]) -> str:
    """Describe `characters`, with consecutive code points as ranges: `0-9, A-Z`."""
    points = [ord(character) for character in characters]
    breaks = [i for i, (a, b) in enumerate(pairwise(points), 1) if b != a + 1]
    runs = zip([0, *breaks], [*breaks, len(points)], strict=True)
    return ", ".join(_range(characters[start:end]) for start, end in runs)


def _range(run: Sequence[str]) -> str:
    return run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}"
