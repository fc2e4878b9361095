from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from glyphvae.imaging.preprocess import UnsuitableImageError, preprocess
from glyphvae.imaging.preprocess_batch import MIN_BATCH, preprocess_many
from glyphvae.models.registry import load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings

FIELD = (28, 28)
LEVELS = hnp.arrays(np.uint8, FIELD, fill=st.just(0))
PAPERS = st.sampled_from([0, 255, 254, 128])


@st.composite
def drawings(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Draw a few strokes of any strength, anywhere on any paper."""
    picture = np.full(FIELD, draw(PAPERS), np.uint8)
    for _ in range(draw(st.integers(0, 3))):
        (top, bottom), (left, right) = (sorted(draw(st.tuples(*[st.integers(0, 28)] * 2))) for _ in range(2))
        picture[top:bottom, left:right] = draw(st.integers(0, 255))
    return picture


def one_by_one(picture: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    try:
        return preprocess(picture)
    except UnsuitableImageError:
        return None


@given(st.lists(st.one_of(drawings(), LEVELS), min_size=MIN_BATCH, max_size=12))
def test_together_as_one_by_one(pictures: list[NDArray[np.uint8]]) -> None:
    for picture, glyph in zip(pictures, preprocess_many(pictures), strict=True):
        alone = one_by_one(picture)
        assert glyph is None or (alone is not None and np.array_equal(glyph, alone))


@pytest.mark.parametrize(
    "change",
    [
        lambda glyph: glyph,
        lambda glyph: 255 - glyph,
        lambda glyph: glyph // 3,
        lambda glyph: np.roll(glyph, (3, -2), (0, 1)),
        lambda glyph: np.repeat(np.repeat(glyph[::2, ::2], 2, axis=0), 2, axis=1),
    ],
)
def test_nearly_every_character_on_clean_paper_is_converted(
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
) -> None:
    labels = np.arange(360) % 36
    model = load_registry(Settings(device="cpu")).get(None)
    z = np.random.default_rng(0).standard_normal((len(labels), model.manifest.latent_size), dtype=np.float32)
    pictures = [change(glyph) for glyph in run_now(model.decode(z, labels))]
    converted = preprocess_many(pictures)
    assert sum(glyph is None for glyph in converted) <= 0.02 * len(labels)  # flat ones
    for picture, glyph in zip(pictures, converted, strict=True):
        assert glyph is None or (glyph.dtype == np.uint8 and np.array_equal(glyph, preprocess(picture)))


def test_other_images_are_left_to_preprocess() -> None:
    stroke = np.zeros(FIELD, np.uint8)
    stroke[4:20, 10:14] = 200
    other = np.zeros((30, 28), np.uint8)
    grey_paper, blank, faint = np.full(FIELD, 128, np.uint8), np.zeros(FIELD, np.uint8), stroke // 20
    given = [stroke, other, grey_paper, blank, faint, stroke.T, *[stroke] * (MIN_BATCH - 1)]
    converted = [glyph is not None for glyph in preprocess_many(given)]
    assert converted == [True, *[False] * 5, *[True] * (MIN_BATCH - 1)]
    assert preprocess_many([stroke] * (MIN_BATCH - 1)) == [None] * (MIN_BATCH - 1)
    assert preprocess_many([blank] * MIN_BATCH) == [None] * MIN_BATCH
    assert preprocess_many([]) == []
