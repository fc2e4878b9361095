"""Files that are often sent in place of a picture, recognised so that an error can say what to do."""

import re

_AS_PICTURE = "save it as PNG or JPEG"
# What a file begins with, what it is, and what to do with it.
_FILES: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"(?s).{4}ftyp(?:avif|avis|mif1.{4,64}avif)"), "an AVIF picture", _AS_PICTURE),
    (
        re.compile(rb"(?s).{4}ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)"),
        "a HEIC picture",
        "save it as JPEG, as iPhones do with Settings > Camera > Formats > Most Compatible",
    ),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "a TIFF picture", _AS_PICTURE),
    (re.compile(rb"GIF8[79]a"), "a GIF picture", "save one of its frames as PNG"),
    (re.compile(rb"(?s)BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"), "a BMP picture", _AS_PICTURE),
    (re.compile(rb"%PDF-"), "a PDF document", "save a picture of its page as PNG"),
    (
        re.compile(rb"(?s)(?:\xef\xbb\xbf)?\s*<(?:svg|(?:\?xml|!--|!DOCTYPE svg).{0,1024}?<svg)[\s>]"),
        "an SVG drawing",
        "export it as PNG",
    ),
    (re.compile(rb"PK\x03\x04"), "a ZIP or .npz archive", "send what is in it, arrays as .npy"),
)


def describe_other(content: bytes) -> tuple[str, str] | None:
    """Return what a file is that is none of ours, and what to do with it; None if it is nothing well known."""
    return next(((kind, advice) for beginning, kind, advice in _FILES if beginning.match(content)), None)
