"""Content negotiation: the choice of a media type by a request's `format`, or its `Accept` (RFC 9110, 12.5.1)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from glyphvae.errors import NotAcceptable
from glyphvae.formats.registry import MEDIA_TYPES, VECTORS
from glyphvae.models.registry import Model, Registry
from glyphvae.wording import quoted

# The type of `format` in each set of parameters is a `Literal` of the offers' names.
FORMAT = Field(description="The format of the response, instead of `Accept`, for links and images in a page.")
PictureFormat = Annotated[Literal["png", "webp", "svg", "json", "npy"] | None, FORMAT]


def accepted(format_: str | None, accept: str) -> str:
    """Return what a request accepts: the media type that its `format` names, or else its `Accept`."""
    return accept if format_ is None else MEDIA_TYPES[format_]


@lru_cache(maxsize=256)
def choose(accept: str, offers: tuple[str, ...]) -> str:
    """Return the offer that `accept` prefers: of equals the one offered first, without any preference the first.

    Raises:
        NotAcceptable: No offer satisfies `accept`.
    """
    if not accept.strip():
        return offers[0]
    ranges = [_parse(item) for item in accept.split(",")]
    best = max(offers, key=lambda offer: _quality(offer, ranges))
    if _quality(best, ranges) <= 0:
        raise NotAcceptable(
            f"This route offers {', '.join(offers)}; none satisfies {quoted(accept)}.", headers={"Vary": "Accept"}
        )
    return best


def choose_for(model: Model, accept: str, offers: tuple[str, ...], registry: Registry) -> str:
    """Return the offer that `accept` prefers of those that a model can make: SVG and PDF are made of strokes.

    Raises:
        NotAcceptable: No such offer satisfies `accept`; the message names the models that draw strokes.
    """
    media = choose(accept, offers)
    if media not in VECTORS or model.draws_strokes:
        return media
    others = tuple(offer for offer in offers if offer not in VECTORS)
    try:
        return choose(accept, others)
    except NotAcceptable:
        able = ", ".join(name for name, other in registry.models.items() if other.draws_strokes) or "none here"
        raise NotAcceptable(
            f"Model {model.manifest.name!r} draws pixels, and {media} is made of strokes. Models that draw strokes: "
            f"{able}. Formats of this model: {', '.join(others)}.",
            headers={"Vary": "Accept"},
        ) from None


def weigh(accepted: str, names: Sequence[str]) -> float:
    """Return the weight of the first of `names` that a header such as `Accept-Encoding` lists, 0 where it has none."""
    weights = dict(_parse(item) for item in accepted.split(","))
    return next((weights[name] for name in names if name in weights), 0.0)


def _parse(item: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in item.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media, _weight(value.strip())
    return media, 1.0


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    # Written so that NaN, which compares false, weighs nothing.
    return min(weight, 1.0) if weight > 0 else 0.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that covers `offer`, 0 where none does."""
    for pattern in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        weights = [weight for media, weight in ranges if media == pattern]
        if weights:
            return max(weights)
    return 0.0
