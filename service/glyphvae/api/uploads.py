"""Images in a request's body: one as the raw body, several as multipart files, as a `.npy` array or in JSON."""

import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from glyphvae.api.parameters import value_of
from glyphvae.api.responses import Body
from glyphvae.api.text_bodies import decode_texts, is_text
from glyphvae.errors import InvalidParameter, MalformedBody, Problem, UnsupportedMedia
from glyphvae.formats import npy, png
from glyphvae.formats.npy import ArrayNotAllowedError, MalformedArrayError
from glyphvae.imaging import decode
from glyphvae.imaging.decode import MAX_COLOURED, Decoded, ImageTooLargeError, MalformedImageError, decode_levels
from glyphvae.imaging.other_files import describe_other
from glyphvae.imaging.preprocess import Box, Found, Mode, Several, find_glyphs
from glyphvae.imaging.preprocess_batch import GLYPH, preprocess_many
from glyphvae.models.registry import Pixels
from glyphvae.scheduling.cost import INLINE, Cost, converting, finding, one_by_one, parsing
from glyphvae.scheduling.deadline import checkpoint
from glyphvae.scheduling.immediate import result_now
from glyphvae.scheduling.steps import Call, Execute, Offload, Program
from glyphvae.settings import Settings
from glyphvae.wording import quoted

if TYPE_CHECKING:
    from glyphvae.imaging.written_page import WrittenPage

Kind = Literal["image", "array"]

# Up to this many pixels a picture is read in less than a tenth of a millisecond more than a glyph.
SMALL_PIXELS = 1 << 12
# Pictures of a glyph's size that are converted together; more are no faster.
TOGETHER = 128
# Only files are read, so a form has text fields by mistake; a few are waited for, to name the first.
MAX_FIELDS = 16

_PNG, _NPY = b"\x89PNG", b"\x93NUMPY"
# What `curl -d @image.png` makes of a PNG file.
_WITHOUT_LINE_ENDS = b"\x89PNG\x1a"
_FORM = "multipart/form-data"


@dataclass(frozen=True)
class Upload:
    """A piece of the body whose head is within the limits.

    Attributes:
        name: The name that an error calls it by.
        images: Number of images.
        pixels: Number of pixels to decode.
        cost: The cost of decoding them.
        read: Decodes it, to grey levels or colours of each image; its argument is the most pixels of colours on a side.
    """

    name: str
    images: int
    pixels: int
    cost: Cost
    read: Callable[[int], Sequence[Decoded]]


@dataclass(frozen=True)
class Glyphs:
    """The characters in a body.

    Attributes:
        pixels: (n, 28, 28) uint8 as models read them, at least one.
        others: How many pieces of ink were left out of the picture of each.
        boxes: Where in its image, in its pixels, each is; None where nobody asks.
        images: The number of its image, None where each image has one.
    """

    pixels: Pixels
    others: Sequence[int]
    boxes: Sequence[Box] | None = None
    images: Sequence[int] | None = None


def read_glyphs(body: Body, settings: Settings, mode: Mode) -> Program[Glyphs]:
    """Read the characters in a body.

    Args:
        body: An image, a `.npy` array of images, multipart files of either, or texts of either in base64.
        settings: The limits.
        mode: How each image is converted.

    Raises:
        MalformedBody: Broken, truncated or empty.
        UnsupportedMedia: In no format that is read.
        InvalidParameter: Over a limit, or an image shows no character or several.
    """
    parts = yield from _parts(body, settings)
    if len(parts) == 1 and len(body.content) <= INLINE:
        ((name, content),) = parts
        small = _read_small(name, content, settings)
        if small is not None:
            if mode == "auto" and small.shape == GLYPH:
                glyph, grey = yield Call(PREPROCESS, (small,))
            else:
                glyph, grey = None, _levels([small])[0]
            found = _glyph_of(name, Decoded(grey), mode) if glyph is None else (glyph, 0)
            return Glyphs(found[0][None], found[1:])
    uploads: Sequence[Upload] = yield Offload(parsing(len(body.content)), _open, (parts, settings))
    # A file of a few kilobytes can unfold to megapixels.
    glyphs: Glyphs = yield Offload(one_by_one(upload.cost for upload in uploads), _convert, (uploads, mode))
    return glyphs


