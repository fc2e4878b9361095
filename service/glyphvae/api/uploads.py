"""Images in a request's body: one as the raw body, several as multipart files or as a `.npy` array."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from glyphvae.api.parameters import value_of
from glyphvae.errors import InvalidParameter, MalformedBody, Problem, UnsupportedMedia
from glyphvae.formats import npy, png
from glyphvae.formats.npy import ArrayNotAllowedError, MalformedArrayError
from glyphvae.imaging import decode
from glyphvae.imaging.decode import ImageTooLargeError, MalformedImageError
from glyphvae.imaging.preprocess import Mode, preprocess
from glyphvae.imaging.preprocess_batch import GLYPH, preprocess_many
from glyphvae.models.registry import Pixels
from glyphvae.scheduling.offload import offload
from glyphvae.settings import Settings
from glyphvae.wording import quoted

Kind = Literal["image", "array"]

# Up to this many bytes, and pixels in them, a body is decoded sooner than a thread wakes.
INLINE_BYTES = 1 << 14
INLINE_PIXELS = 1 << 16
# Up to this many pixels a picture is read in less than a tenth of a millisecond more than a glyph.
SMALL_PIXELS = 1 << 12
# Pictures of a glyph's size that are converted together; more are no faster.
TOGETHER = 128
# Only files are read, so a form has text fields by mistake; a few are waited for, to name the first.
MAX_FIELDS = 16

_PNG, _NPY = b"\x89PNG", b"\x93NUMPY"


@dataclass(frozen=True)
class Upload:
    """A piece of the body whose head is within the limits.

    Attributes:
        name: What an error calls it by.
        images: How many it holds.
        pixels: How many there are to decode.
        read: Decodes it, to grey levels (n, height, width).
    """

    name: str
    images: int
    pixels: int
    read: Callable[[], Sequence[Pixels]]


async def read_glyphs(request: Request, settings: Settings, mode: Mode) -> Pixels:
    """The characters in the body as models read them.

    Args:
        request: Its body is an image, a `.npy` array of images, or multipart files of either.
        settings: The limits.
        mode: How each image is converted.

    Returns:
        (n, 28, 28) uint8, at least one.

    Raises:
        MalformedBody: Broken, truncated or empty.
        UnsupportedMedia: In no format that is read.
        InvalidParameter: Over a limit, or an image shows no character.
    """
    parts = await _parts(request, settings.max_images)
    size = sum(len(content) for _, content in parts)
    uploads = await offload(size, INLINE_BYTES, _open, parts, settings)
    # A file of a few kilobytes can unfold to megapixels.
    work = sum(upload.pixels for upload in uploads)
    return await offload(work, INLINE_PIXELS, _convert, uploads, mode)


def is_bounded(content: bytes) -> bool:
    """Whether a file is of a format that cannot say the same pixels over and over, which takes long to read."""
    return content.startswith((_PNG, _NPY))


def read_small(content: bytes, settings: Settings) -> Pixels | None:
    """The picture in a small file, at once.

    Args:
        content: The body, for which `is_bounded` holds.
        settings: The limits.

    Returns:
        (height, width) grey levels; None where it holds several images, or one that takes longer to decode than others
        can wait.

    Raises:
        Problem: As `read_glyphs`.
    """
    plain = png.decode(content, min(settings.max_image_pixels, settings.max_total_pixels, SMALL_PIXELS))
    if plain is not None:
        return plain
    (upload,) = _open([("body", content)], settings)
    if upload.images > 1 or upload.pixels > SMALL_PIXELS:
        return None
    ((_, grey),) = _read_all([upload])
    return grey


def glyph_of(name: str, grey: Pixels, mode: Mode) -> Pixels:
    """The character in a picture, (28, 28) as models read it.

    Args:
        name: What an error calls the picture by.
        grey: (height, width) grey levels.
        mode: How it is converted.

    Raises:
        InvalidParameter: It shows no character.
    """
    return value_of(name, preprocess, grey, mode)


async def _parts(request: Request, max_images: int) -> list[tuple[str, bytes]]:
    """Each piece of the body, with the name that an error calls it by."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return [("body", await request.body())]
    try:
        async with request.form(max_files=max_images, max_fields=MAX_FIELDS) as form:
            items = form.multi_items()
            if not items:
                raise MalformedBody("The multipart body has no file.")
            return [(f"body.file[{index}]", await _read(name, item)) for index, (name, item) in enumerate(items)]
    except HTTPException as error:
        # Starlette raises one class for all that is wrong with a form; only this fault is not one of its syntax.
        if error.detail.startswith("Too many files"):
            detail = f"it holds more than {max_images} files"
            raise InvalidParameter.of("body", detail, f"at most {max_images}") from None
        raise


