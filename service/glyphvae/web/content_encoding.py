"""Request bodies in gzip and deflate, inflated within the limits on bodies."""

import zlib

from glyphvae.api.head import RequestHeaders
from glyphvae.errors import BodyTooLarge, MalformedBody, UnsupportedMedia
from glyphvae.wording import quoted

# What `zlib` calls them: gzip's own head, and zlib's.
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
# Some clients send what is in that without a head.
_RAW = -15
_ALLOWED = "gzip, deflate"


def encoding_of(headers: RequestHeaders) -> str:
    """Return the encoding of a body, empty for none.

    Raises:
        UnsupportedMedia: It is another one, or one in another.
    """
    encoding = headers.content_encoding.strip().lower()
    if encoding in {"", "identity"}:
        return ""
    if encoding not in _WINDOWS:
        detail = f"Content-Encoding is {quoted(encoding)}; allowed are {_ALLOWED}, and none."
        raise UnsupportedMedia(detail, headers={"Accept-Encoding": _ALLOWED})
    return encoding


def inflate(content: bytes, encoding: str, limit: int) -> bytes:
    """Return the body that `content` is, of at most `limit` bytes.

    Raises:
        BodyTooLarge: It has more; they are not inflated.
        MalformedBody: It is not of that encoding, or not all of it.
    """
    window = _WINDOWS[encoding]
    if encoding == "deflate" and not _has_head(content):
        window = _RAW
    inflator = zlib.decompressobj(window)
    try:
        inflated = inflator.decompress(content, limit + 1)
    except zlib.error:
        raise MalformedBody(f"The body is not valid {encoding}.") from None
    if len(inflated) > limit:
        raise BodyTooLarge(f"The body, inflated, is over the limit of {limit} bytes.")
    if not inflator.eof or inflator.unused_data:
        raise MalformedBody(f"The body is not one {encoding} from its beginning to its end.")
    return inflated


def _has_head(content: bytes) -> bool:
    """Return whether it begins with the head of zlib (RFC 1950, 2.2)."""
    return content[:1] == b"\x78" and int.from_bytes(content[:2], "big") % 31 == 0
