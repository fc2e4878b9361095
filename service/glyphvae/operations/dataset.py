"""`POST /dataset`: labelled samples for training, in the formats that loaders read."""

from collections.abc import Iterator
from typing import ClassVar

from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import read_json, read_query_beside_json
from glyphvae.api.responses import Body, Result, documented_file, headers_of
from glyphvae.datasets.formats import FORMATS, DatasetRequest
from glyphvae.datasets.recipe import BLOCK, Dataset, make_recipe
from glyphvae.errors import (
    Busy,
    DeadlineExceeded,
    InvalidParameter,
    MalformedBody,
    MissingParameter,
    NotInstalled,
    NotReady,
    UnknownModel,
    UnsupportedMedia,
    documented,
)
from glyphvae.operations.base import Operation, Plan, Responses
from glyphvae.scheduling.cost import Cost
from glyphvae.scheduling.steps import Offload, Program

# Bytes that are made before they are sent: small beside any client's patience, large beside a thread's waking.
PIECE = 1 << 19

# What the file is called where `Accept` asks for it: clients made from our OpenAPI document often know no other.
BYTES = "application/octet-stream"


class MakeDataset(Operation[Plan]):
    """Labelled samples that nobody wrote, for training and testing.

    Sample number i of a seed is always the same: a data set may be made in parts, by `start` and `count`, on several
    services at once.
    """

    name = "dataset"
    path = "/dataset"
    summary = "Make a data set"
    parameters = DatasetRequest
    body = "json"
    responses: ClassVar[Responses] = {
        200: documented_file(
            "The file, sent while it is made.", sorted({BYTES} | {format_.media_type for format_ in FORMATS.values()})
        ),
        **documented(
            MalformedBody,
            UnknownModel,
            UnsupportedMedia,
            InvalidParameter,
            MissingParameter,
            Busy,
            NotInstalled,
            NotReady,
            DeadlineExceeded,
        ),
    }

    def plan(self, head: RequestHead) -> Plan:
        """Choose the media type, empty for the one of the format."""
        read_query_beside_json(self.query, head.query)
        return Plan(media=BYTES if BYTES in head.accept else "", cost=BLOCK, streams=True)

    def run(self, plan: Plan, body: Body) -> Program[Result]:
        """Make the first piece of the file; the response goes on with the others."""
        order = read_json(DatasetRequest, body.content_type, body.content)
        limit = self.context.settings.max_dataset
        if order.count > limit:
            detail, allowed = f"{order.count} samples were asked for", f"at most {limit}; use `start`"
            raise InvalidParameter.of("body.count", detail, allowed)
        format_ = FORMATS[order.format]
        format_.check()
        recipe = make_recipe(order, self.context.registry)
        title = recipe.model.title
        yield from recipe.model.ready()
        pieces = format_.write(Dataset(recipe, order.start, order.count), order.test)
        # Before the response begins, so that a model that fails or a full queue is an error and no broken file.
        first = yield from _piece(pieces)
        name = [(b"content-disposition", f'attachment; filename="{format_.file}"'.encode())]
        headers = headers_of(title, seed=recipe.seed)
        return Result(title, headers, plan.media or format_.media_type, first, _pieces(pieces), name)


def _pieces(pieces: Iterator[bytes]) -> Iterator[Program[bytes]]:
    """Return a program for each piece; an empty piece is the last."""
    while True:
        yield _piece(pieces)


def _piece(pieces: Iterator[bytes]) -> Program[bytes]:
    """Join the next pieces, to an empty one after the last."""
    piece: bytes = yield Offload(Cost(BLOCK * 784, 4 * PIECE), _join, (pieces,))
    return piece


def _join(pieces: Iterator[bytes]) -> bytes:
    joined: list[bytes] = []
    size = 0
    for piece in pieces:
        joined.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return b"".join(joined)