def _parts(body: Body, settings: Settings) -> Program[Sequence[tuple[str, bytes]]]:
    """Return the files of a body, each with the name that an error calls it by."""
    size = len(body.content)
    parts: Sequence[tuple[str, bytes]] = [("body", body.content)]
    if body.content_type.lower().startswith(_FORM):
        parts = yield Offload(parsing(size, copies=2), _files, (body, settings.max_images))
    elif is_text(body):
        parts = yield Offload(parsing(size, copies=3), decode_texts, (body,))
    return parts


def read_placed_glyphs(body: Body, settings: Settings, mode: Mode, several: Several | None) -> Program[Glyphs]:
    """Read the characters in a body, as `read_glyphs` does, and where each is; `several` as for `find_glyphs`."""
    parts = yield from _parts(body, settings)
    uploads: Sequence[Upload] = yield Offload(parsing(len(body.content)), _open, (parts, settings))
    work = one_by_one(upload.cost for upload in uploads)
    glyphs: Glyphs = yield Offload(work, _place_all, (uploads, mode, several, settings.max_images))
    return glyphs


def _place_all(uploads: Sequence[Upload], mode: Mode, several: Several | None, most: int) -> Glyphs:
    found: list[Found] = []
    images: list[int] = []
    for number, (name, picture) in enumerate(_read_all(uploads)):
        each = value_of(name, find_glyphs, picture.levels, mode, several, picture.reduction)
        found += each
        images += [number] * len(each)
        if len(found) > most:
            raise InvalidParameter.of("body", f"it shows more than {most} characters", f"at most {most}")
    glyphs, boxes, others = zip(*found, strict=True)
    return Glyphs(np.stack(glyphs), others, boxes, images if several == "all" else None)


def read_pages(body: Body, settings: Settings, most: int) -> Program[Sequence["WrittenPage"]]:
    """Read the lines of characters of each picture in a body.

    Args:
        body: As for `read_glyphs`.
        settings: The limits.
        most: Characters that the pictures may show, all together.

    Raises:
        Problem: As `read_glyphs`, and where there are more characters.
    """
    parts = yield from _parts(body, settings)
    uploads: Sequence[Upload] = yield Offload(parsing(len(body.content)), _open, (parts, settings))
    work = one_by_one(finding(upload.cost, upload.pixels) for upload in uploads)
    sheets: Sequence[WrittenPage] = yield Offload(work, _find_pages, (uploads, most))
    return sheets


def _find_pages(uploads: Sequence[Upload], most: int) -> list["WrittenPage"]:
    from glyphvae.imaging.written_page import PAGE_SIDE, find_page  # noqa: PLC0415 (loads a library that others spare)

    sheets: list[WrittenPage] = []
    for name, picture in _read_all(uploads, PAGE_SIDE):
        left = most - sum(sheet.count for sheet in sheets)
        sheets.append(value_of(name, find_page, picture.levels, picture.reduction, left))
    return sheets


class _Preprocess:
    """The conversion of pictures of a glyph's size, those of concurrent requests together."""

    model = ""

    def run(self, calls: Sequence[tuple[Pixels | png.Rows]], _: Execute) -> Sequence[tuple[Pixels | None, Pixels]]:
        """Return the glyph (28, 28) of each picture, None where it has to be converted alone, and its grey levels."""
        greys = _levels([picture for (picture,) in calls])
        return list(zip(preprocess_many(greys), greys, strict=True))


PREPROCESS = _Preprocess()


def _levels(pictures: Sequence[Pixels | png.Rows]) -> list[Pixels]:
    """Return the grey levels (height, width) of pictures of one size."""
    rows = [picture for picture in pictures if isinstance(picture, png.Rows)]
    unfiltered = iter(png.unfilter(rows)) if rows else iter(())
    return [next(unfiltered) if isinstance(picture, png.Rows) else picture for picture in pictures]


