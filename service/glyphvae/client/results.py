"""What calls give back: NumPy arrays and Pillow images. Both libraries are imported where they are first needed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glyphvae.client.call import Answer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Floats = NDArray[np.float32]
    Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """A picture as the service drew it.

    Attributes:
        content: The file.
        media_type: `image/png` or `image/gif`.
        model: Name and version of the model that drew it.
        seed: Draws it again; None where nothing was drawn by chance.
        headers: All headers of the answer, by lower-case name.
    """

    content: bytes
    media_type: str
    model: str
    seed: int | None
    headers: Mapping[str, str]

    @property
    def image(self) -> Image.Image:
        """The picture for Pillow."""
        from PIL import Image

        return Image.open(io.BytesIO(self.content), formats=("PNG", "GIF"))

    def save(self, path: Path | str) -> None:
        """Write the file."""
        Path(path).write_bytes(self.content)


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Glyphs as an array.

    Attributes:
        model: Name and version of the model that wrote them.
        seed: Writes them again.
        pixels: (n, 28, 28) uint8, paper 0, ink 255; label by label, in the order they were asked for.
    """

    model: str
    seed: int
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class Samples:
    """Glyphs with what they were made from.

    Attributes:
        model: Name and version of the model that wrote them.
        seed: Writes them again, None where nothing was drawn by chance.
        labels: The character of each, None where it has none.
        z: (n, latent) float32.
        pixels: (n, 28, 28) uint8, paper 0, ink 255.
        rows: Rows of the sheet that they fill, row by row.
    """

    model: str
    seed: int | None
    labels: list[str | None]
    z: Floats
    pixels: Pixels
    rows: int = 1


@dataclass(frozen=True, eq=False)
class Encodings:
    """Images, encoded.

    Attributes:
        model: Name and version of the model that read them.
        labels: The given or most likely character of each, None from an unconditional model.
        mu: (n, latent) float32, posterior mean.
        logvar: (n, latent) float32, log of the posterior variance.
        posterior: p(label|image) of every label, one dictionary an image; None where a label was given.
    """

    model: str
    labels: list[str | None]
    mu: Floats
    logvar: Floats
    posterior: list[dict[str, float]] | None


@dataclass(frozen=True, eq=False)
class Reconstructions:
    """Images, through the model and back.

    Attributes:
        model: Name and version of the model.
        labels: The character each was read under, None from an unconditional model.
        mu: (n, latent) float32, posterior mean.
        pixels: (n, 28, 28) uint8, the reconstructions.
        error: (n,) float32, reconstruction error in nats.
        kl: (n,) float32, in nats.
        elbo: (n,) float32, in nats, at most 0.
    """

    model: str
    labels: list[str | None]
    mu: Floats
    pixels: Pixels
    error: Floats
    kl: Floats
    elbo: Floats


