"""Parquet files with Hugging Face's image feature; needs pyarrow, an extra."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from glyphvae.datasets.archives import Sink
from glyphvae.datasets.recipe import Dataset, Samples
from glyphvae.errors import NotInstalled
from glyphvae.models.registry import Pixels

# Blocks in a row group: some thousands of rows, a few megabytes.
_GROUP = 32


def check() -> None:
    """Check that pyarrow is installed.

    Raises:
        NotInstalled: It is not.
    """
    try:
        import pyarrow.parquet  # noqa: F401, PLC0415 (an extra)
    except ImportError:
        raise NotInstalled("Parquet needs pyarrow: pip install 'glyphvae[parquet]'.") from None


def write(dataset: Dataset, encode: Callable[[Pixels], bytes]) -> Iterator[bytes]:
    """Yield the file of `dataset`, with each glyph (28, 28) as the image file that `encode` returns."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = Sink()
    schema = _schema(dataset.classes)
    blocks = dataset.samples()
    # The images are compressed already and all different.
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="none", use_dictionary=["label"]) as writer:
        while group := list(islice(blocks, _GROUP)):
            writer.write_table(pa.table(_columns(group, encode), schema), row_group_size=1 << 20)
            yield sink.take()
    yield sink.take()


def _columns(group: list[Samples], encode: Callable[[Pixels], bytes]) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415

    files = pa.array([encode(pixels) for block in group for pixels in block.pixels], pa.binary())
    images = pa.StructArray.from_arrays([files, pa.nulls(len(files), pa.string())], ["bytes", "path"])
    return {"image": images, "label": np.concatenate([block.labels for block in group])}


def _schema(classes: tuple[str, ...]) -> Any:  # noqa: ANN401 (a pyarrow.Schema)
    """Return the Arrow schema, with the features of `datasets` in its metadata as that library writes them."""
    import pyarrow as pa  # noqa: PLC0415

    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(classes)}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema({"image": image, "label": pa.int64()}, metadata)
