"""The parameter `hand`, and the latents that it and `z` give together."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from glyphvae.api.parameters import filled_latents, value_of
from glyphvae.models.hand_string import read_hand
from glyphvae.models.latents import parse_latents
from glyphvae.models.registry import Model, Registry

# One hand, as `POST /hand` returns it. A hand of 64 latents has 115 characters.
OneHand = Annotated[str, Field(max_length=128)]
HandString = Annotated[
    OneHand | None,
    Field(
        description="A hand, the string that `POST /hand` returns: it gives the latents of the hand, at their mean. "
        "Latents that `z` gives take their place one by one; the others, the form, are drawn as without it."
    ),
]


def given_latents(
    where: Literal["query", "body"],
    z: str | Sequence[float | None] | None,
    hand: str | None,
    model: Model,
    registry: Registry,
) -> tuple[float | None, ...]:
    """Return the latents that a request gives, None for each that is to be drawn.

    Args:
        where: The place of the parameters.
        z: The latents as they were sent, a text in a query and a list in a body.
        hand: A hand, whose latents are taken where `z` leaves them open.
        model: The model that writes.
        registry: All models that are served.

    Raises:
        InvalidParameter: The hand is none of this model, or latents are too many or wrong.
    """
    size = model.manifest.latent_size
    if z is None or isinstance(z, str):
        given = value_of(f"{where}.z", parse_latents, z or "", size)
    else:
        given = filled_latents(z, size)
    if hand is None:
        return given
    manifests = {name: other.manifest for name, other in registry.models.items()}
    latents = value_of(f"{where}.hand", read_hand, hand, model.manifest, manifests)
    first = [value if own is None else own for own, value in zip(given, latents, strict=False)]
    return (*first, *given[len(first) :])
