"""Parameters of requests: types that several endpoints share, and how queries and bodies are read."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, Protocol, TypeVar, get_origin
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from glyphvae.errors import InvalidField, InvalidParameter, MalformedBody, MissingParameter, Problem, UnsupportedMedia
from glyphvae.models.latents import MAX_LATENT, MAX_SEED
from glyphvae.wording import quoted, suggestion

# Refused values that an error response lists, characters of a key by which it names one, and items of a list or object
# in a body: no parameter has more, and none of what has more is looked at.
MAX_ERRORS = 10
LONGEST_NAME = 80
MAX_ITEMS = 1024
# `curl -d` sends another type of its own accord.
_SET_TYPE = "so set its type: `Content-Type: application/json` (curl -H 'Content-Type: application/json')"

Value = TypeVar("Value")
Model = TypeVar("Model", bound=BaseModel)


class Parameters(BaseModel):
    """Base of every set of request parameters: unknown names are refused, with the closest and all known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:  # noqa: ANN401 (whatever the request held)
        unknown = sorted(set(data) - set(cls.model_fields)) if isinstance(data, dict) else []
        if unknown:
            meant = {name: suggestion(name, cls.model_fields) for name in unknown[:MAX_ERRORS]}
            close = [
                f"did you mean `{known}`" + (f" for {quoted(name)}" if len(unknown) > 1 else "")
                for name, known in meant.items()
                if known
            ]
            raise PydanticCustomError(
                "unknown_parameter",
                "unknown: {unknown}{close}; allowed are: {allowed}",
                {
                    "unknown": quoted(", ".join(unknown)),
                    "close": f" ({', '.join(close)}?)" if close else "",
                    "allowed": ", ".join(cls.model_fields),
                },
            )
        return data


# Of what is drawn to be looked at, here as on the playground. Chosen with an earlier default model: of 360 glyphs, ten
# of each label, about twenty were broken or looked like another character at 1.0, five at 0.8 and two at 0.7.
DEFAULT_TEMPERATURE = 0.7

