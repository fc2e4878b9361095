import pytest

from glyphvae.imaging.other_files import describe_other
from tests.service.support import grey, image_file


def ftyp(*brands: bytes) -> bytes:
    """Return the beginning of a file of MPEG's boxes, which names its brands."""
    content = brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(content) + 8).to_bytes(4, "big") + b"ftyp" + content + bytes(100)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ftyp(b"heic", b"mif1", b"heic"), "a HEIC picture"),
        (ftyp(b"mif1", b"mif1", b"heic"), "a HEIC picture"),
        (ftyp(b"mif1", b"mif1", b"avif"), "an AVIF picture"),
        (ftyp(b"avif"), "an AVIF picture"),
        *(
            (image_file(grey(119)[0], name), f"{article} {name} picture")
            for article, name in (("a", "TIFF"), ("a", "GIF"))
        ),
        (image_file(grey(119)[0], "AVIF"), "an AVIF picture"),
        (image_file(grey(119)[0], "BMP"), "a BMP picture"),
        (b"MM\0*\0\0\0\x08", "a TIFF picture"),
        (image_file(grey(119)[0], "PDF"), "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<!DOCTYPE svg>\n<svg>", "an SVG drawing"),
        (b"<!-- drawn by hand -->\n<svg\n>", "an SVG drawing"),
        (b"PK\x03\x04\x14", "a ZIP or .npz archive"),
    ],
)
def test_a_file_of_another_kind_is_recognised(content: bytes, kind: str) -> None:
    described = describe_other(content)
    assert described is not None
    assert described[0] == kind
    assert described[1].startswith(("save ", "export ", "send "))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        b"BM and more than a header of a picture",
        b"<!DOCTYPE html><svg>",
        b"<?xml version='1.0'?><svgs>",
        ftyp(b"isom", b"mp41"),
        image_file(grey(119)[0]),
    ],
)
def test_nothing_is_said_of_what_is_not_recognised(content: bytes) -> None:
    assert describe_other(content) is None
