from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from glyphvae_training.data.lettering import Lettering
from glyphvae_training.evaluation.hands import (
    Letters,
    PenHand,
    font_distances,
    found_nearest,
    found_relative,
    intraclass_correlation,
    letters_of_all,
    single_hands,
    width_between_letters,
)
from glyphvae_training.measures.hog import hog
from glyphvae_training.measures.strokes import mean_ink
from glyphvae_training.models.pen import Pen
from tests.training.examples import SMALL_PEN

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Floats = NDArray[np.float32]

LABELS = np.array([0, 1, 2, 4])
WIDTHS = (2, 4, 7)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def bar(width: int, label: int, side: int = 28) -> Pixels:
    """A bar of a width in pixels, of a length by label."""
    image = np.zeros((side, side), np.uint8)
    image[4 : 12 + 3 * label, 10 : 10 + width] = 255
    return image


def letters() -> Letters:
    """Fonts that differ in the width of their bars."""
    images = np.array([[bar(width, label) for label in LABELS.tolist()] for width in WIDTHS])
    return Letters(LABELS, images, np.full(images.shape[:2], 0.05, np.float32))


def width_of(images: Pixels, labels: Labels) -> Floats:
    """Return the width of the bars as the hand."""
    assert len(images) == len(labels)
    return np.array([(images.max(axis=1) > 0).sum(axis=1).mean()], np.float32)


def write(hand: Floats, labels: Labels) -> Pixels:
    return np.array([bar(round(float(hand[0])), label) for label in labels.tolist()])


def lettering(labels: list[list[int]], side: int = 56) -> Lettering:
    """Fonts with these labels, in images whose pixels number their rows."""
    flat = np.array([label for font in labels for label in font])
    fonts = np.repeat(np.arange(len(labels)), [len(font) for font in labels])
    images = np.broadcast_to(np.arange(len(flat), dtype=np.uint8)[:, None, None], (len(flat), side, side))
    metrics = np.stack([np.arange(len(flat), dtype=np.float32)] * 4, axis=1)
    return Lettering(images, flat, fonts, fonts, metrics, tuple(map(str, range(len(labels)))))


def small_pen(couplings: int = 0) -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pen = Pen(replace(SMALL_PEN, couplings=couplings))
        if pen.form_flow is not None:
            for parameter in pen.form_flow.parameters():
                torch.nn.init.normal_(parameter, std=0.1)
    return pen.eval()


def test_letters_are_those_of_all_fonts_below_the_count() -> None:
    found = letters_of_all(lettering([[3, 1, 70, 2], [1, 2, 3, 70], [2, 0, 1, 70]]))
    assert found.labels.tolist() == [1, 2]
    assert found.images[:, :, 0, 0].tolist() == [[1, 3], [4, 5], [10, 8]]
    assert found.size.tolist() == [[1, 3], [4, 5], [10, 8]]
    assert letters_of_all(lettering([[1, 70], [70]]), 100).labels.tolist() == [70]


def test_coarse_pixels_are_means() -> None:
    fine = np.zeros((1, 1, 56, 56), np.uint8)
    fine[0, 0, :2, :2] = [[255, 0], [255, 3]]
    coarse = Letters(np.array([0]), fine, np.ones((1, 1), np.float32)).coarse()
    assert coarse.images.shape == (1, 1, 28, 28)
    assert coarse.images.sum() == coarse.images[0, 0, 0, 0] == 128


@pytest.mark.parametrize("given", [1, 3])
def test_every_font_is_found_by_a_hand_that_carries_it(given: int) -> None:
    apart = font_distances(letters(), width_of, write, given, rng(), tries=5)
    assert apart.shape == (3, 5, 3)
    assert np.all(apart[np.arange(3), :, np.arange(3)] == 0)
    assert found_nearest(apart).all()
    assert found_relative(apart).all()


def test_one_font_is_found_by_a_hand_that_carries_nothing() -> None:
    apart = font_distances(letters(), lambda _images, _labels: np.array([4], np.float32), write, 2, rng(), tries=4)
    assert found_nearest(apart).tolist() == [[False] * 4, [True] * 4, [False] * 4]


def test_a_distance_is_the_sum_over_the_other_letters() -> None:
    fonts = letters()
    one = font_distances(fonts, width_of, write, 3, rng(), tries=1)[0, 0, 1]
    features = hog(fonts.images[:2].reshape(-1, 28, 28)).reshape(2, 4, -1)
    each = np.linalg.norm(features[0] - features[1], axis=1)
    assert one == pytest.approx(each[rng().permutation(4)[3]], rel=1e-5)


