"""Checks of an ONNX file's content, made before ONNX Runtime parses it.

ONNX lets tensors refer to other files, and operators come from custom libraries. The models need neither, and both
would let a model file make ONNX Runtime read files or run code. The field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, in Protocol Buffers' wire format
(https://protobuf.dev/programming-guides/encoding/).
"""

from collections.abc import Iterator

from glyphvae.errors import StartError

# The operators of the ONNX standard, under their two names.
DOMAINS = frozenset({b"", b"ai.onnx"})

# The nested messages of each message type, by field number.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_DOMAIN = {"node": 7, "function": 10}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_MAX_DEPTH = 64

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def check_graph(model: bytes, file: str) -> None:
    """Refuse an ONNX file with external data or custom operators.

    Args:
        model: A serialised ONNX model.
        file: The file's name, for the error message.

    Raises:
        StartError: The file is not an ONNX model, keeps data in other files, or uses operators of other domains.
    """
    try:
        _check("model", memoryview(model), _MAX_DEPTH)
    except _RefusedError as error:
        raise StartError(f"{file}: {error}") from None
    except (IndexError, KeyError):
        raise StartError(f"{file}: not a complete ONNX file") from None


class _RefusedError(ValueError):
    """A finding for which the file is refused."""


def _check(kind: str, message: memoryview, depth: int) -> None:
    if not depth:
        raise _RefusedError("its graphs are nested too deeply")
    for field, value in _fields(message):
        if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0)):
            raise _RefusedError("it keeps data in other files")
        if isinstance(value, int):
            continue
        if field == _DOMAIN.get(kind) and bytes(value) not in DOMAINS:
            raise _RefusedError(f"it uses operators of {bytes(value).decode('utf-8', 'replace')!r}, not ONNX's own")
        inside = _INSIDE[kind].get(field)
        if inside:
            _check(inside, value, depth - 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field: an integer for a varint, else the bytes.

    Raises:
        IndexError: The message is truncated.
        KeyError: A field has an unknown wire type.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if kind == _LENGTH:
            size, at = _varint(message, at)
        else:
            size = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}[kind]
        if at + size > len(message):
            raise IndexError
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Decode the base-128 integer at offset `at`; return it and the offset behind it."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise IndexError
