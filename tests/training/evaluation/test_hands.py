import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.evaluation.hands import (
    Hands,
    Letters,
    dotted_shares,
    font_distances,
    found_nearest,
    found_relative,
    intraclass_correlation,
    letters_of_all,
    mean_over_fonts,
    product_mean,
    width_between_letters,
)
from glyphvae_training.measures.hog import hog
from tests.training.examples import exported_model, painter, random_characters

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


def test_letters_are_those_of_all_fonts_below_the_count() -> None:
    found = letters_of_all(lettering([[3, 1, 70, 2], [1, 2, 3, 70], [2, 0, 1, 70]]))
    assert found.labels.tolist() == [1, 2]
    assert found.images[:, :, 0, 0].tolist() == [[1, 3], [4, 5], [10, 8]]
    assert found.size.tolist() == [[1, 3], [4, 5], [10, 8]]
    assert letters_of_all(lettering([[1, 70], [70]]), count=100).labels.tolist() == [70]


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


def test_fonts_of_two_parts_have_the_letters_of_all() -> None:
    found = letters_of_all(lettering([[3, 1, 2], [1, 2, 3]]), lettering([[2, 0, 1]]))
    assert found.labels.tolist() == [1, 2]
    assert found.images[:, :, 0, 0].tolist() == [[1, 2], [3, 4], [2, 0]]


def test_intraclass_correlation_is_that_of_the_paper() -> None:
    # Shrout & Fleiss, table 2: ICC(1, 1) is 0.17.
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    agreeing = np.repeat(np.arange(6.0)[:, None], 4, axis=1)
    values = np.stack([np.array(ratings, float), agreeing], axis=2)
    disagreeing, same = intraclass_correlation(values)
    assert disagreeing.value == pytest.approx(0.166, abs=0.001)
    # McGraw & Wong, "Forming inferences about some intraclass correlation coefficients" (1996), for these ratings.
    assert (disagreeing.low, disagreeing.high) == pytest.approx((-0.133, 0.723), abs=0.001)
    assert list(same) == pytest.approx([1, 1, 1])


def test_latents_that_no_writer_decides_have_none() -> None:
    values = rng().normal(size=(200, 50, 1))
    assert intraclass_correlation(values)[0].value == pytest.approx(0, abs=0.02)


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
    model, split = exported_model("pen"), random_characters(3, 36)
    mu, _ = model.encode(split.images, split.labels)
    np.testing.assert_allclose(Hands(model).of(split.images[:1], split.labels[:1]), mu[0, :3], atol=1e-6)


def test_the_hand_of_several_letters_has_the_prior_once() -> None:
    mu, logvar = np.array([[1.0, 3], [2, 0]], np.float32), np.log(np.array([[0.5, 4], [0.25, 0.5]], np.float32))
    # Precisions 2 and 4 with a prior of 1 each, which counts once: 5. Nothing is wider than the prior.
    np.testing.assert_allclose(product_mean(mu, logvar), [(2 * 1 + 4 * 2) / 5, 3 / 2], rtol=1e-6)


def test_each_letter_alone_has_a_hand() -> None:
    model = exported_model("pen")
    hands = Hands(model).single(letters())
    assert hands.shape == (3, 4, 3)
    one = Hands(model).of(letters().images[2, 1:2], letters().labels[1:2])
    np.testing.assert_allclose(hands[2, 1], one, atol=1e-6)


def test_a_hand_writes_at_the_middle_of_the_form_or_in_a_form() -> None:
    hands, hand = Hands(exported_model("pen")), np.array([1, 2, 3], np.float32)
    middle = hands.latents(hand, LABELS)
    assert middle.tolist() == [[1, 2, 3, 0, 0, 0]] * 4
    forms = hands.forms(4, rng())
    assert hands.latents(hand, LABELS, forms)[:, 3:].tolist() == forms.tolist()
    written = hands.write(hand, LABELS)
    np.testing.assert_array_equal(written, exported_model("pen").decode(middle, LABELS)[0])
    assert np.any(hands.write(hand, LABELS, 9 * forms) != written)


def test_a_model_without_a_form_has_only_hands() -> None:
    hands = Hands(exported_model("cvae"))
    split = random_characters(2, 36)
    assert hands.of(split.images, split.labels).shape == (6,)
    assert hands.forms(2, rng()).shape == (2, 0)
    assert hands.write(np.zeros(6, np.float32), LABELS).shape == (4, 28, 28)


def test_the_bootstrap_is_over_fonts() -> None:
    found = mean_over_fonts(np.array([[True] * 50, [False] * 50]), rng())
    assert list(found) == [0.5, 0, 1]


def test_dots_are_counted_in_hands_of_fonts_that_have_them() -> None:
    i, j = ALPHABET.index("i"), ALPHABET.index("j")
    stem = bar(3, 1)
    dot = stem.copy()
    dot[:2, 10:13] = 255
    images = np.array([[stem, dot, stem], [stem, dot, stem]])
    fonts = Letters(np.array([0, i, j]), images, np.ones((2, 3), np.float32))
    found = dotted_shares(fonts, Hands(painter("pen", dot)), rng(), tries=2)
    # No font dots its j.
    assert {name: list(one) for name, one in found.items()} == {"i": [1, 1, 1]}
    assert dotted_shares(fonts, Hands(painter("pen", stem)), rng(), tries=2)["i"].value == 0
