"""`POST /read`: lines of separated characters to text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field

from glyphvae.api import negotiate
from glyphvae.api.conditions import possible_labels
from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import Beta, ModelName, Parameters, read_query, value_of
from glyphvae.api.responses import Body, Result, headers_of, json_bytes
from glyphvae.api.uploads import documented_upload, read_pages
from glyphvae.errors import InvalidParameter
from glyphvae.formats.registry import JSON, TEXT
from glyphvae.imaging.preprocess import Box
from glyphvae.models.likeness import describe_doubt
from glyphvae.models.page_reading import PageReading, read_characters
from glyphvae.models.registry import Model
from glyphvae.operations.base import Operation, Plan, PlanCache, Responses
from glyphvae.operations.encode import DOUBT, PROBLEMS, Doubt
from glyphvae.scheduling.cost import writing
from glyphvae.scheduling.steps import MAX_ROWS, Offload, Program

# A page of A4 that is written closely.
MAX_CHARACTERS = 2000
# A larger share of doubtful characters than this is that of a picture that lies on its side, or of no print.
_DOUBTFUL = 0.2
# Numbers and words of a character in JSON.
_VALUES = 32

_JOINED = "Its ink looks like that of several characters that are joined; only separate ones are read."
_BOX = "Left, top, right and bottom in the image turned upright, in its pixels; the last two are exclusive."


class ReadOptions(Parameters):
    """Parameters of the text to read, and the model."""

    labels: list[Annotated[str, Field(max_length=128)]] = Field(
        default=[],
        max_length=1024,
        description="The characters that may occur: `digits`, `capitals`, `small`, `ascii`, `letters`, `all`, one "
        "label, or several characters, as `0123456789`. Repeat it for more. Default: `ascii`.",
        examples=[["digits"]],
    )
    top: int = Field(
        3, ge=1, le=10, description="How many alternatives to name for each character, the most likely first."
    )
    model: ModelName = None
    beta: Beta = None


class ReadQuery(ReadOptions):
    """The query of `/read`."""

    format: Annotated[Literal["json", "text"] | None, negotiate.FORMAT] = None


class ReadCharacter(BaseModel):
    """A character."""

    label: str = Field(description="What it most likely is.")
    box: Box = Field(description=_BOX)
    alternatives: dict[str, float] = Field(
        description="The likelihood of each of the `top` labels, by shape, size and place on the line, the most likely "
        "first."
    )
    joined: bool = Field(description="Whether its ink looks like that of several characters that are joined.")
    doubt: Doubt


class ReadWord(BaseModel):
    """A word."""

    text: str
    box: Box = Field(description=_BOX)
    characters: list[ReadCharacter] = Field(description="From left to right.")


class ReadLine(BaseModel):
    """A line."""

    image: int = Field(description="The number of its image, from 0.")
    text: str = Field(description="Its words, with a space between.")
    box: Box = Field(description=_BOX)
    words: list[ReadWord] = Field(description="From left to right.")


class ReadText(BaseModel):
    """The JSON response of `/read`."""

    model: str
    text: str = Field(description="All lines, with a line feed between.")
    notes: list[str] = Field(
        description="What may be wrong with the text: joined or doubtful characters, ink that was left out."
    )
    lines: list[ReadLine] = Field(description="From top to bottom, in the order of the images.")


@dataclass(eq=False, kw_only=True)
class ReadPlan(Plan):
    """A query that has been checked.

    Attributes:
        query: The query.
        model: The model that reads.
        possible: The labels that characters may have.
    """

    query: ReadQuery
    model: Model
    possible: tuple[int, ...]


class Read(Operation[ReadPlan]):
    """The text of images with lines of separated characters, written by hand: hand-printed forms, notes and boards.

    Characters may not touch one another: joined handwriting is not read. Where ink looks joined, the character says so,
    `notes` do, and the header `Glyphvae-Joined` counts. Lines may be tilted, and the paper ruled or squared. Letters of
    one shape, as c and C, are told apart by their size on the line, and so are marks by their place. At most 2,000
    characters are read. With `Accept: text/plain` the response is the text alone.
    """

    name = "read"
    path = "/read"
    summary = "Read lines of characters"
    parameters = ReadQuery
    body = "images"
    openapi_extra: ClassVar[Mapping[str, Any] | None] = documented_upload()
    responses: ClassVar[Responses] = {
        200: {
            "description": "The text, in the format that `Accept` prefers.",
            "content": {
                JSON: {
                    "schema": {"$ref": "#/components/schemas/ReadText"},
                    "example": {
                        "model": "pen/1",
                        "text": "Hi",
                        "notes": [],
                        "lines": [
                            {
                                "image": 0,
                                "text": "Hi",
                                "box": [40, 32, 118, 96],
                                "words": [
                                    {
                                        "text": "Hi",
                                        "box": [40, 32, 118, 96],
                                        "characters": [
                                            {
                                                "label": "H",
                                                "box": [40, 32, 92, 96],
                                                "alternatives": {"H": 0.97, "n": 0.02},
                                                "joined": False,
                                                "doubt": DOUBT,
                                            },
                                            {
                                                "label": "i",
                                                "box": [108, 36, 118, 96],
                                                "alternatives": {"i": 0.9, "l": 0.06},
                                                "joined": False,
                                                "doubt": DOUBT,
                                            },
                                        ],
                                    }
                                ],
                            }
                        ],
                    },
                },
                TEXT: {"schema": {"type": "string"}, "example": "Hi\n"},
            },
            "headers": {
                "Glyphvae-Model": {"description": "Name and version of the model.", "schema": {"type": "string"}},
                "Glyphvae-Joined": {
                    "description": "How many characters look joined; missing if none does.",
                    "schema": {"type": "string"},
                },
            },
        },
        **PROBLEMS,
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plans = PlanCache[ReadPlan](context)

    def plan(self, head: RequestHead) -> ReadPlan:
        """Check the query."""
        return self._plans.get((head.query, head.headers.accept), self._plan, head)

    def _plan(self, head: RequestHead) -> ReadPlan:
        query = read_query(ReadQuery, head.query)
        media = negotiate.choose(negotiate.accepted(query.format, head.accept), (JSON, TEXT))
        model = value_of("query.beta", self.context.registry.get, query.model, query.beta)
        if not model.manifest.labels:
            raise InvalidParameter.of(
                "query.model", f"model {model.manifest.name!r} has no labels, so it reads nothing"
            )
        return ReadPlan(
            media=media, cost=MAX_ROWS, query=query, model=model, possible=written_labels(query.labels, model)
        )

    def run(self, plan: ReadPlan, body: Body) -> Program[Result]:
        """Read the images."""
        model = plan.model
        readings: list[PageReading] = []
        others = 0
        for sheet in (yield from read_pages(body, self.context.settings, MAX_CHARACTERS)):
            readings.append((yield from read_characters(model, sheet, plan.possible)))
            others += sheet.others
        count = sum(len(reading.labels) for reading in readings)
        joined = sum(int(np.count_nonzero(reading.joined)) for reading in readings)
        work = writing(_VALUES * count)
        content: bytes = yield Offload(work, _content, (plan, readings, joined, others))
        media = JSON if plan.media == JSON else f"{TEXT}; charset=utf-8"
        return Result(model.title, headers_of(model.title, joined=joined or None), media, content)


def written_labels(sets: Sequence[str], model: Model) -> tuple[int, ...]:
    """Return the labels that `sets` name, or those of ASCII; all of a model that has none of these.

    Raises:
        InvalidParameter: One names no label of the model.
    """
    names = model.manifest.labels
    if sets or not any(name.isascii() for name in names):
        return possible_labels(sets or ("all",), model)
    return possible_labels(("ascii",), model)


def _content(plan: ReadPlan, readings: Sequence[PageReading], joined: int, others: int) -> bytes:
    lines = [line for image, reading in enumerate(readings) for line in _lines(plan, reading, image)]
    text = "\n".join(line["text"] for line in lines)
    if plan.media == TEXT:
        return f"{text}\n".encode()
    notes = []
    if joined:
        notes.append(f"Characters that look joined: {joined}. Only separate ones are read.")
    each = [one for line in lines for word in line["words"] for one in word["characters"]]
    doubtful = sum(one["doubt"]["doubtful"] for one in each)
    if doubtful > max(1, _DOUBTFUL * len(each)):
        notes.append(f"Doubtful characters: {doubtful} of {len(each)}. Is the picture upright, and its writing print?")
    if others:
        notes.append(f"Other pieces of ink were left out: {others}.")
    return json_bytes({"model": plan.model.title, "text": text, "notes": notes, "lines": lines})


def _lines(plan: ReadPlan, reading: PageReading, image: int) -> list[dict[str, Any]]:
    names, lines = plan.model.manifest.labels, list[dict[str, Any]]()
    best = np.argsort(-reading.posterior, axis=1, kind="stable")[:, : plan.query.top].tolist()
    percentiles: Sequence[float | None] = reading.percentiles or [None] * len(best)
    each = zip(reading.characters, best, percentiles, reading.joined.tolist(), strict=True)
    line = -1
    for index, (character, order, percentile, joined) in enumerate(each):
        if reading.lines[index] != line:
            line = int(reading.lines[index])
            lines.append({"image": image, "words": []})
        if reading.starts[index]:
            lines[-1]["words"].append({"characters": []})
        name = names[order[0]]
        doubt = describe_doubt(name, percentile, 0)
        if joined:
            doubt |= {"doubtful": True, "reasons": [*doubt["reasons"], _JOINED]}
        chances = {names[label]: float(reading.posterior[index, label]) for label in order}
        lines[-1]["words"][-1]["characters"].append(
            {"label": name, "box": character.box, "alternatives": chances, "joined": joined, "doubt": doubt}
        )
    for one in lines:
        for word in one["words"]:
            word["text"] = "".join(character["label"] for character in word["characters"])
            word["box"] = _around(word["characters"])
        one["text"] = " ".join(word["text"] for word in one["words"])
        one["box"] = _around(one["words"])
    return lines


def _around(parts: Sequence[Mapping[str, Any]]) -> Box:
    left, top, right, bottom = zip(*(part["box"] for part in parts), strict=True)
    return min(left), min(top), max(right), max(bottom)