def _read_small(name: str, content: bytes, settings: Settings) -> Pixels | png.Rows | None:
    """Read the picture in a small file.

    Returns:
        (height, width) grey levels, or the rows of a PNG file that hold them; None where the file is of a format that
        can say the same pixels over and over, holds several images, or one that takes longer to decode than others can
        wait.

    Raises:
        Problem: As `read_glyphs`.
    """
    if not content.startswith((_PNG, _NPY)):
        return None
    plain = png.read(content, min(settings.max_image_pixels, settings.max_total_pixels, SMALL_PIXELS))
    if plain is not None:
        return plain
    (upload,) = _open([(name, content)], settings)
    if upload.images > 1 or upload.pixels > SMALL_PIXELS:
        return None
    ((_, picture),) = _read_all([upload])
    return picture.levels


def _glyph_of(name: str, picture: Decoded, mode: Mode) -> tuple[Pixels, int]:
    """Convert a picture, called `name` in errors, to a glyph (28, 28), and count the pieces of ink left out."""
    ((glyph, _, others),) = value_of(name, find_glyphs, picture.levels, mode, None, picture.reduction)
    return glyph, others


def _files(body: Body, max_images: int) -> list[tuple[str, bytes]]:
    """Return the files of a form, each with the name that an error calls it by.

    Raises:
        MalformedBody: It is no form, or has no file.
        InvalidParameter: It has too many files, or text fields.
    """
    headers = Headers({"content-type": body.content_type})
    parser = _Parser(headers, _stream(body.content), max_files=max_images, max_fields=MAX_FIELDS)
    try:
        form = result_now(parser.parse())
    except MultiPartException as error:
        # Starlette raises one class for all that is wrong with a form; only this fault is not one of its syntax.
        if error.message.startswith("Too many files"):
            detail = f"it holds more than {max_images} files"
            raise InvalidParameter.of("body", detail, f"at most {max_images}") from None
        raise MalformedBody(f"{error.message.rstrip('.')}.") from None
    try:
        items = form.multi_items()
        if not items:
            raise MalformedBody("The multipart body has no file, or is cut off.")
        return [(f"body.file[{index}]", _content_of(name, item)) for index, (name, item) in enumerate(items)]
    finally:
        result_now(form.close())


class _Parser(MultiPartParser):
    """Starlette's parser, with files in memory: the body's limit bounds them, and nothing is written to a disk."""

    spool_max_size = sys.maxsize


