"""Parameters that several endpoints share: their types, limits and descriptions, and how they become values."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from glyphvae.errors import InvalidParameter
from glyphvae.models.latents import MAX_SEED
from glyphvae.wording import quoted

Value = TypeVar("Value")


class Parameters(BaseModel):
    """Base of every set of request parameters: unknown names are refused, with the known ones listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:  # noqa: ANN401 (whatever the request held)
        unknown = sorted(set(data) - set(cls.model_fields)) if isinstance(data, dict) else []
        if unknown:
            raise PydanticCustomError(
                "unknown_parameter",
                "unknown: {unknown}; allowed are: {allowed}",
                {"unknown": quoted(", ".join(unknown)), "allowed": ", ".join(cls.model_fields)},
            )
        return data


ModelName = Annotated[
    str | None,
    Field(max_length=64, description="Which model; see `GET /models`. Default: the service's default model."),
]
Seed = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_SEED,
        description="Makes the answer reproducible. Without it each answer is new, and the seed drawn for it comes "
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
Temperature = Annotated[
    float,
    Field(
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="Standard deviation of the drawn latents: 0 gives the most typical glyph, 1 the variety of real "
        "handwriting.",
    ),
]
Scale = Annotated[int, Field(ge=1, le=64, description="Picture pixels per glyph pixel; a glyph is 28 by 28.")]
Ink = Annotated[
    str,
    Field(max_length=64, description="Colour of the ink: a CSS name, `#rgb`, `#rrggbb` or `rgb(r, g, b)`."),
]
Paper = Annotated[str, Field(max_length=64, description="Colour of the paper, as for `ink`, or `transparent`.")]


def value_of(field: str, parse: Callable[..., Value], *arguments: object) -> Value:
    """`parse(*arguments)`, its ValueError turned into the answer that names `field`.

    Raises:
        InvalidParameter: `parse` refused the value.
    """
    try:
        return parse(*arguments)
    except ValueError as error:
        raise InvalidParameter.of(field, str(error)) from None
