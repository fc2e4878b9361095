"""Options of commands, one per parameter of an endpoint or setting, so that the two cannot diverge."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from glyphvae.models.latents import parse_latents

Command = TypeVar("Command", bound=Callable[..., None])


def with_options(*kinds: type[BaseModel], own: Mapping[str, str] | None = None) -> Callable[[Command], Command]:
    """Return a decorator that gives a command, in place of its `**options`, an option for each of the fields.

    An option that is not given is None. A field that is a model itself becomes an option for each of its fields.

    Args:
        kinds: The models, of which the first that has a field describes it.
        own: Descriptions in place of those of fields.
    """
    descriptions = own or {}

    def decorate(command: Command) -> Command:
        kept = [
            parameter
            for parameter in inspect.signature(command).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        taken = {parameter.name for parameter in kept}
        fields = {name: field for kind in reversed(kinds) for name, field in _flat(kind).items() if name not in taken}
        added = [_parameter(name, field, descriptions.get(name)) for name, field in fields.items()]
        command.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
        return command

    return decorate


def values_of(kind: type[BaseModel], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a model's fields that `options` hold, checked.

    Raises:
        ValidationError: A value is not allowed.
        ValueError: Latents are no numbers.
    """
    values = _given(kind, options)
    kind.model_validate(values)
    return values


def _given(kind: type[BaseModel], options: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        inner = _model_in(field)
        if inner is None:
            value = _read(name, field, options.get(name))
        else:
            prefix = f"{name}_"
            within = {key.removeprefix(prefix): options[key] for key in options if key.startswith(prefix)}
            value = _given(inner, within) or None
        if value is not None:
            values[name] = value
    return values


def _flat(kind: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    fields: dict[str, FieldInfo] = {}
    for name, field in kind.model_fields.items():
        inner = _model_in(field)
        fields |= {f"{prefix}{name}": field} if inner is None else _flat(inner, f"{prefix}{name}_")
    return fields


def _model_in(field: FieldInfo) -> type[BaseModel] | None:
    models = [kind for kind in _kinds(field) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return models[0] if models else None


def _parameter(name: str, field: FieldInfo, description: str | None) -> inspect.Parameter:
    shown = not field.is_required() and field.default not in (None, "", [], False)
    option = typer.Option(
        help=description or field.description,
        show_default=str(field.default) if shown else False,
        metavar="|".join(get_args(field.annotation)) if get_origin(field.annotation) is Literal else None,
    )
    kind: Any = Annotated[_option_type(field), option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _option_type(field: FieldInfo) -> Any:  # noqa: ANN401 (a type, or a union)
    # Choices and texts are checked by the model, whose error names the field.
    if get_origin(field.annotation) is list:
        return list[str] | None
    kinds = [kind for kind in (bool, int, float, Path) if set(_kinds(field)) <= {kind, type(None)}]
    return kinds[0] | None if kinds else str | None


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) or (field.annotation,)


def _read(name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 (whatever an option holds)
    """Return the value of a field by that of its option: numbers with commas between are a list."""
    if name == "z" and value is not None:
        # The number of latents is checked later, where the model is known.
        return parse_latents(value, value.count(",") + 1)
    if isinstance(value, str) and any(get_origin(kind) is tuple for kind in _kinds(field)):
        return _numbers(value)
    return value or None if isinstance(value, list) else value


def _numbers(text: str) -> Any:  # noqa: ANN401 (a number, a list of numbers, or the text)
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return text
    return numbers if len(numbers) > 1 else numbers[0]
