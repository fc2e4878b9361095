"""Results of calls: NumPy arrays and Pillow images. Both libraries are imported only when they are needed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glyphvae.client.call import Response
from glyphvae.client.formats import check_ending

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Floats = NDArray[np.float32]
    Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class File:
    """A file from the service.

    Attributes:
        content: The file's bytes.
        media_type: Its format, such as `image/png`.
        model: Name and version of the model.
        seed: The seed that reproduces it, None if nothing was sampled.
        headers: All headers of the response, by lower-case name.
    """

    content: bytes
    media_type: str
    model: str
    seed: int | None
    headers: Mapping[str, str]

    def __bytes__(self) -> bytes:
        return self.content

    def save(self, path: Path | str) -> None:
        """Write the file to `path`.

        Raises:
            ValueError: The ending of `path` is that of another format.
            OSError: It cannot be written.
        """
        check_ending(Path(path), self.media_type)
        Path(path).write_bytes(self.content)


class Picture(File):
    """An image or a document: PNG, WebP, GIF, SVG or PDF."""

    @property
    def image(self) -> Image.Image:
        """The image as a Pillow image, which can be had of PNG, WebP and GIF.

        Raises:
            PIL.UnidentifiedImageError: It is SVG or PDF.
        """
        from PIL import Image

        return Image.open(io.BytesIO(self.content), formats=("PNG", "WEBP", "GIF"))


class Font(File):
    """A font file."""


@dataclass(frozen=True)
class Letter:
    """A letter that a hand was taken from.

    Attributes:
        label: The given or most likely character, None from an unconditional model.
        distance: How far it is from the hand of the others, in standard deviations; None for a single letter.
        disagrees: True if it seems to be of another hand, or another character.
    """

    label: str | None
    distance: float | None
    disagrees: bool


@dataclass(frozen=True, eq=False)
class Hand:
    """The hand that wrote letters.

    Attributes:
        model: Name and version of the model.
        hand: The hand as a string, for `hand` of other calls.
        mu: (hand,) float32, posterior mean.
        logvar: (hand,) float32, log of the posterior variance.
        certainty: Share of the prior's variance that the letters have taken away, from 0 to 1.
        letters: What each letter says of the hand.
    """

    model: str
    hand: str
    mu: Floats
    logvar: Floats
    certainty: float
    letters: list[Letter]


@dataclass(frozen=True)
class ReadCharacter:
    """A character of a text that was read.

    Attributes:
        label: What it most likely is.
        box: Left, top, right and bottom in the image, in pixels.
        alternatives: The likelihood of the most likely labels, in falling order.
        joined: True if its ink looks like that of several characters that are joined.
        doubt: How sure it is.
    """

    label: str
    box: tuple[int, int, int, int]
    alternatives: dict[str, float]
    joined: bool
    doubt: Doubt


@dataclass(frozen=True)
class ReadWord:
    """A word of a text that was read.

    Attributes:
        text: Its characters.
        box: Left, top, right and bottom in the image, in pixels.
        characters: From left to right.
    """

    text: str
    box: tuple[int, int, int, int]
    characters: list[ReadCharacter]


@dataclass(frozen=True)
class ReadLine:
    """A line of a text that was read.

    Attributes:
        image: The number of its image, from 0.
        text: Its words, with a space between.
        box: Left, top, right and bottom in the image, in pixels.
        words: From left to right.
    """

    image: int
    text: str
    box: tuple[int, int, int, int]
    words: list[ReadWord]


@dataclass(frozen=True)
class ReadText:
    """A text that was read.

    Attributes:
        model: Name and version of the model.
        text: All lines.
        notes: What may be wrong with it.
        lines: From top to bottom, in the order of the images.
    """

    model: str
    text: str
    notes: list[str]
    lines: list[ReadLine]


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Generated glyphs.

    Attributes:
        model: Name and version of the model.
        seed: The seed that reproduces them.
        pixels: (n, 28, 28) uint8, paper 0, ink 255; grouped by label, in the order of the request.
    """

    model: str
    seed: int
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class Samples:
    """Generated glyphs with their labels and latents.

    Attributes:
        model: Name and version of the model.
        seed: The seed that reproduces them, None if nothing was sampled.
        labels: The character of each glyph, None from an unconditional model.
        z: (n, latent) float32.
        pixels: (n, 28, 28) uint8, paper 0, ink 255.
        rows: Number of rows of the grid that the glyphs form, row by row.
    """

    model: str
    seed: int | None
    labels: list[str | None]
    z: Floats
    pixels: Pixels
    rows: int = 1


