"""One function an endpoint and format: its arguments become a request, its answer a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote

from glyphvae.client import results
from glyphvae.client.bodies import body_of
from glyphvae.client.call import Call, Request, Stream
from glyphvae.client.options import (
    Drawing,
    DrawingPicture,
    Labels,
    Latents,
    Mix,
    MixFile,
    Motion,
    MotionPicture,
    Reading,
    ReadingPicture,
    Text,
    Way,
    WayPicture,
)

if TYPE_CHECKING:
    from glyphvae.client.bodies import Images
    from glyphvae.client.results import Pixels

PNG, GIF, NPY = "image/png", "image/gif", "application/x-npy"


def generate(label: Labels = (), **options: Unpack[Drawing]) -> Call[results.Glyphs]:
    """New glyphs as an array.

    Args:
        label: A character or its number, or several; empty for an unconditional model.
        options: See `Drawing`.
    """
    return Call(Request("POST", "/generate", NPY, _query(label, options)), results.read_glyphs)


def generate_samples(label: Labels = (), **options: Unpack[Drawing]) -> Call[results.Samples]:
    """As `generate`, with the label and the latents of each glyph; for few glyphs."""
    return Call(Request("POST", "/generate", query=_query(label, options)), results.read_samples)


def generate_chunks(label: Labels = (), **options: Unpack[Drawing]) -> Stream[Pixels]:
    """As `generate`, while they arrive: arrays (k, 28, 28) of varying k, in little memory."""
    return Stream(Request("POST", "/generate", NPY, _query(label, options)), results.npy_reader)


def generate_picture(label: Labels = (), **options: Unpack[DrawingPicture]) -> Call[results.Picture]:
    """As `generate`, as one picture: the glyph, or a sheet of them."""
    return Call(Request("POST", "/generate", PNG, _query(label, options)), results.read_picture)


def encode(images: Images, **options: Unpack[Reading]) -> Call[results.Encodings]:
    """The latents of images, under a given label or under the most likely one.

    Args:
        images: Bytes of a file, a path or a Pillow image, or a list of these; or an array of images.
        options: See `Reading`.
    """
    return Call(Request("POST", "/encode", query=options, **body_of(images)), results.read_encodings)


def reconstruct(images: Images, **options: Unpack[Reading]) -> Call[results.Reconstructions]:
    """Images through the model and back, with error, KL and ELBO in nats; arguments as for `encode`."""
    return Call(Request("POST", "/reconstruct", query=options, **body_of(images)), results.read_reconstructions)


def reconstruct_picture(images: Images, **options: Unpack[ReadingPicture]) -> Call[results.Picture]:
    """As `reconstruct`, as one picture."""
    return Call(Request("POST", "/reconstruct", PNG, options, **body_of(images)), results.read_picture)


def render_text(text: str, **options: Unpack[Text]) -> Call[results.Picture]:
    """A text in one hand, as a picture.

    Args:
        text: What to write.
        options: See `Text`.
    """
    return Call(Request("POST", "/render-text", PNG, json={"text": text, **options}), results.read_picture)


def render_writing(text: str, **options: Unpack[Text]) -> Call[results.Writing]:
    """As `render_text`, as glyphs with their places."""
    return Call(Request("POST", "/render-text", json={"text": text, **options}), results.read_writing)


def interpolate(label: Labels = (), *, images: Images | None = None, **options: Unpack[Way]) -> Call[results.Samples]:
    """Steps between two labels, two latents or two images.

    Args:
        label: One for all steps, or the first and the last.
        images: The two ends, as for `encode`.
        options: See `Way`.
    """
    request = Request("POST", "/interpolate", query=_query(label, options), **_body(images))
    return Call(request, results.read_samples)


def interpolate_picture(
    label: Labels = (), *, images: Images | None = None, animated: bool = False, **options: Unpack[WayPicture]
) -> Call[results.Picture]:
    """As `interpolate`, as a row of glyphs, or as an endless GIF where `animated`."""
    media = GIF if animated else PNG
    request = Request("POST", "/interpolate", media, _query(label, options), **_body(images))
    return Call(request, results.read_picture)


def traverse(latent: int | Sequence[int], label: Labels = (), **options: Unpack[Motion]) -> Call[results.Samples]:
    """What one latent does, or two.

    Args:
        latent: Which ones move, from 1.
        label: What to write; empty for an unconditional model.
        options: See `Motion`.
    """
    query = _query(label, options) | {"latent": latent}
    return Call(Request("POST", "/traverse", query=query), results.read_samples)


def traverse_picture(
    latent: int | Sequence[int], label: Labels = (), *, animated: bool = False, **options: Unpack[MotionPicture]
) -> Call[results.Picture]:
    """As `traverse`, as a row or a grid, or as an endless GIF where `animated`."""
    query = _query(label, options) | {"latent": latent}
    return Call(Request("POST", "/traverse", GIF if animated else PNG, query), results.read_picture)


def dataset(count: int, **options: Unpack[MixFile]) -> Stream[bytes]:
    """Labelled samples as a file, in pieces as they arrive.

    Args:
        count: How many.
        options: See `MixFile`.
    """
    return Stream(Request("POST", "/dataset", "*/*", json={"count": count, **options}), lambda: lambda piece: [piece])


def dataset_arrays(count: int, **options: Unpack[Mix]) -> Call[results.LabelledGlyphs]:
    """As `dataset`, as arrays in memory."""
    return Call(Request("POST", "/dataset", "*/*", json={"count": count, **options}), results.read_dataset)


def models() -> Call[list[results.ServedModel]]:
    """Every model that is served."""
    return Call(Request("GET", "/models"), results.read_models)


def model(name: str) -> Call[results.ServedModel]:
    """One model."""
    return Call(Request("GET", f"/models/{quote(name, safe='')}"), results.read_model)


def live() -> Call[bool]:
    """True: the process lives, or this raises."""
    return Call(Request("GET", "/livez"), lambda _: True)


def ready() -> Call[bool]:
    """Whether every model runs."""
    return Call(Request("GET", "/readyz"), lambda answer: answer.status == 200, also=frozenset({503}))


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
