from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.api.negotiate import choose, choose_for
from glyphvae.errors import NotAcceptable
from glyphvae.formats.registry import JSON, NPY, PDF, PNG, SVG
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from tests.known_model import write_model, write_more

OFFERS = (PNG, JSON, NPY)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", PNG),
        ("  ", PNG),
        ("*/*", PNG),
        ("image/*", PNG),
        ("application/*", JSON),
        ("application/json", JSON),
        ("Application/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/x-npy", NPY),
        ("text/html, application/xhtml+xml, */*;q=0.8", PNG),
        # Weights
        ("image/png;q=0.5, application/json;q=0.9", JSON),
        ("image/png;q=0.5,application/json;Q=0.4", PNG),
        ("image/png; q = 0.1 , application/x-npy", NPY),
        ("application/json, image/png", PNG),  # equals: the one offered first
        # The most specific range counts, even where a wider one weighs more.
        ("image/png;q=0.1, image/*;q=0.9, */*;q=0.5", JSON),
        ("*/*;q=0.9, application/json;q=0", PNG),
        ("*/*, image/png;q=0", JSON),
        ("application/*;q=0, */*", PNG),
        # Weights out of range
        ("application/json;q=7, image/png;q=0.9", JSON),
        ("image/png;q=nan, application/json;q=0.1", JSON),
        ("image/png;q=, application/json;q=0.1", JSON),
        ("image/png;q=high, application/json;q=0.1", JSON),
        ("image/png;q=-1, application/json;q=0.1", JSON),
    ],
)
def test_the_preferred_offer_is_chosen(accept: str, chosen: str) -> None:
    assert choose(accept, OFFERS) == chosen


@pytest.mark.parametrize("accept", ["text/html", "image/jpeg", "*/*;q=0", "image/png;q=nan", "png", ",", ";q=1"])
def test_what_cannot_be_satisfied_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        choose(accept, OFFERS)
    assert caught.value.headers == {"Vary": "Accept"}
    assert caught.value.detail.startswith("This route offers image/png, application/json, application/x-npy;")
    assert repr(accept) in caught.value.detail


def test_a_long_header_is_not_echoed_in_full() -> None:
    with pytest.raises(NotAcceptable) as caught:
        choose("text/html," * 1000, OFFERS)
    assert len(caught.value.detail) < 200


@given(st.text(max_size=200))
def test_any_accept_gets_an_offer_or_a_refusal(accept: str) -> None:
    try:
        assert choose(accept, OFFERS) in OFFERS
    except NotAcceptable as problem:
        problem.detail.encode()


RANGES = st.lists(
    st.tuples(st.sampled_from([PNG, JSON, NPY, "image/*", "application/*", "*/*", "text/html"]), st.integers(0, 1000)),
    min_size=1,
    max_size=6,
)


def chosen(ranges: list[tuple[str, int]]) -> str | None:
    try:
        return choose(", ".join(f"{media};q={weight / 1000}" for media, weight in ranges), OFFERS)
    except NotAcceptable:
        return None


@given(RANGES, st.randoms())
def test_the_order_of_ranges_means_nothing(ranges: list[tuple[str, int]], random: Random) -> None:
    shuffled = random.sample(ranges, len(ranges))
    assert chosen(shuffled) == chosen(ranges)


@given(RANGES)
def test_weights_count_by_their_ratio(ranges: list[tuple[str, int]]) -> None:
    even = [(media, weight // 2 * 2) for media, weight in ranges]
    assert chosen([(media, weight // 2) for media, weight in even]) == chosen(even)


@given(RANGES)
def test_what_is_refused_by_name_is_never_chosen(ranges: list[tuple[str, int]]) -> None:
    others = [(media, weight) for media, weight in ranges if media != PNG]
    assert chosen([*others, (PNG, 0)]) != PNG


@pytest.mark.parametrize("vector", [SVG, PDF])
def test_curves_are_for_models_that_draw_strokes(tmp_path: Path, vector: str) -> None:
    offers = (PNG, SVG, JSON, PDF)
    write_model(tmp_path)
    without = load_registry(Settings(models=tmp_path, default_model="cvae", device="cpu"))
    with pytest.raises(NotAcceptable, match="Models that draw strokes: none here"):
        choose_for(without.get("cvae"), vector, offers, without)
    write_more(tmp_path)
    registry = load_registry(Settings(models=tmp_path, default_model="cvae", device="cpu"))
    pixels, strokes = registry.get("cvae"), registry.get("more")
    assert choose_for(strokes, vector, offers, registry) == vector
    assert choose_for(pixels, "image/*", offers, registry) == PNG
    assert choose_for(pixels, f"{vector}, application/json;q=0.5", offers, registry) == JSON
    with pytest.raises(NotAcceptable) as caught:
        choose_for(pixels, vector, offers, registry)
    assert str(caught.value.detail) == (
        f"Model 'cvae' draws pixels, and {vector} is made of strokes. Models that draw strokes: more. "
        "Formats of this model: image/png, application/json."
    )