ModelName = Annotated[
    str | None,
    Field(max_length=64, description="Which model; see `GET /models`. Default: the service's default model."),
]
Beta = Annotated[
    float | None,
    Field(
        gt=0,
        allow_inf_nan=False,
        description="Which β of the series of `model`, whose models differ in β alone; see docs/models.md. Without "
        "`model`, of the series of the default model, or of the largest one if that has no other β. Default: `model` "
        "itself.",
    ),
]
Seed = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_SEED,
        description="Makes the response reproducible. Without it each response is new, and the seed drawn for it comes "
        "back in the header `Glyphvae-Seed`.",
    ),
]
Latents = Annotated[
    str | None,
    Field(
        max_length=1024,
        description="Latents from -10 to 10, with commas between; a blank or missing one is drawn.",
        examples=["0.5,,-1"],
    ),
]
Latent = Annotated[float, Field(ge=-MAX_LATENT, le=MAX_LATENT, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Temperature = Annotated[
    Deviation,
    Field(
        description="Standard deviation of the drawn latents: 0 gives the most typical glyph, 1 the variety of real "
        "handwriting.",
    ),
]
Scale = Annotated[
    int,
    Field(
        ge=1,
        le=64,
        description="Picture pixels per glyph pixel; a glyph is 28 by 28. A model that draws strokes paints them at "
        "that size; of any other, pixels are enlarged.",
    ),
]
Ink = Annotated[
    str,
    Field(max_length=64, description="Colour of the ink: a CSS name, `#rgb`, `#rrggbb` or `rgb(r, g, b)`."),
]
DEFAULT_INK, DEFAULT_PAPER = "black", "white"
Lines = Annotated[
    Literal["outline", "centre"],
    Field(
        description="Of SVG: `outline` draws the ink as it is; `centre` draws a single thin line along each stroke, in "
        "the order of writing, without paper and with its size in millimetres, for pen plotters and cutting machines."
    ),
]
Animate = Annotated[
    bool,
    Field(
        description="Of SVG: whether the strokes are written one after the other, in 20 seconds at most. Readers who "
        "prefer reduced motion see all of them at once."
    ),
]
Paper = Annotated[str, Field(max_length=64, description="Colour of the paper, as for `ink`, or `transparent`.")]


class PictureParameters(Protocol):
    """Parameters of the look of a picture."""

    @property
    def scale(self) -> int:
        """Picture pixels per glyph pixel."""

    @property
    def ink(self) -> str:
        """Colour of the ink."""

    @property
    def paper(self) -> str:
        """Colour of the paper."""

    @property
    def strokes(self) -> str:
        """Part of each stroke that an SVG draws."""

    @property
    def animate(self) -> bool:
        """True where an SVG is animated."""


def read_query(kind: type[Model], query: bytes) -> Model:
    """Read a query string.

    Of a parameter that comes several times the last counts, unless the parameter is a list.

    Raises:
        InvalidParameter: A value is not allowed.
    """
    lists, values = _lists_of(kind), dict[str, Any]()
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return validated(kind, values, "query")


def read_json(kind: type[Model], content_type: str, content: bytes) -> Model:
    """Read a JSON body.

    Raises:
        MalformedBody: It is not JSON.
        UnsupportedMedia: Its `Content-Type` is another one.
        MissingParameter: There is no body, or it lacks a value.
        InvalidParameter: A value is not allowed.
    """
    if not content:
        raise MissingParameter.of("body", "Field required", "a JSON object")
    if not is_json(content_type):
        sent = quoted(content_type) if content_type else "untyped"
        hint = f"it looks like JSON, {_SET_TYPE}" if looks_like_json(content) else "send application/json"
        raise UnsupportedMedia(f"body is {sent}; {hint}.")
    try:
        values = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        values = _lenient(content, error.msg)
    return validated(kind, values, "body")


def _lenient(content: bytes, detail: str) -> object:
    """Read JSON with numbers that are not finite and characters that are none, so that an error can name their field.

    Raises:
        MalformedBody: It is not JSON either.
    """
    try:
        return json.loads(content)
    except ValueError:
        raise MalformedBody(f"The body is not JSON: {detail}.") from None


def read_query_beside_json(kind: type[Model], query: bytes) -> Model:
    """Read the query string of an endpoint whose other parameters are in a JSON body.

    Raises:
        InvalidParameter: A value is not allowed, or belongs in the body.
    """
    try:
        return read_query(kind, query)
    except InvalidParameter as problem:
        detail = f"{problem.detail}; the others belong in the JSON body"
        raise InvalidParameter(detail, problem.errors) from None


def looks_like_json(content: bytes) -> bool:
    """Return whether a body of another type is probably a JSON object."""
    return content.lstrip()[:1] == b"{"


@lru_cache
def _lists_of(kind: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in kind.model_fields.items() if get_origin(field.annotation) is list)


@lru_cache(maxsize=64)
def is_json(content_type: str) -> bool:
    """Return whether a `Content-Type` is that of JSON."""
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def validated(kind: type[Model], values: object, where: str) -> Model:
    """Check values, which stood in a query or a body.

    Raises:
        InvalidParameter: One is not allowed.
    """
    # Pydantic would make an error of each item first.
    _check_length(values, where)
    for name, value in values.items() if isinstance(values, dict) else ():
        _check_length(value, where, _name(name))
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise problem_of(refusals(error), where) from None


def _check_length(value: object, *place: str) -> None:
    """Check that a list or object has no more items than are looked at.

    Raises:
        InvalidParameter: It has, and is at that place.
    """
    if isinstance(value, list | dict) and len(value) > MAX_ITEMS:
        raise InvalidParameter.of(".".join(place), f"it has {len(value)} items", f"at most {MAX_ITEMS} items")


def refusals(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    """Return pydantic's errors without what they were about, which may be long."""
    return error.errors(include_url=False, include_context=False, include_input=False)


def problem_of(errors: Sequence[Mapping[str, Any]], where: str | None = None) -> Problem:
    """Return pydantic's errors as one problem that lists the first refused or missing values.

    Args:
        errors: The errors.
        where: Where all of the values stood; None where the errors say it.
    """
    fields = [
        InvalidField(field=".".join(map(_name, (where, *one["loc"]) if where else one["loc"])), detail=_message(one))
        for one in errors[:MAX_ERRORS]
    ]
    more = [f"and {len(errors) - MAX_ERRORS} more"] if len(errors) > MAX_ERRORS else []
    problem = MissingParameter if all(one.get("type") == "missing" for one in errors) else InvalidParameter
    return problem("; ".join([f"{field.field}: {field.detail}" for field in fields] + more), fields)


def _message(error: Mapping[str, Any]) -> str:
    """Return what pydantic says of a value, without its own words and the names of our classes."""
    if error.get("type") == "model_type":
        return "Input should be an object"
    return str(error["msg"]).removeprefix("Value error, ")


def _name(part: object) -> str:
    """Return a part of a value's location, which may be a key of the client's."""
    text = str(part)
    return text if text.isprintable() and len(text) <= LONGEST_NAME else quoted(text, LONGEST_NAME)


def value_of(field: str, parse: Callable[..., Value], *arguments: object) -> Value:
    """Return `parse(*arguments)`, its ValueError turned into the problem that names `field`.

    Raises:
        InvalidParameter: `parse` refused the value.
    """
    try:
        return parse(*arguments)
    except ValueError as error:
        raise InvalidParameter.of(field, str(error)) from None


def filled_latents(z: Sequence[float | None] | None, size: int) -> tuple[float | None, ...]:
    """Return the latents that a body gives, None for each that is to be drawn.

    Raises:
        InvalidParameter: There are more than the model has.
    """
    given = tuple(z or ())
    if len(given) > size:
        raise InvalidParameter.of("body.z", f"{len(given)} latents were given", f"at most {size}")
    return given + (None,) * (size - len(given))