def test_a_faint_hand_is_found_relative_to_the_others() -> None:
    # All are nearest to the font in the middle, but each is nearer to its own than the others are.
    apart = np.array([[[3.0, 1, 5]], [[4, 0.9, 5]], [[4, 1, 4.5]]])
    assert found_nearest(apart).tolist() == [[False], [True], [False]]
    assert found_relative(apart).tolist() == [[True], [True], [True]]


def test_only_letters_that_were_not_given_are_compared() -> None:
    seen: list[set[int]] = []

    def hand_of(images: Pixels, labels: Labels) -> Floats:
        seen.append(set(labels.tolist()))
        return width_of(images, labels)

    def write_others(hand: Floats, labels: Labels) -> Pixels:
        assert seen[-1] | set(labels.tolist()) == set(LABELS.tolist())
        assert not seen[-1] & set(labels.tolist())
        return write(hand, labels)

    font_distances(letters(), hand_of, write_others, 3, rng(), tries=6)
    assert [len(labels) for labels in seen] == [3] * 18
    assert len(set(map(frozenset, seen))) > 1


def test_each_letter_alone_has_a_hand() -> None:
    hands = single_hands(letters(), width_of)
    assert hands[:, :, 0].tolist() == [[width] * 4 for width in WIDTHS]


def test_intraclass_correlation_is_that_of_the_paper() -> None:
    # Shrout & Fleiss, table 2: ICC(1, 1) is 0.17.
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    agreeing = np.repeat(np.arange(6.0)[:, None], 4, axis=1)
    values = np.stack([np.array(ratings, float), agreeing], axis=2)
    np.testing.assert_allclose(intraclass_correlation(values), [0.166, 1], atol=0.001)


def test_latents_that_no_writer_decides_have_none() -> None:
    values = rng().normal(size=(200, 50, 1))
    assert intraclass_correlation(values).item() == pytest.approx(0, abs=0.02)


def test_widths_are_compared_at_true_size() -> None:
    images = np.stack([[bar(3, 4), bar(6, 4)]] * 2)
    found = width_between_letters(images, np.array([[2, 1], [1, 1]]))
    assert found[0] == pytest.approx(0, abs=0.05)
    # 3 and 6: a mean of 4.5 and a deviation of 1.5.
    assert found[1] == pytest.approx(1 / 3, abs=0.05)


def test_letters_without_ink_have_no_width() -> None:
    empty = np.zeros((28, 28), np.uint8)
    images = np.array([[bar(3, 4), empty, bar(3, 4)], [empty] * 3])
    found = width_between_letters(images, np.ones((2, 3)))
    assert found[0] == 0
    assert np.isnan(found[1])


def test_resolution_does_not_change_the_variation_of_widths() -> None:
    size = np.ones((1, 2))
    coarse = width_between_letters(np.array([[bar(3, 4), bar(6, 4)]]), size)
    fine = width_between_letters(np.array([[bar(6, 8, 56), bar(12, 8, 56)]]), size)
    assert fine.item() == pytest.approx(coarse.item(), abs=0.05)


def test_the_hand_of_one_letter_is_that_of_the_model() -> None:
    pen, images = small_pen(), rng().integers(0, 256, (3, 28, 28), dtype=np.uint8)
    labels = np.array([0, 1, 4])
    mu, _ = pen.with_prior(*pen.posterior(torch.from_numpy(images).float() / 255, torch.from_numpy(labels)))
    hand = PenHand(pen).hand_of(images[:1], labels[:1])
    np.testing.assert_allclose(hand, mu[0, :3].detach(), atol=1e-6)
    assert not np.allclose(PenHand(pen).hand_of(images, labels), hand)


def test_a_hand_writes_at_the_middle_of_the_form() -> None:
    pen, labels = small_pen(couplings=2), np.array([0, 1, 4])
    assert pen.hand_flow is not None
    noise = torch.zeros(3, 7)
    label = torch.from_numpy(labels)
    expected = torch.sigmoid(pen.decode(noise, label)).detach() * 255
    hand = pen.to_latents(noise, label)[0, :3].detach().numpy()
    written = PenHand(pen).write(hand, labels)
    assert written.dtype == np.uint8
    np.testing.assert_allclose(written, expected, atol=0.51)


def test_a_hand_paints_finer_with_the_edge_that_is_asked_for() -> None:
    hand, labels = np.zeros(3, np.float32), np.array([0, 4])
    sharp, size = PenHand(small_pen()).paint(hand, labels, 56, 0.1)
    soft, _ = PenHand(small_pen()).paint(hand, labels, 56, 0.6)
    assert sharp.shape == (2, 56, 56)
    assert size.shape == (2,)
    assert np.all((sharp > 230).sum(axis=(1, 2)) > (soft > 230).sum(axis=(1, 2)))
    assert np.all(mean_ink(soft) > 0)
