"""Changes that keep enough of a format for most inputs to reach what lies behind its parser.

Each mutator gets an input, the most bytes of the result, and a seed.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import atheris

from tests.fuzz.uploads import SEPARATOR

Mutator = Callable[[bytes, int, int], bytes]

COPIES = (1, 2, 8, 40)
# Values where the types, limits and shapes of tensors end.
VALUES: tuple[Any, ...] = (
    *(None, True, "", "z", "label", "pixels", "FP32", "INT64", "UINT8", "a" * 50, [], [[]], {}, 0, 1, -1, 2, 6, 7, 784),
    *(0.5, 35, 36, 255, 256, 1e5, 1.1e5, 3.5e38, 1e308, 1 << 31, 1 << 53, 1 << 63, 1 << 64, [0] * 6, [[0] * 6] * 2),
)


def mutate_jpeg(data: bytes, most: int, seed: int) -> bytes:
    """Change a segment of a JPEG file, with its length, or the order of segments."""
    rng = random.Random(seed)  # noqa: S311 (the fuzzer's seed)
    parts = re.split(rb"(?=\xff[\xc0-\xcf\xd8-\xfe])", data)
    one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(5):
        case 0:
            parts = [atheris.Mutate(data, most)]
        case 1:
            parts[one] = _with_length(atheris.Mutate(parts[one], len(parts[one]) + 64))
        case 2:
            parts[one:one] = [parts[other]] * rng.choice(COPIES)
        case 3:
            parts[one], parts[other] = parts[other], parts[one]
        case _:
            del parts[one]
    return b"".join(parts)[:most]


def _with_length(part: bytes) -> bytes:
    """Correct the length of a segment; that of a scan does not count the data behind it."""
    has_length = len(part) >= 4 and part[0] == 0xFF and part[1] not in {0xD8, 0xD9, 0xDA}
    return part[:2] + (len(part) - 2).to_bytes(2, "big") + part[4:] if has_length else part


def mutate_tensors(data: bytes, most: int, seed: int) -> bytes:
    """Change a value of an inference's JSON, with the length that announces it, or anything."""
    rng = random.Random(seed)  # noqa: S311 (the fuzzer's seed)
    name, _, rest = data.partition(SEPARATOR)
    length, _, body = rest.partition(SEPARATOR)
    size = int(length) if length.isdigit() else len(body)
    try:
        content = json.loads(body[:size])
    except ValueError:
        content = None
    if content is None or rng.randrange(3) == 0:
        mutated: bytes = atheris.Mutate(data, most)
        return mutated
    text = json.dumps(_changed(content, rng), separators=(",", ":")).encode()
    announced = b"%d" % len(text) if length else b""
    return SEPARATOR.join((name, announced, text + body[size:]))[:most]


def _changed(value: Any, rng: random.Random) -> Any:  # noqa: ANN401 (JSON)
    """Return JSON with one value replaced, copied or removed."""
    if not isinstance(value, dict | list) or not value or rng.randrange(8) == 0:
        return rng.choice(VALUES)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    match rng.randrange(8):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value[key:key] = [value[key]] * rng.choice(COPIES)
        case _:
            value[key] = _changed(value[key], rng)
    return value


MUTATORS: dict[str, Mutator] = {"jpeg": mutate_jpeg, "tensors": mutate_tensors}
