"""What strangers send, as functions of bytes that must hold for any bytes.

`make fuzz` runs them under a coverage-guided fuzzer; `test_corpus.py` runs them over the inputs it has found.
"""

import contextlib
import io
import re
from collections.abc import Callable
from functools import cache
from math import prod
from urllib.parse import parse_qsl

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ValidationError

from glyphvae.api.error_handlers import error_response
from glyphvae.api.head import RequestHeaders
from glyphvae.api.negotiate import choose
from glyphvae.api.responses import Result
from glyphvae.errors import NotAcceptable, Problem
from glyphvae.formats.colours import parse_ink, parse_paper
from glyphvae.formats.npy import ArrayNotAllowedError, MalformedArrayError, npy_bytes, open_images
from glyphvae.formats.registry import JSON, NPY, PNG
from glyphvae.imaging.decode import MAX_SCANS, ImageTooLargeError, MalformedImageError, decode_levels, open_image
from glyphvae.imaging.preprocess import UnsuitableImageError, preprocess
from glyphvae.kserve.inference import Infer
from glyphvae.kserve.protocol import HEADER_LENGTH
from glyphvae.kserve.tensors import TYPES
from glyphvae.models.labels import parse_label
from glyphvae.models.latents import parse_latents
from glyphvae.operations.generate import GenerateQuery
from glyphvae.operations.render_text import RenderText
from glyphvae.scheduling.steps import run_now
from glyphvae.text.layout import LayoutError, Setting, layout
from glyphvae.text.symbols import UnknownCharacterError, fold
from glyphvae.web.body_limits import BodyLimits, check_nesting
from glyphvae.web.request_context import RequestContext, Route
from tests.fuzz.known import context
from tests.fuzz.uploads import SEPARATOR, uploads

LABELS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
MAX_PIXELS = 100_000
MAX_IMAGES = 8
# Bytes: of the words of a refusal, and of the tensors of the few rows that are allowed.
MAX_REFUSAL, MAX_TENSORS = 1500, 1 << 18


def image(data: bytes) -> None:
    """An image file is a picture within the limits, or is refused in one of two ways."""
    with contextlib.suppress(MalformedImageError, ImageTooLargeError):
        picture = open_image(data, max_pixels=MAX_PIXELS)
        assert 0 < picture.pixels <= MAX_PIXELS
        levels = picture.decode().levels
        assert 0 < levels.size <= 3 * picture.pixels
        _glyph(levels)


def jpeg(data: bytes) -> None:
    """A JPEG file is a picture whose scans were all counted, or is refused in one of two ways."""
    with contextlib.suppress(MalformedImageError, ImageTooLargeError):
        picture = open_image(data, max_pixels=MAX_PIXELS)
        scans = _scans(data)
        assert scans <= MAX_SCANS
        assert picture.cost.work >= picture.pixels * (3 + scans) // 16
        _glyph(picture.decode().levels)


def _scans(data: bytes) -> int:
    """Count the scans of a JPEG file up to where it departs from the standard (ITU-T T.81, B.1.1)."""
    scans, place = 0, 2
    while segment := _SEGMENT.match(data, place):
        size = int.from_bytes(segment["size"], "big")
        if segment["marker"] != b"\xda":
            place = segment.start("size") + size
            continue
        scans += 1
        coded = _CODED.match(data, segment.start("size") + size)
        place = coded.end() if coded else len(data)
    return scans


# Optional padding, a marker with a length, and the data of a scan with its restarts.
_SEGMENT = re.compile(rb"\xff+(?P<marker>[\xc0-\xcf\xda-\xfe])(?P<size>..)", re.DOTALL)
_CODED = re.compile(rb"(?:[^\xff]|\xff[\x00\xd0-\xd7])*+", re.DOTALL)


def array(data: bytes) -> None:
    """A `.npy` file is what NumPy reads from it, or is refused in one of two ways."""
    with contextlib.suppress(MalformedArrayError, ArrayNotAllowedError):
        opened = open_images(data, max_images=MAX_IMAGES, max_pixels=MAX_PIXELS)
        assert opened.shape[0] <= MAX_IMAGES
        assert opened.pixels <= MAX_IMAGES * MAX_PIXELS
        numpys = np.load(io.BytesIO(data), allow_pickle=False)
        assert np.array_equal(numpys, opened.values, equal_nan=numpys.dtype.kind == "f")
        levels = opened.levels()
        assert levels.shape[:3] == opened.shape
        written = npy_bytes(levels.reshape(*opened.shape, opened.channels))
        again = open_images(written, max_images=MAX_IMAGES, max_pixels=MAX_PIXELS)
        assert np.array_equal(again.levels(), levels)
        _glyph(decode_levels(levels[0]).levels)