async def _read(name: str, item: UploadFile | str) -> bytes:
    if isinstance(item, str):
        detail = f"{quoted(name)} is a text field; only files are read, and parameters belong in the query"
        raise InvalidParameter.of("body", detail)
    return await item.read()


def _open(parts: Sequence[tuple[str, bytes]], settings: Settings) -> list[Upload]:
    """The pieces, ready to be decoded.

    Raises:
        InvalidParameter: One is over a limit, or all together are.
    """
    uploads: list[Upload] = []
    count = pixels = 0
    for name, content in parts:
        with _named(name):
            upload = _upload(name, content, settings)
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
        return Upload(name, array.shape[0], array.pixels, lambda: list(array.grey()))
    picture = decode.open_image(content, max_pixels=settings.max_image_pixels)
    return Upload(name, 1, picture.pixels, lambda: [picture.grey()])


def _convert(uploads: Sequence[Upload], mode: Mode) -> Pixels:
    glyphs: list[Pixels] = []
    waiting: list[tuple[str, Pixels]] = []
    try:
        for name, grey in _read_all(uploads):
            waiting.append((name, grey))
            # What is large is made small at once.
            if grey.shape != GLYPH or len(waiting) == TOGETHER:
                glyphs += _glyphs(waiting, mode)
                waiting.clear()
    except Problem:
        _glyphs(waiting, mode)  # what is wrong with an earlier picture is told first
        raise
    return np.stack(glyphs + _glyphs(waiting, mode))


def _glyphs(pictures: Sequence[tuple[str, Pixels]], mode: Mode) -> list[Pixels]:
    """Pictures, each with its name, as models read them."""
    greys = [grey for _, grey in pictures]
    together = preprocess_many(greys) if mode == "auto" else [None] * len(greys)
    return [
        glyph_of(name, grey, mode) if glyph is None else glyph
        for (name, grey), glyph in zip(pictures, together, strict=True)
    ]


def _read_all(uploads: Sequence[Upload]) -> Iterator[tuple[str, Pixels]]:
    """Each picture, with what an error calls it by."""
    for upload in uploads:
        with _named(upload.name):
            pictures = upload.read()
        for index, grey in enumerate(pictures):
            yield f"{upload.name}[{index}]" if len(pictures) > 1 else upload.name, grey


@contextmanager
def _named(name: str) -> Iterator[None]:
    """What is wrong with a piece, as the answer that names it."""
    try:
        yield
    except (MalformedImageError, MalformedArrayError) as error:
        raise MalformedBody(f"{name}: {error}") from None
    except (ImageTooLargeError, ArrayNotAllowedError) as error:
        raise InvalidParameter.of(name, str(error)) from None


def _kind(name: str, content: bytes) -> Kind:
    """What `content` is, by its first bytes: clients often send a wrong Content-Type, or none."""
    if not content:
        raise MalformedBody(f"{name} is empty; send a PNG, JPEG or WebP image, or a .npy array.")
    if content.startswith(_NPY):
        return "array"
    if content.startswith((_PNG, b"\xff\xd8\xff")) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        return "image"
    raise UnsupportedMedia(f"{name} is none of PNG, JPEG, WebP and .npy.")


def documented_upload(*, required: bool = True) -> dict[str, Any]:
    """The OpenAPI request body of an endpoint that reads images."""
    binary = {"type": "string", "format": "binary"}
    # The last stands for any of them, because the first bytes tell, and many generated clients know no other.
    kinds = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
    content: dict[str, Any] = {media: {"schema": binary} for media in kinds}
    content["application/x-npy"] = {
        "schema": binary
        | {"description": "uint8 0-255, or bool or float in [0, 1]; (28, 28), (n, 28, 28), (n, 784) or (n, h, w)."}
    }
    content["multipart/form-data"] = {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "array", "items": binary}},
            "required": ["file"],
        }
    }
    return {"requestBody": {"required": required, "content": content}}
