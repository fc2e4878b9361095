"""A mixture of requests, no two alike, as many callers together would send them."""

import io
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import orjson
from PIL import Image

from benchmarks.call import JSON, Call
from benchmarks.calls import NPY

LABELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Random inputs are prepared; their combinations vary further.
PREPARED = 64


def requests(seed: int, weights: Sequence[float], limit: int | None = None) -> Iterator[bytes]:
    """Requests as HTTP/1.1.

    Args:
        seed: Of what is asked.
        weights: How often each kind of `_KINDS` comes.
        limit: How many; None for no end.
    """
    rng = np.random.default_rng(seed)
    pictures = [_picture(rng) for _ in range(PREPARED)]
    share = np.array(weights) / sum(weights)
    for number in count() if limit is None else range(limit):
        kind = KINDS[rng.choice(len(KINDS), p=share)]
        yield _call(kind, number, rng, pictures).raw()


KINDS = ("generate", "generate, seed", "encode", "reconstruct", "render-text", "generate, n=100", "generate, n=10000")
# As a soak sends them: everything, the large ones seldom.
EVERYTHING = (0.5, 0.2, 0.12, 0.06, 0.1, 0.0195, 0.0005)
# As overload sends them: what costs more than a refusal.
WORK = (0.0, 0.0, 0.3, 0.2, 0.3, 0.19, 0.01)


def _call(kind: str, number: int, rng: np.random.Generator, pictures: Sequence[bytes]) -> Call:
    label = LABELS[int(rng.integers(len(LABELS)))]
    picture = pictures[int(rng.integers(len(pictures)))]
    png = {"Content-Type": "image/png"}
    if kind == "generate":
        return Call(kind, f"/generate?label={label}")
    if kind == "generate, seed":
        return Call(kind, f"/generate?label={label}&seed={number}")
    if kind == "encode":
        return Call(kind, f"/encode?label={label}" if number % 2 else "/encode", picture, png)
    if kind == "reconstruct":
        return Call(kind, f"/reconstruct?label={label}&scale={1 + number % 4}", picture, png)
    if kind == "render-text":
        text = "".join(rng.choice(list(LABELS + " "), size=rng.integers(1, 60)))
        return Call(kind, "/render-text", orjson.dumps({"text": "A" + text}), {"Content-Type": JSON})
    n = 10_000 if kind.endswith("n=10000") else 100
    return Call(kind, f"/generate?label={label}&n={n}&seed={number}", headers={"Accept": NPY} if n > 100 else {})


def _picture(rng: np.random.Generator) -> bytes:
    """A PNG of a stroke, 28 to 80 pixels wide."""
    side = int(rng.integers(28, 80))
    # One in four is a photograph, whose paper has to be told from its ink.
    pixels = rng.integers(0, 20 if rng.integers(4) == 0 else 1, (side, side), dtype=np.uint8)
    column = int(rng.integers(side // 4, side // 2))
    pixels[side // 5 : -(side // 5), column : column + side // 8] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
