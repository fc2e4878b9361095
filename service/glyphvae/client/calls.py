"""Calls of the service, with one function per endpoint and format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote

from glyphvae.client import results
from glyphvae.client.bodies import body_of
from glyphvae.client.call import Call, Request, Stream
from glyphvae.client.formats import FONTS, GIF, PICTURES, TEXTS, media_type
from glyphvae.client.options import (
    Drawing,
    DrawingPicture,
    Encoding,
    FontOptions,
    Interpolation,
    InterpolationPicture,
    Labels,
    Latents,
    Mix,
    MixFile,
    Previewed,
    ReadingHand,
    ReadingLines,
    ReadingPicture,
    Text,
    TextPicture,
    Traversal,
    TraversalPicture,
)

if TYPE_CHECKING:
    from glyphvae.client.bodies import Images
    from glyphvae.client.results import Pixels

NPY = "application/x-npy"


def generate(label: Labels = (), **options: Unpack[Drawing]) -> Call[results.Glyphs]:
    """Generate glyphs as an array.

    Args:
        label: A character or its number, or a list of these; empty for `labels`, and for an unconditional model.
        options: See `Drawing`.
    """
    return Call(Request("POST", "/generate", NPY, _query(label, options)), results.read_glyphs)


def generate_samples(label: Labels = (), **options: Unpack[Drawing]) -> Call[results.Samples]:
    """Generate glyphs with their labels and latents; meant for small numbers of glyphs."""
    return Call(Request("POST", "/generate", query=_query(label, options)), results.read_samples)


def generate_chunks(label: Labels = (), **options: Unpack[Drawing]) -> Stream[Pixels]:
    """Generate glyphs as a stream of arrays (k, 28, 28) of varying k, which takes little memory."""
    return Stream(Request("POST", "/generate", NPY, _query(label, options)), results.npy_reader)


def generate_picture(label: Labels = (), **options: Unpack[DrawingPicture]) -> Call[results.Picture]:
    """Generate a glyph, or an image grid of several glyphs, as an image."""
    media, query = _of_format(options, PICTURES)
    return Call(Request("POST", "/generate", media, _query(label, query)), results.read_picture)


def encode(images: Images, **options: Unpack[Encoding]) -> Call[results.Encodings]:
    """Encode images to latents, under a given label or the most likely one.

    Args:
        images: A file as bytes, as a path or opened, a Pillow image, an array of one or more, or a list of these.
        options: See `Encoding`.
    """
    return Call(Request("POST", "/encode", query=options, **body_of(images)), results.read_encodings)


def reconstruct(images: Images, **options: Unpack[Previewed]) -> Call[results.Reconstructions]:
    """Encode and decode images, with reconstruction error, KL and ELBO in nats; arguments as for `encode`."""
    return Call(Request("POST", "/reconstruct", query=options, **body_of(images)), results.read_reconstructions)


def reconstruct_picture(images: Images, **options: Unpack[ReadingPicture]) -> Call[results.Picture]:
    """Reconstruct images as one image grid; arguments as for `encode`."""
    media, query = _of_format(options, PICTURES)
    return Call(Request("POST", "/reconstruct", media, query, **body_of(images)), results.read_picture)


def read(images: Images, **options: Unpack[ReadingLines]) -> Call[results.ReadText]:
    """Read lines of separated characters: text, words and characters, each with its place.

    Args:
        images: As for `encode`.
        options: See `ReadingLines`.
    """
    return Call(Request("POST", "/read", query=options, **body_of(images)), results.read_text)


def hand(images: Images, label: Labels = (), **options: Unpack[ReadingHand]) -> Call[results.Hand]:
    """Find the hand that wrote letters, for the parameter `hand` of other calls.

    Args:
        images: One letter each, as for `encode`, or lines of letters with `sheet` or `text`.
        label: What the images show, one character for each or one for all; empty to have it found among `labels`.
        options: See `ReadingHand`.
    """
    return Call(Request("POST", "/hand", query=_query(label, options), **body_of(images)), results.read_hand)


def font(**options: Unpack[FontOptions]) -> Call[results.Font]:
    """Make a font of one hand: that of `hand`, of `z`, or one that is drawn.

    Args:
        options: See `FontOptions`.
    """
    media, body = _of_format(options, FONTS)
    return Call(Request("POST", "/font", media, json=body), results.read_font)


def render_text(text: str, **options: Unpack[TextPicture]) -> Call[results.Picture]:
    """Render a text in one handwriting, as an image or a document.

    Args:
        text: The text.
        options: See `TextPicture`.
    """
    media, body = _of_format(options, TEXTS)
    return Call(Request("POST", "/render-text", media, json={"text": text, **body}), results.read_picture)


def render_writing(text: str, **options: Unpack[Text]) -> Call[results.Writing]:
    """Render a text as glyphs with their positions.

    Args:
        text: The text.
        options: See `Text`.
    """
    return Call(Request("POST", "/render-text", json={"text": text, **options}), results.read_writing)


def interpolate(
    label: Labels = (), *, images: Images | None = None, **options: Unpack[Interpolation]
) -> Call[results.Samples]:
    """Interpolate between two labels, two latents or two images.

    Args:
        label: One label for all steps, or the first and the last one.
        images: The first and the last image, as for `encode`.
        options: See `Interpolation`.
    """
    request = Request("POST", "/interpolate", query=_query(label, options), **_body(images))
    return Call(request, results.read_samples)


def interpolate_picture(
    label: Labels = (), *, images: Images | None = None, animated: bool = False, **options: Unpack[InterpolationPicture]
) -> Call[results.Picture]:
    """Interpolate as an image with one row of glyphs, or as an endless GIF if `animated`."""
    media, query = _of_format(options, PICTURES)
    request = Request("POST", "/interpolate", GIF if animated else media, _query(label, query), **_body(images))
    return Call(request, results.read_picture)


def traverse(latent: int | Sequence[int], label: Labels = (), **options: Unpack[Traversal]) -> Call[results.Samples]:
    """Vary one latent, or two.

    Args:
        latent: The numbers of the varied latents, from 1.
        label: The character; empty for an unconditional model.
        options: See `Traversal`.
    """
    query = _query(label, options) | {"latent": latent}
    return Call(Request("POST", "/traverse", query=query), results.read_samples)


def traverse_picture(
    latent: int | Sequence[int], label: Labels = (), *, animated: bool = False, **options: Unpack[TraversalPicture]
) -> Call[results.Picture]:
    """Vary one latent or two, as an image with a row or grid of glyphs, or as an endless GIF if `animated`."""
    media, given = _of_format(options, PICTURES)
    query = _query(label, given) | {"latent": latent}
    return Call(Request("POST", "/traverse", GIF if animated else media, query), results.read_picture)


def dataset(count: int, **options: Unpack[MixFile]) -> Stream[bytes]:
    """Make labelled samples as a file, returned in chunks as they arrive.

    Args:
        count: Number of samples.
        options: See `MixFile`.
    """
    return Stream(Request("POST", "/dataset", "*/*", json={"count": count, **options}), lambda: lambda chunk: [chunk])


def dataset_arrays(count: int, **options: Unpack[Mix]) -> Call[results.LabelledGlyphs]:
    """Make labelled samples as arrays in memory."""
    return Call(Request("POST", "/dataset", "*/*", json={"count": count, **options}), results.read_dataset)


def models() -> Call[list[results.ServedModel]]:
    """List all served models."""
    return Call(Request("GET", "/models"), results.read_models)


def model(name: str) -> Call[results.ServedModel]:
    """Describe a model."""
    return Call(Request("GET", f"/models/{quote(name, safe='')}"), results.read_model)


def live() -> Call[bool]:
    """Check that the process is running; return True or raise an error."""
    return Call(Request("GET", "/livez"), lambda _: True)


def ready() -> Call[bool]:
    """Return whether the service and all its models are ready."""
    return Call(Request("GET", "/readyz"), lambda response: response.status == 200, also=frozenset({503}))


def _of_format(options: Mapping[str, Any], formats: Mapping[Any, str]) -> tuple[str, dict[str, Any]]:
    """Return the media type that the option `format` asks for, and the other options."""
    others = dict(options)
    return media_type(others.pop("format", None), formats), others


def _query(label: Labels, options: Mapping[str, Any]) -> dict[str, Any]:
    query = {"label": label, **options}
    z = query.get("z")
    if z is not None:
        several = len(z) > 0 and hasattr(z[0], "__len__")
        query["z"] = [_commas(end) for end in z] if several else _commas(z)
    return query


def _commas(z: Latents) -> str:
    return ",".join("" if value is None else repr(float(value)) for value in z)


def _body(images: Images | None) -> dict[str, Any]:
    return {} if images is None else body_of(images)
