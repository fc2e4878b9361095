"""Helpers for the wording of error messages."""

from collections.abc import Sequence
from itertools import pairwise
from unicodedata import combining


def quoted(text: str, limit: int = 40) -> str:
    """Quote `text` from a client: escape what is not printable, and cut it off after `limit` characters."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}..."


def character_ranges(names: Sequence[str]) -> str:
    """Describe characters, with consecutive code points as ranges: `0-9, A-Z`; longer names stand by themselves."""
    breaks = [i for i, (a, b) in enumerate(pairwise(names), 1) if not _follows(a, b)]
    runs = zip([0, *breaks], [*breaks, len(names)], strict=True)
    return ", ".join(_range(names[start:end]) for start, end in runs)


def _follows(name: str, after: str) -> bool:
    return len(name) == len(after) == 1 and ord(after) == ord(name) + 1


def _range(run: Sequence[str]) -> str:
    first, last = map(_shown, (run[0], run[-1]))
    return first if len(run) == 1 else f"{first}-{last}"


def _shown(name: str) -> str:
    """Return a name, a combining character over a dotted circle, so that it does not run into the text around it."""
    return f"\u25cc{name}" if len(name) == 1 and combining(name) else name