@dataclass(frozen=True)
class Doubt:
    """The certainty that an image shows a character of the model.

    Attributes:
        percentile: How many of 100 real characters of its label are less like it, None if that is not known.
        others: How many other pieces of ink in the image were left out.
        doubtful: Whether the percentile is lower than that of most real characters.
        reasons: What there is to say against it, in words.
    """

    percentile: float | None
    others: int
    doubtful: bool
    reasons: list[str]


@dataclass(frozen=True, eq=False)
class Preview:
    """The part of an image that the model read.

    Attributes:
        pixels: (28, 28) uint8, what the model saw, paper 0, ink 255.
        box: Left, top, right and bottom of the character in the image turned upright, in its pixels; the last two are
            exclusive.
    """

    pixels: Pixels
    box: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Encodings:
    """Encoded images.

    Attributes:
        model: Name and version of the model.
        labels: The given or most likely character of each image, None from an unconditional model.
        mu: (n, latent) float32, posterior mean.
        logvar: (n, latent) float32, log of the posterior variance.
        posterior: p(label|image) of each possible label, one dictionary per image; None if one was given.
        doubts: How sure each is.
        images: The number of the image of each, from 0; None unless `several` is `all`.
        previews: What was read of each image; None unless `preview` asks for it.
    """

    model: str
    labels: list[str | None]
    mu: Floats
    logvar: Floats
    posterior: list[dict[str, float]] | None
    doubts: list[Doubt]
    images: list[int] | None = None
    previews: list[Preview] | None = None


@dataclass(frozen=True, eq=False)
class Reconstructions:
    """Reconstructed images.

    Attributes:
        model: Name and version of the model.
        labels: The character that each image was encoded under, None from an unconditional model.
        mu: (n, latent) float32, posterior mean.
        pixels: (n, 28, 28) uint8, the reconstructions.
        error: (n,) float32, reconstruction error in nats.
        kl: (n,) float32, in nats.
        elbo: (n,) float32, in nats, at most 0.
        doubts: How sure each is.
        images: The number of the image of each, from 0; None unless `several` is `all`.
        previews: What was read of each image; None unless `preview` asks for it.
    """

    model: str
    labels: list[str | None]
    mu: Floats
    pixels: Pixels
    error: Floats
    kl: Floats
    elbo: Floats
    doubts: list[Doubt]
    images: list[int] | None = None
    previews: list[Preview] | None = None


@dataclass(frozen=True, eq=False)
class Writing:
    """A rendered text, as glyphs with their positions.

    Attributes:
        model: Name and version of the model.
        seed: The seed that reproduces it.
        z: (latent,) float32, the style.
        width: Width of the image, in glyph pixels.
        height: Height of the image, in glyph pixels.
        baselines: The row of each line's baseline.
        folded: Positions of characters that are written as others, such as capitals.
        unknown: Positions of characters that were left out.
        labels: The character of each glyph.
        positions: (n,) int64, the position of each glyph's character in the text.
        lines: (n,) int64, the line of each glyph.
        corners: (n, 2) int64, x and y of the upper left corner of each glyph's pixels.
        latents: (n, latent) float32.
        pixels: (n, rows, columns) uint8, paper 0, ink 255: 28 x 28, or of a model with strokes as many as the largest
            glyph needs, of which smaller ones fill the upper left corner.
    """

    model: str
    seed: int
    z: Floats
    width: int
    height: int
    baselines: list[int]
    folded: list[int]
    unknown: list[int]
    labels: list[str]
    positions: NDArray[np.int64]
    lines: NDArray[np.int64]
    corners: NDArray[np.int64]
    latents: Floats
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class LabelledGlyphs:
    """The samples of a data set.

    Attributes:
        model: Name and version of the model.
        seed: The seed that reproduces them.
        images: (n, 28, 28) uint8, paper 0, ink 255.
        labels: (n,) int64, indices into `classes`.
        z: (n, latent) float32.
        classes: The characters, in the order of their labels.
    """

    model: str
    seed: int
    images: Pixels
    labels: NDArray[np.int64]
    z: Floats
    classes: list[str]


