import json
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field, ValidationError

from glyphvae.api.parameters import (
    LONGEST_NAME,
    MAX_ERRORS,
    MAX_ITEMS,
    Parameters,
    Scale,
    Seed,
    problem_of,
    read_json,
    read_query,
    value_of,
)
from glyphvae.errors import InvalidParameter, MalformedBody, MissingParameter, Problem, UnsupportedMedia

NO_JSON = (b"{", b'{"seed": A}', b'{"seed": 1} B', b'{"label": ["\xff"]}')


def refuse(value: str) -> str:
    """Refuse every name."""
    message = f"{value!r} is no name"
    raise ValueError(message)


class Some(Parameters):
    """Any set of parameters."""

    scale: Scale = 1
    seed: Seed = None
    label: list[str] = Field(default=[])


def test_unknown_names_are_refused_with_the_known_ones_listed() -> None:
    with pytest.raises(ValidationError) as caught:
        Some.model_validate({"scale": 2, "size": 1, "colour": 1})
    (error,) = caught.value.errors()
    assert error["msg"] == "unknown: 'colour, size'; allowed are: scale, seed, label"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"lable": ["J"]}, "unknown: 'lable' (did you mean `label`?); allowed are: "),
        (
            {"lable": ["J"], "sede": 1, "x": 1},
            "'lable, sede, x' (did you mean `label` for 'lable', did you mean `seed` for 'sede'?)",
        ),
        ({"SEED": 1}, "'SEED' (did you mean `seed`?)"),
        ({"label" * 100: 1}, "...; allowed are"),
    ],
)
def test_a_misspelt_name_is_recognised(data: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Some.model_validate(data)
    assert says in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("name", ["\ud800", "\n", "x" * 10_000])
def test_strange_names_are_shown_in_a_way_that_can_be_sent(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Some.model_validate({name: 1})
    message = caught.value.errors()[0]["msg"]
    assert message.isprintable()
    assert len(message.encode()) < 200


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_what_is_no_set_of_parameters_is_refused(data: object) -> None:
    with pytest.raises(ValidationError):
        Some.model_validate(data)


def test_parameters_cannot_be_changed_once_checked() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Some().scale = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", [0, 2**53 - 1])
def test_a_seed_may_be_any_integer_that_javascript_reads(value: int) -> None:
    assert Some(seed=value).seed == value


def test_a_parsed_value_is_returned() -> None:
    assert value_of("query.n", int, "12", 8) == 10


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(InvalidParameter) as caught:
        value_of("query.n", int, "twelve")
    (field,) = caught.value.errors
    assert field.field == "query.n"
    assert "'twelve'" in field.detail


@pytest.mark.parametrize(
    ("query", "read"),
    [
        (b"", Some()),
        (b"scale=2&seed=7", Some(scale=2, seed=7)),
        (b"label=J", Some(label=["J"])),
        (b"label=J&scale=3&label=%C3%84&scale=2", Some(scale=2, label=["J", "Ä"])),
        (b"label=+&label=", Some(label=[" ", ""])),
    ],
)
def test_a_query_is_read(query: bytes, read: Some) -> None:
    assert read_query(Some, query) == read


@pytest.mark.parametrize("query", [b"scale=0", b"scale=", b"seed=x", b"scale=2&scale=65", b"size=1", b"\xff"])
def test_a_query_that_is_not_allowed_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidParameter, match="query"):
        read_query(Some, query)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/a+json"])
def test_a_json_body_is_read(content_type: str) -> None:
    assert read_json(Some, content_type, b'{"label": ["J"], "seed": 7}') == Some(seed=7, label=["J"])


@pytest.mark.parametrize(
    ("content_type", "content", "problem", "says"),
    [
        ("application/json", b"", MissingParameter, "body: Field required"),
        ("application/json", b'{"scale": 0, "inner": {}}', InvalidParameter, "body"),
        ("application/x-www-form-urlencoded", b' {"seed": 1}', UnsupportedMedia, "`Content-Type: application/json`"),
        ("", b"[]", UnsupportedMedia, r"body is untyped; send application/json\."),
        ("application/x-npy", b"\x93NUMPY", UnsupportedMedia, "body is 'application/x-npy'; send"),
        ("x" * 5000, b"seed=1", UnsupportedMedia, r"xxx'\.\.\.; send application/json\."),
        *(("application/json", content, MalformedBody, "The body is not JSON: ") for content in NO_JSON),
        *(("application/json", content, InvalidParameter, "body: ") for content in (b"null", b"[]", b'"HELLO"')),
        ("application/json", b'{"scale": NaN}', InvalidParameter, r"body\.scale: .*finite"),
        ("application/json", b'{"scale": 0, "label": [1]}', InvalidParameter, r"body\.scale: .*; body\.label\.0: "),
        ("application/json", b'{"size": 1}', InvalidParameter, "body: unknown: 'size'"),
    ],
)
def test_a_body_that_is_not_allowed_is_refused(
    content_type: str, content: bytes, problem: type[Problem], says: str
) -> None:
    with pytest.raises(problem, match=says):
        read_json(Some, content_type, content)


def test_values_that_are_all_missing_are_called_so() -> None:
    missing, wrong = {"type": "missing", "loc": ("n",), "msg": "Field required"}, {"loc": ("m",), "msg": "too small"}
    assert isinstance(problem_of([missing, missing], "query"), MissingParameter)
    assert isinstance(problem_of([missing, wrong], "query"), InvalidParameter)


def test_every_refused_value_is_listed() -> None:
    problem = problem_of([{"loc": ("query", "n"), "msg": "too small"}, {"loc": ("path", "name"), "msg": "too long"}])
    assert problem.detail == "query.n: too small; path.name: too long"
    assert [error.field for error in problem.errors] == ["query.n", "path.name"]


class Checked(Parameters):
    """Parameters that a function of ours checks."""

    inner: Some | None = None
    name: Annotated[str, AfterValidator(refuse)] = ""


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "body: Input should be an object"),
        (b'{"inner": "A4"}', "body.inner: Input should be an object"),
        (b'{"name": "A"}', "body.name: 'A' is no name"),
    ],
)
def test_problems_say_nothing_of_classes(body: bytes, detail: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        read_json(Checked, "application/json", body)
    assert caught.value.detail == detail


class Mixed(Parameters):
    """Parameters with weights by label."""

    labels: dict[str, float] | list[str] | None = None


def refusal(value: object) -> Problem:
    with pytest.raises(InvalidParameter) as caught:
        read_json(Mixed, "application/json", json.dumps({"labels": value}).encode())
    return caught.value


@pytest.mark.parametrize("value", [list(range(MAX_ITEMS)), {str(i): "x" for i in range(MAX_ITEMS)}])
def test_the_first_of_many_refused_values_are_listed(value: object) -> None:
    problem = refusal(value)
    assert len(problem.errors) == MAX_ERRORS
    assert "; and 1" in problem.detail
    assert problem.detail.endswith(" more")
    assert len(problem.response().body) < 4000


@pytest.mark.parametrize("value", [list(range(MAX_ITEMS + 1)), {str(i): "x" for i in range(400_000)}])
def test_more_items_than_any_parameter_has_are_not_looked_at(value: "list[int] | dict[str, str]") -> None:
    (error,) = refusal(value).errors
    assert (error.field, error.detail) == ("body.labels", f"it has {len(value)} items")


@pytest.mark.parametrize("name", ["x" * 10_000, "\ud800", "\n"])
def test_names_of_the_clients_are_shortened_and_escaped(name: str) -> None:
    problem = refusal({name: "y"})
    assert problem.detail.isprintable()
    assert len(problem.errors[0].field) < LONGEST_NAME + 60
    assert problem.response().status_code == 422