async def _stream(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


def _content_of(name: str, item: UploadFile | str) -> bytes:
    if isinstance(item, str):
        detail = f"{quoted(name)} is a text field; only files are read, and parameters belong in the query"
        raise InvalidParameter.of("body", detail)
    return item.file.read()


def _open(parts: Sequence[tuple[str, bytes]], settings: Settings) -> list[Upload]:
    """Open the pieces of a body: read their heads, and decode nothing yet.

    Raises:
        InvalidParameter: One is over a limit, or all together are.
    """
    uploads: list[Upload] = []
    count = pixels = 0
    for name, content in parts:
        checkpoint()
        with _named(name):
            upload = _upload(name, content, settings)
        if upload.cost.held > settings.max_held_bytes:
            detail = f"decoding it would take {upload.cost.held} bytes of memory"
            raise InvalidParameter.of(name, detail, f"at most {settings.max_held_bytes}; fewer pixels, or JPEG")
        count, pixels = count + upload.images, pixels + upload.pixels
        if count > settings.max_images:
            detail = f"it holds more than {settings.max_images} images"
            raise InvalidParameter.of("body", detail, f"at most {settings.max_images}")
        if pixels > settings.max_total_pixels:
            detail = f"its images have more than {settings.max_total_pixels} pixels together"
            raise InvalidParameter.of("body", detail, f"at most {settings.max_total_pixels}")
        uploads.append(upload)
    return uploads


def _upload(name: str, content: bytes, settings: Settings) -> Upload:
    if _kind(name, content) == "array":
        array = npy.open_images(content, max_images=settings.max_images, max_pixels=settings.max_image_pixels)
        floats = array.values.dtype.kind == "f"
        work = converting(len(content), array.pixels, channels=array.channels, floats=floats)
        return Upload(
            name, array.shape[0], array.pixels, work, lambda side: [decode_levels(one, side) for one in array.levels()]
        )
    picture = decode.open_image(content, max_pixels=settings.max_image_pixels)
    return Upload(name, 1, picture.pixels, picture.cost, lambda side: [picture.decode(side)])


def _convert(uploads: Sequence[Upload], mode: Mode) -> Glyphs:
    glyphs: list[tuple[Pixels, int]] = []
    waiting: list[tuple[str, Decoded]] = []
    try:
        for name, picture in _read_all(uploads):
            waiting.append((name, picture))
            # What is large is made small at once.
            if picture.levels.shape != GLYPH or len(waiting) == TOGETHER:
                glyphs += _glyphs(waiting, mode)
                waiting.clear()
    except Problem:
        _glyphs(waiting, mode)  # what is wrong with an earlier picture is told first
        raise
    pixels, others = zip(*glyphs, *_glyphs(waiting, mode), strict=True)
    return Glyphs(np.stack(pixels), others)


def _glyphs(pictures: Sequence[tuple[str, Decoded]], mode: Mode) -> list[tuple[Pixels, int]]:
    """Convert pictures, each with its name, to glyphs, and count the pieces of ink left out of each."""
    greys = [picture.levels for _, picture in pictures]
    together = preprocess_many(greys) if mode == "auto" else [None] * len(greys)
    return [
        _glyph_of(name, picture, mode) if glyph is None else (glyph, 0)
        for (name, picture), glyph in zip(pictures, together, strict=True)
    ]


def _read_all(uploads: Sequence[Upload], side: int = MAX_COLOURED) -> Iterator[tuple[str, Decoded]]:
    """Decode each picture, with the name that an error calls it by; `side` as for `Picture.decode`."""
    for upload in uploads:
        with _named(upload.name):
            pictures = upload.read(side)
        for index, picture in enumerate(pictures):
            checkpoint()
            yield f"{upload.name}[{index}]" if len(pictures) > 1 else upload.name, picture


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Raise what is wrong with a piece as the problem that names it."""
    try:
        yield
    except (MalformedImageError, MalformedArrayError) as error:
        raise MalformedBody(f"{name}: {error}") from None
    except (ImageTooLargeError, ArrayNotAllowedError) as error:
        raise InvalidParameter.of(name, str(error)) from None


def _kind(name: str, content: bytes) -> Kind:
    """Return the kind of `content` by its first bytes: clients often send a wrong Content-Type, or none."""
    if not content:
        raise MalformedBody(f"{name} is empty; send a PNG, JPEG or WebP image, or a .npy array.")
    if content.startswith(_NPY):
        return "array"
    if content.startswith(_WITHOUT_LINE_ENDS):
        raise MalformedBody(
            f"{name} is a PNG image whose line ends were removed; curl sends it by --data-binary, not -d."
        )
    if content.startswith((_PNG, b"\xff\xd8\xff")) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        return "image"
    other = describe_other(content)
    if other is not None:
        kind, advice = other
        raise UnsupportedMedia(f"{name} is {kind}, and none of PNG, JPEG, WebP and .npy; {advice}.")
    raise UnsupportedMedia(f"{name} is none of PNG, JPEG, WebP and .npy.")


# Not one of the kinds: hey-api and orval would make clients that send this and no files.
_AS_TEXT = (
    "A picture, an array or a form of these; their first bytes tell which. JSON is taken too, "
    '`{"image": "data:image/png;base64,..."}` or `{"images": [...]}` for several, and so is a `data:` URL alone.'
)


def documented_upload(*, required: bool = True) -> dict[str, Any]:
    """Return the OpenAPI request body of an endpoint that reads images."""
    binary = {"type": "string", "format": "binary"}
    # The last stands for any of them, because the first bytes tell, and many generated clients know no other.
    kinds = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
    # Generators that know one kind only take the first.
    form = {"type": "object", "properties": {"file": {"type": "array", "items": binary}}, "required": ["file"]}
    content: dict[str, Any] = {_FORM: {"schema": form}} | {media: {"schema": binary} for media in kinds}
    content["application/x-npy"] = {
        "schema": binary
        | {
            "description": "Integers 0-255, or bool or float in [0, 1]: (h, w) is one image, (n, h, w) or (n, 784) are "
            "n; channels, 1, 3 or 4, come last, as (h, w, 3) or (n, h, w, 3)."
        }
    }
    return {"requestBody": {"description": _AS_TEXT, "required": required, "content": content}}