@dataclass(frozen=True)
class ServedModel:
    """A served model.

    Attributes:
        name: The model's name.
        version: The model's version.
        kind: `cvae` or `vae`.
        summary: A description in one sentence.
        labels: The characters that the model writes, in the order of their labels; empty for an unconditional model.
        latent_size: Number of latents.
        beta: Weight of the KL in the loss.
        series: What it has in common with the models that differ from it in `beta` alone; None if it is in no series.
        device: `cpu` or `cuda`.
        default: True if calls without a model use this one.
        facts: The complete JSON that describes the model.
    """

    name: str
    version: int
    kind: str
    summary: str
    labels: tuple[str, ...]
    latent_size: int
    beta: float
    series: str | None
    device: str
    default: bool
    facts: Mapping[str, Any]


def read_picture(response: Response) -> Picture:
    """Read an image or a document."""
    return Picture(*_file(response))


def read_font(response: Response) -> Font:
    """Read a font."""
    return Font(*_file(response))


def read_hand(response: Response) -> Hand:
    """Read the JSON of `/hand`."""
    body = json.loads(response.content)
    letters = [Letter(one["label"], one["distance"], one["disagrees"]) for one in body["letters"]]
    mu, logvar = _floats(body["mu"]), _floats(body["logvar"])
    return Hand(body["model"], body["hand"], mu, logvar, body["certainty"], letters)


def read_text(response: Response) -> ReadText:
    """Read the JSON of `/read`."""
    body = json.loads(response.content)
    lines = [
        ReadLine(line["image"], line["text"], _box(line), [_word(word) for word in line["words"]])
        for line in body["lines"]
    ]
    return ReadText(body["model"], body["text"], body["notes"], lines)


def _word(word: Mapping[str, Any]) -> ReadWord:
    characters = [
        ReadCharacter(one["label"], _box(one), one["alternatives"], one["joined"], Doubt(**one["doubt"]))
        for one in word["characters"]
    ]
    return ReadWord(word["text"], _box(word), characters)


def _box(part: Mapping[str, Any]) -> tuple[int, int, int, int]:
    left, top, right, bottom = part["box"]
    return left, top, right, bottom


def read_glyphs(response: Response) -> Glyphs:
    """Read the `.npy` of `/generate`."""
    return Glyphs(response.model, int(response.headers["glyphvae-seed"]), _npy(response.content))


def read_samples(response: Response) -> Samples:
    """Read the JSON of `/generate`, `/interpolate` and `/traverse`."""
    body = json.loads(response.content)
    rows = _columns(body["samples"] if "samples" in body else body["steps"])
    z, pixels = _floats(rows("z")), _pixels(rows("pixels"))
    return Samples(body["model"], body["seed"], rows("label"), z, pixels, body.get("rows", 1))


def read_encodings(response: Response) -> Encodings:
    """Read the JSON of `/encode`."""
    body = json.loads(response.content)
    rows = _columns(body["encodings"])
    posterior = rows("posterior") if "posterior" in body["encodings"][0] else None
    mu, logvar = _floats(rows("mu")), _floats(rows("logvar"))
    return Encodings(body["model"], rows("label"), mu, logvar, posterior, *_facts(body["encodings"]))


def read_reconstructions(response: Response) -> Reconstructions:
    """Read the JSON of `/reconstruct`."""
    body = json.loads(response.content)
    rows = _columns(body["reconstructions"])
    mu, error, kl, elbo = (_floats(rows(name)) for name in ("mu", "reconstruction_error", "kl", "elbo"))
    pixels, facts = _pixels(rows("pixels")), _facts(body["reconstructions"])
    return Reconstructions(body["model"], rows("label"), mu, pixels, error, kl, elbo, *facts)


