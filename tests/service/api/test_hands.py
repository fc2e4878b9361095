from collections.abc import Sequence

import pytest

from glyphvae.api.context import Context
from glyphvae.api.hands import given_latents
from glyphvae.errors import InvalidParameter
from tests.service.support import known_hand


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        (None, (0.5, -3, None, None, None, None)),
        ("", (0.5, -3, None, None, None, None)),
        (",1", (0.5, 1, None, None, None, None)),
        ("0,,2", (0, -3, 2, None, None, None)),
        ([None, 1.0, 2.0], (0.5, 1, 2, None, None, None)),
        ([], (0.5, -3, None, None, None, None)),
    ],
)
def test_a_hand_gives_the_latents_that_z_leaves_open(
    with_hand: Context, z: str | Sequence[float | None] | None, expected: tuple[float | None, ...]
) -> None:
    model = with_hand.registry.models["cvae"]
    assert given_latents("query", z, known_hand(0.5, -3), model, with_hand.registry) == pytest.approx(expected)
    open_ = given_latents("query", z, None, model, with_hand.registry)
    assert open_ == tuple(value if value not in {0.5, -3} else None for value in expected)


@pytest.mark.parametrize(
    ("where", "z", "hand", "field"),
    [
        ("query", None, "x", "query.hand"),
        ("body", None, "x", "body.hand"),
        ("query", "x", None, "query.z"),
        ("body", [0.0] * 7, None, "body.z"),
    ],
)
def test_what_is_wrong_is_named(with_hand: Context, where: str, z: object, hand: str | None, field: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        given_latents(where, z, hand, with_hand.registry.models["cvae"], with_hand.registry)  # type: ignore[arg-type]
    assert [error.field for error in raised.value.errors] == [field]
