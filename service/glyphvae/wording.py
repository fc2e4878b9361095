"""Helpers for the wording of error messages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unicodedata import combining

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

# Characters of a name that is compared with known ones; none of ours is longer.
_LONGEST_NAME = 40
# How alike two names are, of 1, where one is probably the other misspelt: `lable` is 0.8 of `label`, `colour` is 0.6 of
# `columns`.
_CLOSE = 0.7


@dataclass(frozen=True)
class Pattern:
    """Constraint of a text field, as `Field(pattern=...)`, whose error says in words what is allowed.

    Args:
        expression: The regular expression that the whole text must match; clients find it in the OpenAPI document.
        words: The allowed texts, as the end of the sentence "Input should be ...".
    """

    expression: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Check the text after its other constraints."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the text with the expression."""
        return {**handler(schema), "pattern": self.expression}

    def _check(self, text: str) -> str:
        if re.fullmatch(self.expression, text) is None:
            raise PydanticCustomError("pattern", "Input should be {words}", {"words": self.words})
        return text


SHA256 = Pattern(r"^[0-9a-f]{64}$", "64 hexadecimal digits")


def quoted(text: str, limit: int = 40) -> str:
    """Quote `text` from a client: escape what is not printable, and cut it off after `limit` characters."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}..."


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` is probably a misspelling of, None if none is close."""
    from difflib import get_close_matches  # noqa: PLC0415 (rarely needed)

    names = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), names, n=1, cutoff=_CLOSE) if len(name) <= _LONGEST_NAME else []
    return names[close[0]] if close else None


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