def _glyph(grey: NDArray[np.uint8]) -> None:
    assert grey.dtype == np.uint8
    with contextlib.suppress(UnsuitableImageError):
        glyph = preprocess(grey)
        assert glyph.shape == (28, 28)
        assert glyph.any()


def text(data: bytes) -> None:
    """Text, parameters, a query and JSON are understood, or refused with a message that can be sent."""
    kind, _, rest = data.partition(SEPARATOR)
    words = _words(kind, rest)
    for parse in _PARSERS:
        try:
            parse(words)
        except (ValueError, Problem) as error:
            message = str(error).encode()  # has no lone surrogate
            assert len(message) < MAX_REFUSAL, message
    _json(rest)


def _words(kind: bytes, data: bytes) -> str:
    # JSON can carry lone surrogates, which UTF-8 cannot.
    if kind == b"s":
        return data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass")
    return data.decode("utf-8", "replace")


def _write(words: str) -> None:
    for unknown, case in (("error", "upper"), ("skip", "keep"), ("blank", "upper")):
        with contextlib.suppress(UnknownCharacterError):
            fold(words, (*LABELS, "e", "sch", "\u0301"), unknown, case, compose=True)  # type: ignore[arg-type]
            script = fold(words, LABELS, unknown, case)  # type: ignore[arg-type]
            glyphs = np.zeros((len(script.labels), 28, 28), np.uint8)
            glyphs[:, 4:24, 8:20] = 255
            for setting in (Setting(), Setting(width=40 + len(words) % 100, align="justify", letter_gap=-10)):
                with contextlib.suppress(LayoutError):
                    placed = layout(script, glyphs, LABELS, setting)
                    assert len(placed.x) == len(placed.y) == len(placed.line) == len(script.labels)
                    assert (np.diff(placed.line) >= 0).all()
                    assert (placed.x + 8 >= 0).all()
                    assert (placed.x + 20 <= placed.width).all()


def _latents(words: str) -> None:
    values = parse_latents(words, 6)
    assert len(values) == 6
    assert all(value is None or -10 <= value <= 10 for value in values)


def _label(words: str) -> None:
    assert 0 <= parse_label(words, LABELS) < len(LABELS)


def _accept(words: str) -> None:
    with contextlib.suppress(NotAcceptable):
        assert choose(words, (PNG, JSON, NPY)) in {PNG, JSON, NPY}


def _query(words: str) -> None:
    pairs = parse_qsl(words, keep_blank_values=True)
    with contextlib.suppress(ValidationError):
        GenerateQuery.model_validate(dict(pairs) | {"label": [value for name, value in pairs if name == "label"]})


def _json(body: bytes) -> None:
    try:
        content = orjson.loads(body)
        with contextlib.suppress(ValidationError):
            RenderText.model_validate(content)
    except orjson.JSONDecodeError:
        return
    check_nesting(body, 1024)


def tensors(data: bytes) -> None:
    """The body of an inference is run, or refused with a message that can be sent."""
    name, _, rest = data.partition(SEPARATOR)
    length, _, body = rest.partition(SEPARATOR)
    pairs = [(HEADER_LENGTH.lower().encode(), length)] if length else []
    path = "/v2/models/name/infer"
    head = RequestContext("POST", path, b"", RequestHeaders(pairs), Route(path), b"1")
    head.parameters = {"name": name.decode("latin-1")}
    infer, limits = _infer()
    try:
        result = run_now(infer.run(infer.plan(head), limits.check(head, body)))
    except Problem as problem:
        response = error_response(head.path, problem)
        assert 400 <= response.status_code < 500
        assert len(response.body) < MAX_REFUSAL, response.body
    else:
        _check_tensors(result)


@cache
def _infer() -> tuple[Infer, BodyLimits]:
    running = context()
    return Infer(running), BodyLimits(running.settings, running.threads, running.telemetry)


def _check_tensors(result: Result) -> None:
    assert len(result.content) < MAX_TENSORS
    size = int(dict(result.headers.pairs).get(HEADER_LENGTH.lower().encode(), len(result.content)))
    for output in orjson.loads(result.content[:size])["outputs"]:
        values = prod(output["shape"])
        assert values > 0
        if "data" in output:
            assert len(output["data"]) == values
        else:
            assert output["parameters"]["binary_data_size"] == values * TYPES[output["datatype"]].itemsize
            size += output["parameters"]["binary_data_size"]
    assert size == len(result.content)


_PARSERS: tuple[Callable[[str], object], ...] = (_write, _latents, _label, parse_ink, parse_paper, _accept, _query)
TARGETS: dict[str, Callable[[bytes], None]] = {
    "image": image,
    "array": array,
    "text": text,
    "tensors": tensors,
    "jpeg": jpeg,
    "uploads": uploads,
}
