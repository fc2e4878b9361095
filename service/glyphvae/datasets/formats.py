"""File formats of data sets. Each writer yields the file in chunks and keeps only a few blocks of samples in memory.

| format | read by |
|---|---|
| npz | `numpy.load`: `images`, `labels`, `z` and `classes` |
| idx | MNIST loaders: MNIST's four files under `MNIST/raw`, in a tar archive |
| webdataset | `webdataset`: `NUMBER.png` and `NUMBER.cls`, in a tar archive |
| parquet | `datasets`: the features `image` and `label` |
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from glyphvae.datasets import parquet
from glyphvae.datasets.archives import tar_end, tar_member, zip_stream
from glyphvae.datasets.recipe import Dataset, DatasetParameters
from glyphvae.formats import png
from glyphvae.formats.colours import BLACK, WHITE
from glyphvae.formats.npy import npy_bytes, npy_header

Name = Literal["npz", "idx", "webdataset", "parquet"]

# Bright ink on dark paper, as in MNIST, so that the file holds the pixel values unchanged.
encode_png = partial(png.encode, ink=WHITE, paper=BLACK)

_IDX_IMAGES, _IDX_LABELS = 0x803, 0x801  # unsigned bytes in three dimensions, and in one


@dataclass(frozen=True)
class Format:
    """A file format of data sets.

    Attributes:
        media_type: The media type.
        file: The suggested file name.
        write: Yields the file of a data set; formats with a test set put the last `test` samples there.
        check: Called first; raises `NotInstalled` if a required library is missing.
    """

    media_type: str
    file: str
    write: Callable[[Dataset, int], Iterator[bytes]]
    check: Callable[[], None] = lambda: None


def write_npz(dataset: Dataset, _: int) -> Iterator[bytes]:
    """Yield a NumPy archive: `images` (n, 28, 28), `labels` (n,), `z` (n, latent) and `classes` (labels,)."""
    n, size = dataset.count, dataset.recipe.model.manifest.latent_size
    # Labels and latents are computed again for each array, because that costs less than keeping a million of them.
    return zip_stream(
        [
            ("images.npy", _npy((n, 28, 28), np.uint8, (part.pixels for part in dataset.samples()))),
            ("labels.npy", _npy((n,), np.int64, (part.labels for part in dataset.conditions()))),
            ("z.npy", _npy((n, size), np.float32, (part.z for part in dataset.conditions()))),
            ("classes.npy", [npy_bytes(np.array(dataset.classes))]),
        ]
    )


def _npy(shape: tuple[int, ...], dtype: type[np.generic], parts: Iterable[NDArray[np.generic]]) -> Iterator[bytes]:
    return chain([npy_header(shape, dtype)], (part.tobytes() for part in parts))


def write_idx(dataset: Dataset, test: int) -> Iterator[bytes]:
    """Yield MNIST's four files, with the last `test` samples as test set (http://yann.lecun.com/exdb/mnist/)."""
    train = dataset.count - test
    for name, part in (("train", dataset.part(0, train)), ("t10k", dataset.part(train, test))):
        n = part.count
        head = struct.pack(">4I", _IDX_IMAGES, n, 28, 28)
        images = (samples.pixels.tobytes() for samples in part.samples())
        yield from tar_member(f"MNIST/raw/{name}-images-idx3-ubyte", len(head) + n * 784, chain([head], images))
        head = struct.pack(">2I", _IDX_LABELS, n)
        labels = (block.labels.astype(np.uint8).tobytes() for block in part.conditions())
        yield from tar_member(f"MNIST/raw/{name}-labels-idx1-ubyte", len(head) + n, chain([head], labels))
    yield tar_end()


def write_webdataset(dataset: Dataset, _: int) -> Iterator[bytes]:
    """Yield a tar archive with an image and a label for each sample, named by the sample's number."""
    number = dataset.start
    for samples in dataset.samples():
        pieces: list[bytes] = []
        for pixels, label in zip(samples.pixels, samples.labels, strict=True):
            for suffix, content in (("png", encode_png(pixels)), ("cls", b"%d" % label)):
                pieces += tar_member(f"{number:012d}.{suffix}", len(content), [content])
            number += 1
        yield b"".join(pieces)
    yield tar_end()


def write_parquet(dataset: Dataset, _: int) -> Iterator[bytes]:
    """Yield a Parquet file with the features of Hugging Face's `datasets`."""
    return parquet.write(dataset, encode_png)


FORMATS: dict[Name, Format] = {
    "npz": Format("application/zip", "glyphs.npz", write_npz),
    "idx": Format("application/x-tar", "glyphs-idx.tar", write_idx),
    "webdataset": Format("application/x-tar", "glyphs.tar", write_webdataset),
    "parquet": Format("application/vnd.apache.parquet", "glyphs.parquet", write_parquet, parquet.check),
}


class DatasetRequest(DatasetParameters):
    """The body of `/dataset`."""

    format: Name = Field(
        "npz", description="`npz` for NumPy, `idx` as MNIST, `webdataset`, or `parquet` for `datasets`."
    )
    test: int = Field(
        0, ge=0, description="How many of the samples, the last ones, go into the test files; only `idx` has such."
    )

    @model_validator(mode="after")
    def _test_is_a_part(self) -> "DatasetRequest":
        if self.test and self.format != "idx":
            raise ValueError("test: only the format idx has a test set of its own")
        if self.test > self.count:
            raise ValueError("test: at most count")
        return self
