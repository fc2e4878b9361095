"""Images written as text in a body: base64 in JSON, and `data:` URLs."""

import re
from binascii import a2b_base64

from pydantic import Field

from glyphvae.api.parameters import Parameters, is_json, looks_like_json, read_json
from glyphvae.api.responses import Body
from glyphvae.errors import InvalidParameter

_DATA = b"data:"
_DATA_URL = re.compile(rb"data:[^,]{0,200};base64,", re.IGNORECASE)
# Of base64 for addresses, and blanks that some encoders write.
_STANDARD, _BLANKS = bytes.maketrans(b"-_", b"+/"), b" \t\r\n"
_ALLOWED = (
    "a PNG, JPEG, WebP or .npy file in base64, such as `data:image/png;base64,...` or the same without its beginning"
)


class ImageTexts(Parameters):
    """The JSON body of an endpoint that reads images: one of both."""

    image: str | None = None
    images: list[str] | None = Field(None, min_length=1)


def is_text(body: Body) -> bool:
    """Return whether a body is JSON or a `data:` URL, not a file."""
    if _is_data_url(body.content) or looks_like_json(body.content):
        return True
    return is_json(body.content_type) and body.content.lstrip()[:1] in {b"[", b'"'}


def _is_data_url(content: bytes) -> bool:
    return content[: len(_DATA)].lower() == _DATA


def decode_texts(body: Body) -> list[tuple[str, bytes]]:
    """Return the files in such a body, each with the name that an error calls it by.

    Raises:
        MalformedBody: It is not JSON.
        UnsupportedMedia: It is JSON of another `Content-Type`.
        InvalidParameter: It has another form, or a text is not base64.
    """
    if _is_data_url(body.content):
        return [("body", _decode("body", body.content))]
    try:
        texts = read_json(ImageTexts, body.content_type, body.content)
    except InvalidParameter as problem:
        detail = f"{problem.detail}; send images in base64, and parameters in the query"
        raise InvalidParameter(detail, problem.errors) from None
    if (texts.image is None) == (texts.images is None):
        raise InvalidParameter.of("body", "it has not just one of image and images", "image, or images for several")
    named = {"body.image": texts.image} if texts.image is not None else {}
    named |= {f"body.images[{index}]": text for index, text in enumerate(texts.images or ())}
    return [(name, _decode(name, text.encode("ascii", "replace"))) for name, text in named.items()]


def _decode(name: str, text: bytes) -> bytes:
    """Return the file in a `data:` URL, or in base64."""
    beginning = _DATA_URL.match(text)
    encoded = text[beginning.end() if beginning else 0 :].translate(_STANDARD, _BLANKS).rstrip(b"=")
    try:
        return a2b_base64(encoded + b"=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError:
        raise InvalidParameter.of(name, "it is not base64", _ALLOWED) from None