def _facts(rows: list[dict[str, Any]]) -> tuple[list[Doubt], list[int] | None, list[Preview] | None]:
    """Return the doubts, images and previews of `Encodings` and `Reconstructions`."""
    images = [row["image"] for row in rows] if "image" in rows[0] else None
    previews = [_preview(row["preview"]) for row in rows] if "preview" in rows[0] else None
    return [Doubt(**row["doubt"]) for row in rows], images, previews


def _preview(preview: Mapping[str, Any]) -> Preview:
    return Preview(_pixels([preview["pixels"]])[0], _box(preview))


def read_writing(response: Response) -> Writing:
    """Read the JSON of `/render-text`."""
    import numpy as np

    body = json.loads(response.content)
    rows = _columns(body["glyphs"])
    return Writing(
        model=body["model"],
        seed=body["seed"],
        z=_floats(body["z"]),
        labels=rows("label"),
        positions=np.array(rows("position"), np.int64),
        lines=np.array(rows("line"), np.int64),
        corners=np.array([rows("x"), rows("y")], np.int64).T,
        latents=_floats(rows("z")),
        pixels=_pictures(rows("pixels")),
        **{name: body[name] for name in ("width", "height", "baselines", "folded", "unknown")},
    )


def read_dataset(response: Response) -> LabelledGlyphs:
    """Read the `.npz` of `/dataset`."""
    with _npy(response.content) as arrays:
        images, labels, z = arrays["images"], arrays["labels"], arrays["z"]
        classes = arrays["classes"].tolist()
    return LabelledGlyphs(response.model, int(response.headers["glyphvae-seed"]), images, labels, z, classes)


def read_model(response: Response) -> ServedModel:
    """Read the JSON of `/models/{name}`."""
    return _model(json.loads(response.content))


def read_models(response: Response) -> list[ServedModel]:
    """Read the JSON of `/models`."""
    return [_model(facts) for facts in json.loads(response.content)]


def npy_reader() -> Callable[[bytes], Iterator[Pixels]]:
    """Return a function that takes the next bytes of a `.npy` file and yields the glyphs (k, 28, 28) they complete."""
    kept = b""
    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()

    def read(chunk: bytes) -> Iterator[Pixels]:
        import numpy as np

        nonlocal kept, dtype, shape
        kept += chunk
        if dtype is None:
            if len(kept) < 10 or len(kept) < 10 + int.from_bytes(kept[8:10], "little"):
                return
            file = io.BytesIO(kept)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            kept = kept[file.tell() :]
        size = dtype.itemsize * int(np.prod(shape[1:]))
        whole = len(kept) // size
        if whole:
            complete, kept = kept[: whole * size], kept[whole * size :]
            yield np.frombuffer(complete, dtype).reshape(whole, *shape[1:])

    return read


def _file(response: Response) -> tuple[bytes, str, str, int | None, Mapping[str, str]]:
    return response.content, response.headers["content-type"], response.model, response.seed, response.headers


def _model(facts: Mapping[str, Any]) -> ServedModel:
    names = ("name", "version", "kind", "summary", "latent_size", "beta", "device", "default")
    known = {name: facts[name] for name in names}
    return ServedModel(labels=tuple(facts["labels"]), series=facts.get("series"), facts=facts, **known)


def _columns(rows: list[dict[str, Any]]) -> Callable[[str], list[Any]]:
    return lambda name: [row[name] for row in rows]


def _floats(values: list[Any]) -> Floats:
    import numpy as np

    return np.array(values, np.float32)


def _pixels(values: list[Any]) -> Pixels:
    import numpy as np

    return np.array(values, np.uint8).reshape(-1, 28, 28)


def _pictures(pictures: list[list[list[int]]]) -> Pixels:
    """Return pictures of any size in one array, in its upper left corner."""
    import numpy as np

    height, width = (max(sizes, default=28) for sizes in (map(len, pictures), (len(rows[0]) for rows in pictures)))
    result = np.zeros((len(pictures), height, width), np.uint8)
    for field, rows in zip(result, pictures, strict=True):
        field[: len(rows), : len(rows[0])] = rows
    return result


def _npy(content: bytes) -> Any:  # noqa: ANN401 (an array, or an archive of them)
    import numpy as np

    return np.load(io.BytesIO(content), allow_pickle=False)
