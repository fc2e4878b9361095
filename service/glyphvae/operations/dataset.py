"""`POST /dataset`: labelled samples for training, in the formats that loaders read."""

from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, model_validator

from glyphvae.api import responses
from glyphvae.api.context import Running
from glyphvae.datasets.formats import FORMATS, Name
from glyphvae.datasets.recipe import BLOCK, Dataset, DatasetOrder, make_recipe
from glyphvae.errors import (
    Busy,
    DeadlineExceeded,
    InvalidParameter,
    MalformedBody,
    NotInstalled,
    NotReady,
    UnknownModel,
    UnsupportedMedia,
    documented,
)
from glyphvae.scheduling.offload import offload

# Bytes that are made before they are sent: small beside any client's patience, large beside a thread's waking.
PIECE = 1 << 19

# What the file is called where `Accept` asks for it: clients made from our OpenAPI document often know no other.
BYTES = "application/octet-stream"

router = APIRouter()


class DatasetRequest(DatasetOrder):
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


@router.post(
    "/dataset",
    summary="Make a data set",
    response_class=Response,
    responses={
        200: {
            "description": "The file, sent while it is made.",
            "content": {
                media: {"schema": {"type": "string", "format": "binary"}}
                for media in sorted({BYTES} | {format_.media_type for format_ in FORMATS.values()})
            },
            "headers": {
                name: {"description": meaning, "schema": {"type": "string"}}
                for name, meaning in {
                    "Glyphvae-Model": "Name and version of the model, `cvae/1`.",
                    "Glyphvae-Seed": "The seed that reproduces the samples.",
                    "Content-Disposition": "A name for the file.",
                }.items()
            },
        },
        **documented(
            MalformedBody,
            UnknownModel,
            UnsupportedMedia,
            InvalidParameter,
            Busy,
            NotInstalled,
            NotReady,
            DeadlineExceeded,
        ),
    },
)
async def dataset(request: Request, order: DatasetRequest, context: Running) -> Response:
    """Labelled samples that nobody wrote, for training and testing.

    Sample number i of a seed is always the same: a data set may be made in parts, by `start` and `count`, on several
    services at once.
    """
    limit = context.settings.max_dataset
    if order.count > limit:
        raise InvalidParameter.of(
            "body.count", f"{order.count} samples were asked for", f"at most {limit}; use `start`"
        )
    format_ = FORMATS[order.format]
    format_.check()
    recipe = make_recipe(order, context.engine)
    await recipe.model.sessions.ready()
    pieces = format_.write(Dataset(recipe, order.start, order.count), order.test)
    # Before the answer begins, so that a model that fails or a full queue is an error and no broken file.
    first = await _piece(pieces)
    headers = responses.headers(recipe.model.title, seed=recipe.seed)
    headers["Content-Disposition"] = f'attachment; filename="{format_.file}"'
    media = BYTES if BYTES in request.headers.get("accept", "") else format_.media_type
    return StreamingResponse(_stream(first, pieces), media_type=media, headers=headers)


async def _stream(first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    while piece := await _piece(pieces):
        yield piece


async def _piece(pieces: Iterator[bytes]) -> bytes:
    """The next pieces joined, empty after the last."""
    return await offload(BLOCK * 784, 0, _join, pieces)


def _join(pieces: Iterator[bytes]) -> bytes:
    joined: list[bytes] = []
    size = 0
    for piece in pieces:
        joined.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return b"".join(joined)
