import pytest
from pydantic import ValidationError

from glyphvae.api.parameters import Parameters, Scale, Seed, value_of
from glyphvae.errors import InvalidParameter


class Order(Parameters):
    """Any set of parameters."""

    scale: Scale = 1
    seed: Seed = None


def test_unknown_names_are_refused_with_the_known_ones_listed() -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({"scale": 2, "size": 1, "colour": 1})
    (error,) = caught.value.errors()
    assert error["msg"] == "unknown: 'colour, size'; allowed are: scale, seed"


@pytest.mark.parametrize("name", ["\ud800", "\n", "x" * 10_000])
def test_strange_names_are_shown_in_a_way_that_can_be_sent(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({name: 1})
    message = caught.value.errors()[0]["msg"]
    assert message.isprintable()
    assert len(message.encode()) < 200


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_what_is_no_set_of_parameters_is_refused(data: object) -> None:
    with pytest.raises(ValidationError):
        Order.model_validate(data)


def test_parameters_cannot_be_changed_once_checked() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Order().scale = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", [0, 2**53 - 1])
def test_a_seed_may_be_any_integer_that_javascript_reads(value: int) -> None:
    assert Order(seed=value).seed == value


def test_a_parsed_value_is_returned() -> None:
    assert value_of("query.n", int, "12", 8) == 10


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(InvalidParameter) as caught:
        value_of("query.n", int, "twelve")
    (field,) = caught.value.errors
    assert field.field == "query.n"
    assert "'twelve'" in field.detail
