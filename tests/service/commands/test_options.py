import inspect
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, Field, ValidationError

from glyphvae.commands.options import values_of, with_options
from glyphvae.operations.hand import HandQuery
from glyphvae.operations.render_text import RenderText


class Paper(BaseModel):
    size: Literal["A4"] | tuple[float, float] = Field("A4", description="Its size.")
    landscape: bool = False
    n: int = 1


class Letter(BaseModel):
    text: str
    n: int = 3
    kind: Literal["plain", "bold"] = "plain"
    names: list[str] = []
    z: list[float | None] | None = None
    page: Paper | None = Field(None, description="The page.")


@with_options(Letter, own={"n": "How many."})
def command(text: str, **options: object) -> None:
    """Take the options of a letter."""


def options() -> dict[str, tuple[object, Any]]:
    """Return type and description of each option of the command."""
    parameters = list(inspect.signature(command).parameters.values())[1:]
    return {one.name: get_args(one.annotation) for one in parameters}


def test_each_field_becomes_an_option() -> None:
    found = options()
    assert {name: kind for name, (kind, _) in found.items()} == {
        "n": int | None,
        "kind": str | None,
        "names": list[str] | None,
        "z": str | None,
        "page_size": str | None,
        "page_landscape": bool | None,
        "page_n": int | None,
    }
    assert (found["n"][1].help, found["page_size"][1].help) == ("How many.", "Its size.")
    assert [found[name][1].show_default for name in ("n", "kind", "names", "z")] == ["3", "plain", False, False]
    assert (found["kind"][1].metavar, found["n"][1].metavar) == ("plain|bold", None)


def test_the_first_model_describes_a_field_that_two_have() -> None:
    class Other(BaseModel):
        n: Annotated[float, Field(description="Another.")] = 5
        more: int = 1

    @with_options(Letter, Other)
    def both(**options: object) -> None:
        """Take the options of both."""

    parameters = inspect.signature(both).parameters
    assert {"n", "more", "text"} <= set(parameters)
    assert get_args(parameters["n"].annotation)[0] == int | None


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({}, {}),
        ({"n": 0, "kind": "bold"}, {"n": 0, "kind": "bold"}),
        ({"names": []}, {}),
        ({"names": ["a"], "other": 1}, {"names": ["a"]}),
        ({"z": "1,,-1"}, {"z": (1.0, None, -1.0)}),
        ({"page_size": "A4", "page_landscape": True}, {"page": {"size": "A4", "landscape": True}}),
        ({"page_size": "100,50.5"}, {"page": {"size": [100.0, 50.5]}}),
        ({"page_landscape": None}, {}),
        ({"page_n": 2, "n": 4}, {"n": 4, "page": {"n": 2}}),
    ],
)
def test_options_become_values_of_the_model(given: dict[str, Any], values: dict[str, Any]) -> None:
    assert values_of(Letter, {"text": "A"} | given) == {"text": "A"} | values


def test_one_number_is_a_number() -> None:
    with pytest.raises(ValidationError, match=r"page\.size[\s\S]*input_value=100"):
        values_of(Letter, {"text": "A", "page_size": "100"})


@pytest.mark.parametrize("given", [{"kind": "thin"}, {"n": "many"}, {"page_size": "A0"}])
def test_other_values_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        values_of(Letter, {"text": "A"} | given)


def test_latents_are_numbers() -> None:
    with pytest.raises(ValueError, match="latent 1 is 'x', not a number"):
        values_of(RenderText, {"text": "A", "z": "x"})


def test_lists_of_an_endpoint_may_be_repeated() -> None:
    assert values_of(HandQuery, {"label": ["R", "a"], "labels": None}) == {"label": ["R", "a"]}