@dataclass(frozen=True, eq=False)
class Writing:
    """A text as glyphs with their places.

    Attributes:
        model: Name and version of the model that wrote it.
        seed: Writes it again.
        z: (latent,) float32, the style.
        width: Of the picture, in glyph pixels.
        height: Likewise.
        baselines: The row each line stands on.
        folded: Places of small letters that were set as capitals.
        unknown: Places of characters that were left out.
        labels: The character of each glyph.
        positions: (n,) int64, the place of each glyph's character in the text.
        lines: (n,) int64, the line of each.
        corners: (n, 2) int64, x and y of the upper left corner of each 28x28 cell.
        latents: (n, latent) float32.
        pixels: (n, 28, 28) uint8, paper 0, ink 255.
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
    """Samples of a data set.

    Attributes:
        model: Name and version of the model that wrote them.
        seed: Writes them again.
        images: (n, 28, 28) uint8, paper 0, ink 255.
        labels: (n,) int64, indices into `classes`.
        z: (n, latent) float32.
        classes: The characters.
    """

    model: str
    seed: int
    images: Pixels
    labels: NDArray[np.int64]
    z: Floats
    classes: list[str]


@dataclass(frozen=True)
class ServedModel:
    """A model that the service offers.

    Attributes:
        name: Its name.
        version: Its version.
        kind: `cvae` or `vae`.
        summary: One sentence.
        labels: The characters it writes, by label; empty for an unconditional model.
        latent_size: How many latents it has.
        beta: Weight of the KL in its loss.
        device: `cpu` or `cuda`.
        default: Whether calls that name no model get this one.
        facts: Its whole manifest.
    """

    name: str
    version: int
    kind: str
    summary: str
    labels: tuple[str, ...]
    latent_size: int
    beta: float
    device: str
    default: bool
    facts: Mapping[str, Any]


def read_picture(answer: Answer) -> Picture:
    """A PNG or GIF."""
    headers = answer.headers
    return Picture(answer.content, headers["content-type"], answer.model, answer.seed, headers)


def read_glyphs(answer: Answer) -> Glyphs:
    """The `.npy` of `/generate`."""
    return Glyphs(answer.model, int(answer.headers["glyphvae-seed"]), _npy(answer.content))


def read_samples(answer: Answer) -> Samples:
    """The JSON of `/generate`, `/interpolate` and `/traverse`."""
    body = json.loads(answer.content)
    rows = _columns(body["samples"] if "samples" in body else body["steps"])
    return Samples(
        body["model"], body["seed"], rows("label"), _floats(rows("z")), _pixels(rows("pixels")), body.get("rows", 1)
    )


def read_encodings(answer: Answer) -> Encodings:
    """The JSON of `/encode`."""
    body = json.loads(answer.content)
    rows = _columns(body["encodings"])
    posterior = rows("posterior") if "posterior" in body["encodings"][0] else None
    return Encodings(body["model"], rows("label"), _floats(rows("mu")), _floats(rows("logvar")), posterior)


def read_reconstructions(answer: Answer) -> Reconstructions:
    """The JSON of `/reconstruct`."""
    body = json.loads(answer.content)
    rows = _columns(body["reconstructions"])
    return Reconstructions(
        body["model"],
        rows("label"),
        _floats(rows("mu")),
        _pixels(rows("pixels")),
        _floats(rows("reconstruction_error")),
        _floats(rows("kl")),
        _floats(rows("elbo")),
    )


def read_writing(answer: Answer) -> Writing:
    """The JSON of `/render-text`."""
    import numpy as np

    body = json.loads(answer.content)
    rows = _columns(body["glyphs"])
    whole = ("width", "height", "baselines", "folded", "unknown")
    return Writing(
        model=body["model"],
        seed=body["seed"],
        z=_floats(body["z"]),
        labels=rows("label"),
        positions=np.array(rows("position"), np.int64),
        lines=np.array(rows("line"), np.int64),
        corners=np.array([rows("x"), rows("y")], np.int64).T,
        latents=_floats(rows("z")),
        pixels=_pixels(rows("pixels")),
        **{name: body[name] for name in whole},
    )


def read_dataset(answer: Answer) -> LabelledGlyphs:
    """The `.npz` of `/dataset`."""
    with _npy(answer.content) as arrays:
        images, labels, z = arrays["images"], arrays["labels"], arrays["z"]
        classes = arrays["classes"].tolist()
    return LabelledGlyphs(answer.model, int(answer.headers["glyphvae-seed"]), images, labels, z, classes)


def read_model(answer: Answer) -> ServedModel:
    """The JSON of `/models/{name}`."""
    return _model(json.loads(answer.content))


def read_models(answer: Answer) -> list[ServedModel]:
    """The JSON of `/models`."""
    return [_model(facts) for facts in json.loads(answer.content)]


def npy_reader() -> Callable[[bytes], Iterator[Pixels]]:
    """Reads the `.npy` of `/generate` while it arrives: each piece gives the glyphs (k, 28, 28) that it completes."""
    kept = b""
    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()

    def read(piece: bytes) -> Iterator[Pixels]:
        import numpy as np

        nonlocal kept, dtype, shape
        kept += piece
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


def _model(facts: Mapping[str, Any]) -> ServedModel:
    names = ("name", "version", "kind", "summary", "latent_size", "beta", "device", "default")
    return ServedModel(labels=tuple(facts["labels"]), facts=facts, **{name: facts[name] for name in names})


def _columns(rows: list[dict[str, Any]]) -> Callable[[str], list[Any]]:
    return lambda name: [row[name] for row in rows]


def _floats(values: list[Any]) -> Floats:
    import numpy as np

    return np.array(values, np.float32)


def _pixels(values: list[Any]) -> Pixels:
    import numpy as np

    return np.array(values, np.uint8).reshape(-1, 28, 28)


def _npy(content: bytes) -> Any:  # noqa: ANN401 (an array, or an archive of them)
    import numpy as np

    return np.load(io.BytesIO(content), allow_pickle=False)
